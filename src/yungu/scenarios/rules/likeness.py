"""How alike two items are, whatever their words' order: sets of letter groups, sketched by their least hashes.

Two sketches agree in about the share that the sets have in common (Broder, On the resemblance and containment of
documents, 1997)."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Any

from yungu.scenarios.models import Content, Language
from yungu.scenarios.rules.contents import texts

PLACES = 96
"""Of a sketch; the share that they tell is off by about 1 / sqrt(PLACES) at most."""
ALIKE = 0.42
"""Share from which two items are shown as perhaps the same. Measured on the example needs: rewordings share 0.78 and
more, different needs 0.18 and less."""
_LEAST_GROUPS = 24
_NO_LETTER = re.compile(r"[^\w]+|_")
_PRIME = (1 << 31) - 1
_SEED = 20261122


def sketch(content: Content, language: Language) -> bytes | None:
    """4 * PLACES bytes; None where too little is written in that language."""
    groups = letter_groups(" ".join(texts(content, language)), language)
    if len(groups) < _LEAST_GROUPS:
        return None
    import numpy as np

    hashes = np.fromiter((zlib.crc32(group.encode()) % _PRIME for group in groups), dtype=np.uint64)
    factors, offsets = _permutations()
    least = np.min((hashes[:, None] * factors + offsets) % _PRIME, axis=0)
    return bytes(least.astype("<u4").tobytes())


def likeness(sketched: bytes, others: Sequence[bytes]) -> Sequence[float]:
    """The share in common with each of the others, 0 to 1."""
    import numpy as np

    if not others:
        return []
    own = np.frombuffer(sketched, dtype="<u4")
    table = np.frombuffer(b"".join(others), dtype="<u4").reshape(len(others), PLACES)
    shares: list[float] = (table == own).mean(axis=1).tolist()
    return shares


def letter_groups(text: str, language: Language) -> set[str]:
    """Every two neighbouring letters of Chinese, every four of other writing; spaces and marks do not count."""
    plain = _NO_LETTER.sub("" if language == "zh" else " ", unicodedata.normalize("NFKC", text).casefold())
    size = 2 if language == "zh" else 4
    return {plain[at : at + size] for at in range(len(plain) - size + 1)}


def _permutations() -> tuple[Any, Any]:
    import numpy as np

    dice = np.random.default_rng(_SEED)
    factors = dice.integers(1, _PRIME, PLACES, dtype=np.uint64)
    return factors, dice.integers(0, _PRIME, PLACES, dtype=np.uint64)
