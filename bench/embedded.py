"""Vectors of texts for benchmarks, made once by the packaged model and kept in ``build/bench``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness import RESULTS, progress
from yungu.scenarios.matching.texts import text_hash
from yungu.scenarios.matching.vectors import Packaged, unit

_KEPT = RESULTS / "vectors.npz"
_AT_ONCE = 64


def embed(texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Unit vectors by the hash of each text."""
    known = _read()
    missing = {text_hash(text): text for text in texts if text_hash(text) not in known}
    names = list(missing)
    model = Packaged()
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        made = unit(np.asarray(model.embed([missing[name] for name in part]), dtype=np.float32))
        known |= dict(zip(part, made, strict=True))
        _keep(known)
        progress(f"embedded {start + len(part)} of {len(names)} texts")
    return {text_hash(text): known[text_hash(text)] for text in texts}


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
