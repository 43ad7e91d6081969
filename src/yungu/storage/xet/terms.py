"""A file as a list of terms: runs of chunks in xorbs, 44 bytes each in the database."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from yungu.storage.xet.errors import RangeNotSatisfiable
from yungu.storage.xet.hashing import HASH_BYTES, from_hex, to_hex
from yungu.storage.xet.index import XorbIndex

_TERM = struct.Struct("<32sIII")

FindIndex = Callable[[str], XorbIndex]
"""The index of a xorb by its hash."""


@dataclass(frozen=True, slots=True)
class Term:
    """The chunks ``chunk_start`` to ``chunk_end`` (exclusive) of a xorb: ``raw_bytes`` of the file."""

    xorb_hash: str
    chunk_start: int
    chunk_end: int
    raw_bytes: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A term cut to the chunks that a byte range needs.

    ``stored_start`` / ``stored_end``: where they lie in the stored xorb. ``skip_bytes``: raw bytes of the first chunk
    before the range; ``take_bytes``: raw bytes of the range in this segment. ``hashes``: raw hashes of the chunks."""

    term: Term
    stored_start: int
    stored_end: int
    skip_bytes: int
    take_bytes: int
    hashes: bytes


def encode_terms(terms: Iterable[Term]) -> bytes:
    return b"".join(_TERM.pack(from_hex(t.xorb_hash), t.chunk_start, t.chunk_end, t.raw_bytes) for t in terms)


def decode_terms(encoded: bytes) -> list[Term]:
    return [Term(to_hex(raw), start, end, size) for raw, start, end, size in _TERM.iter_unpack(encoded)]


def clip_range(start: int, end: int | None, size_bytes: int) -> tuple[int, int]:
    """The half-open range inside a file of ``size_bytes``; ``end`` None means to the end. Raises RangeNotSatisfiable.

    An empty file gives (0, 0) when all of it is asked for."""
    clipped = size_bytes if end is None else min(end, size_bytes)
    if size_bytes == 0 and start == 0:
        return 0, 0
    if not 0 <= start < clipped:
        raise RangeNotSatisfiable(f"The file has {size_bytes} bytes; the range starts at {start}.")
    return start, clipped


def iter_segments(terms: Iterable[Term], find_index: FindIndex, start: int, end: int) -> Iterator[Segment]:
    """The segments that hold the bytes ``start`` to ``end`` (exclusive), in order."""
    offset = 0
    for term in terms:
        if offset >= end:
            return
        after = offset + term.raw_bytes
        if after > start:
            yield _cut(term, find_index(term.xorb_hash), max(start - offset, 0), min(end, after) - offset)
        offset = after


def _cut(term: Term, index: XorbIndex, start: int, end: int) -> Segment:
    """``start`` and ``end`` count raw bytes from the beginning of the term."""
    base = index.raw_start(term.chunk_start)
    first = bisect_right(index.raw_ends, base + start)
    last = bisect_right(index.raw_ends, base + end - 1) + 1
    return Segment(
        term=Term(term.xorb_hash, first, last, index.raw_length(first, last)),
        stored_start=index.stored_start(first),
        stored_end=index.stored_start(last),
        skip_bytes=base + start - index.raw_start(first),
        take_bytes=end - start,
        hashes=index.hashes[first * HASH_BYTES : last * HASH_BYTES],
    )
