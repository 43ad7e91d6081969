"""The next token from its logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from yungu.compute.runtimes.protocol import Ask

Array = np.ndarray[Any, Any]


def sampler(ask: Ask) -> Callable[[Array], int]:
    """Picks a token id from logits (one per token): the likeliest at temperature 0, else by chance among the likeliest
    that together have ``top_p``. The same seed picks the same tokens."""
    penalize = _Penalizer(ask)
    if ask.temperature <= 0:
        return lambda logits: penalize.taken(int(penalize(logits).argmax()))
    dice = np.random.default_rng(ask.seed)
    return lambda logits: penalize.taken(_draw(penalize(logits) / ask.temperature, ask.top_p, dice))


def _draw(logits: Array, top_p: float, dice: np.random.Generator) -> int:
    chances = np.exp(logits - logits.max(), dtype=np.float64)
    chances /= chances.sum()
    if top_p >= 1:
        return min(int(np.searchsorted(chances.cumsum(), dice.random(), side="right")), len(chances) - 1)
    order = np.argsort(-chances, kind="stable")
    reached = chances[order].cumsum()
    kept = int(np.searchsorted(reached, top_p)) + 1
    picked = np.searchsorted(reached[:kept], dice.random() * reached[min(kept, len(reached)) - 1], side="right")
    return int(order[min(picked, len(order) - 1)])


class _Penalizer:
    """Lowers the logits of tokens that were taken before, as OpenAI's presence and frequency penalties do."""

    def __init__(self, ask: Ask) -> None:
        self._presence, self._frequency = ask.presence_penalty, ask.frequency_penalty
        self._is_needed = bool(ask.presence_penalty or ask.frequency_penalty)
        self._counts: dict[int, int] = {}

    def __call__(self, logits: Array) -> Array:
        if not self._counts:
            return logits
        lowered = logits.copy()
        for token, count in self._counts.items():
            lowered[token] -= self._presence + self._frequency * count
        return lowered

    def taken(self, token: int) -> int:
        if self._is_needed:
            self._counts[token] = self._counts.get(token, 0) + 1
        return token
