"""For every capability the few opportunities nearest to it, kept while opportunities pass by one after another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from yungu.scenarios.rules.fusion import Floats

Row = NDArray[np.float32]


class Nearest:
    """``count`` capabilities, ``size`` opportunities of each."""

    def __init__(self, count: int, size: int) -> None:
        self._scores = np.full((count, size), -np.inf, dtype=np.float32)
        self._places = np.zeros((count, size), dtype=np.int32)
        self._kept = np.zeros((count, size, 3))
        self._all = np.arange(count)

    def see(self, place: int, words: Row, meaning: Row, unknowns: Floats, may: NDArray[np.bool_]) -> None:
        """The opportunity at ``place`` with its scores for every capability; ``may``: which may serve it."""
        text = words + meaning
        slots = self._scores.argmin(axis=1)
        rows = np.flatnonzero((text > self._scores[self._all, slots]) & may)
        at = rows, slots[rows]
        self._scores[at] = text[rows]
        self._places[at] = place
        self._kept[at] = np.column_stack([words[rows], meaning[rows], unknowns[rows]])

    def pairs(self) -> Iterator[tuple[int, int, float, float, float]]:
        """Place of the opportunity, of the capability, words, meaning, share of what is unknown."""
        for row, slot in np.argwhere(np.isfinite(self._scores)):
            words, meaning, unknown = self._kept[row, slot]
            yield int(self._places[row, slot]), int(row), float(words), float(meaning), float(unknown)
