"""How alike an opportunity and a capability are: words and meaning brought to one scale, then joined by what their
fields say.

Ranks are not fused: reciprocal rank fusion gives a list that knows nothing (words, across languages) the same say as
one that knows, and was measured to ruin what meaning alone finds. Scores are: each is brought to a scale of its own
query, and how much words count depends on whether the two texts share a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

FEATURES = (
    "words", "meaning", "domain", "indicators", "maturity", "budget", "region", "unknowns",
)  # fmt: skip
"""What a pair is judged by, in the order of every array of features. ``words`` 0 to 1, ``meaning`` a standard score,
the others 0 to 1."""
_LEAST_GROUP = 8
"""So few documents of one language are measured with all the others."""
_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class TextWeights:
    """How much words and meaning count. ``shared``: words, when both texts have a language in common; ``across``:
    words (names, numbers, abbreviations), when they have none; ``alone``: words, when there are no vectors."""

    shared: float = 0.30
    across: float = 0.05
    meaning: float = 0.25
    alone: float = 1.0


@dataclass(frozen=True, slots=True)
class Weights:
    """A linear judgement of both sides. ``demand`` and ``provider``: per feature, in the order of ``FEATURES``;
    ``demand_bias`` and ``provider_bias``: log-odds of a pair without any merit."""

    text: TextWeights
    demand: tuple[float, ...]
    demand_bias: float
    provider: tuple[float, ...]
    provider_bias: float

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def scaled_words(scores: Matrix) -> Matrix:
    """Each query's scores over its best one, so that they lie between 0 and 1."""
    best = scores.max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(scores / np.maximum(best, _FLOOR), dtype=np.float32)


def scaled_meaning(cosines: Matrix, groups: NDArray[np.int8]) -> Matrix:
    """Each query's cosines as standard scores among the documents of one language (``groups``): texts of the query's
    own language are nearer to it whatever they say."""
    scaled = np.empty_like(cosines)
    for group in np.unique(groups):
        members = groups == group
        measured = cosines[:, members] if members.sum() >= _LEAST_GROUP else cosines
        mean = measured.mean(axis=1, keepdims=True)
        spread = np.maximum(measured.std(axis=1, keepdims=True), _FLOOR)
        scaled[:, members] = (cosines[:, members] - mean) / spread
    return scaled


def fused(words: Matrix, meaning: Matrix | None, is_shared: NDArray[np.bool_], weights: TextWeights) -> Matrix:
    """The joint score of texts. ``is_shared``: for each pair whether the texts have a language in common."""
    if meaning is None:
        return np.asarray(weights.alone * words, dtype=np.float32)
    share = np.where(is_shared, np.float32(weights.shared), np.float32(weights.across))
    return np.asarray(share * words + np.float32(weights.meaning) * meaning, dtype=np.float32)


def log_odds(features: Floats, weights: Sequence[float], bias: float) -> Floats:
    """The linear judgement of pairs, one a row."""
    return np.asarray(features @ np.asarray(weights) + bias)


def contributions(features: Floats, weights: Sequence[float]) -> Mapping[str, float]:
    """What each feature of one pair adds to its log-odds."""
    added = np.asarray(features) * np.asarray(weights)
    return {name: float(value) for name, value in zip(FEATURES, added, strict=True)}


DEFAULT = Weights(
    text=TextWeights(),
    demand=(1.5, 1.4, 1.5, 4.5, 0.5, 0.5, 0.2, -3.0),
    demand_bias=-7.2,
    provider=(2.0, 4.0, 3.0, 1.0, 0.3, 0.8, 0.3, -0.6),
    provider_bias=-6.0,
)
"""Chosen on the training fields of the constructed corpus only, then rounded: docs/explanation/matching.md."""
