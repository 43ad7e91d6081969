"""Okapi BM25 over weighted words, as sparse matrices: every query against every document in one product.

S. Robertson and H. Zaragoza, The Probabilistic Relevance Framework (2009); fields count by their weights before
saturation, as in BM25F."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from yungu.scenarios.rules.fusion import Matrix

_K1 = 1.2
_B = 0.75
Terms = Mapping[str, float]


class Lexicon:
    """Documents that can be asked. ``documents``: the weight of each term in each."""

    def __init__(self, documents: Sequence[Terms]) -> None:
        from scipy.sparse import csr_array

        self.count = len(documents)
        self._places: dict[str, int] = {}
        weights, columns, ends = _flat(documents, self._places, grow=True)
        counts = csr_array((weights, columns, ends), shape=(self.count, max(1, len(self._places))))
        self._rarity = _rarity(np.bincount(columns, minlength=counts.shape[1]), self.count)
        self._scores = _saturated(counts, self._rarity).T.tocsr()

    def scores(self, queries: Sequence[Terms]) -> Matrix:
        """One row a query, one column a document."""
        from scipy.sparse import csr_array

        weights, columns, ends = _flat(queries, self._places, grow=False)
        asked = csr_array((np.log1p(weights), columns, ends), shape=(len(queries), self._scores.shape[0]))
        return np.asarray((asked @ self._scores).todense(), dtype=np.float32)

    def rarity(self, term: str) -> float:
        """How much it tells that two texts share a term: its inverse document frequency."""
        place = self._places.get(term)
        return 0.0 if place is None else float(self._rarity[place])


def _flat(documents: Sequence[Terms], places: dict[str, int], *, grow: bool) -> tuple[Any, Any, Any]:
    """The three arrays of a sparse matrix by rows."""
    if grow:
        for term in chain.from_iterable(documents):
            places.setdefault(term, len(places))
        known: Sequence[Terms] = documents
    else:
        known = [{term: weight for term, weight in one.items() if term in places} for one in documents]
    columns = np.fromiter((places[term] for term in chain.from_iterable(known)), dtype=np.int32)
    weights = np.fromiter((w for one in known for w in one.values()), dtype=np.float32)
    ends = np.concatenate([[0], np.cumsum([len(one) for one in known])]).astype(np.int32)
    return weights, columns, ends


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
