"""Okapi BM25 over weighted words, as sparse matrices: every query against every document in one product.

S. Robertson and H. Zaragoza, The Probabilistic Relevance Framework (2009); fields count by their weights before
saturation, as in BM25F."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yungu.scenarios.rules.fusion import Matrix

_K1 = 1.2
_B = 0.75
Terms = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Bag:
    """The words of one text: number and weight of each, in the order in which they were first said."""

    places: NDArray[np.int32]
    weights: NDArray[np.float32]


class Vocabulary:
    """Numbers for words, the same for all texts that are compared. It only grows; threads may ask at once."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._next = count()

    def bag(self, terms: Terms) -> Bag:
        places = np.fromiter((self._place(term) for term in terms), dtype=np.int32, count=len(terms))
        return Bag(places, np.fromiter(terms.values(), dtype=np.float32, count=len(terms)))

    def find(self, term: str) -> int | None:
        return self._places.get(term)

    def _place(self, term: str) -> int:
        found = self._places.get(term)
        return self._places.setdefault(term, next(self._next)) if found is None else found


class Lexicon:
    """Documents that can be asked; all bags are of ``vocabulary``."""

    def __init__(self, documents: Sequence[Bag], vocabulary: Vocabulary) -> None:
        from scipy.sparse import csr_array

        self._vocabulary = vocabulary
        places, weights, ends = _flat(documents)
        self._width = int(places.max(initial=0)) + 1
        counts = csr_array((weights, places, ends), shape=(len(documents), self._width))
        self._rarity = _rarity(np.bincount(places, minlength=self._width), len(documents))
        self._scores = _saturated(counts, self._rarity).T.tocsr()

    def scores(self, queries: Sequence[Bag]) -> Matrix:
        """One row a query, one column a document."""
        from scipy.sparse import csr_array

        places, weights, ends = _flat(queries)
        known = places < self._width
        ends = np.concatenate([[0], np.cumsum(known)])[ends]
        asked = csr_array((np.log1p(weights[known]), places[known], ends), shape=(len(queries), self._width))
        return np.asarray((asked @ self._scores).todense(), dtype=np.float32)

    def rarity(self, term: str) -> float:
        """How much it tells that two texts share a term: its inverse document frequency."""
        place = self._vocabulary.find(term)
        return 0.0 if place is None or place >= self._width else float(self._rarity[place])


def _flat(bags: Sequence[Bag]) -> tuple[Any, Any, Any]:
    """The three arrays of a sparse matrix by rows. Sums go along them, so they are the same whatever number a word
    has."""
    places = np.concatenate([np.zeros(0, dtype=np.int32), *(one.places for one in bags)])
    weights = np.concatenate([np.zeros(0, dtype=np.float32), *(one.weights for one in bags)])
    return places, weights, np.concatenate([[0], np.cumsum([len(one.places) for one in bags])]).astype(np.int32)


def _rarity(found_in: Any, count: int) -> Any:
    return np.log1p((count - found_in + 0.5) / (found_in + 0.5)).astype(np.float32)


def _saturated(counts: Any, rarity: Any) -> Any:
    """The weight of each term in each document: rare ones count, repetition ever less, long texts less."""
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    mean = lengths.mean() if lengths.size and lengths.sum() else 1.0
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    norm = _K1 * (1 - _B + _B * lengths[rows] / mean)
    scored = counts.copy()
    scored.data = (rarity[counts.indices] * counts.data * (_K1 + 1) / (counts.data + norm)).astype(np.float32)
    return scored
