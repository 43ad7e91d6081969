"""Shards: what a client says about its files (uploads), and what the server says about its xorbs (dedup replies).

All records are 48 bytes, little-endian. Layout: header; file blocks and a bookend; xorb blocks and a bookend; in
replies and in uploads of old clients a footer. Reading never copies: the views point into the buffer that was parsed.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from yungu.storage.xet.errors import ShardInvalid
from yungu.storage.xet.hashing import Buffer, is_dedup_eligible, keyed_hash, to_hex
from yungu.storage.xet.index import XorbIndex
from yungu.storage.xet.terms import Term

RECORD_BYTES = 48
MAX_SHARD_BYTES = 64 << 20

_TAG = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9")
_VERSION = 2
_BOOKEND = b"\xff" * 32 + bytes(16)

_HEADER = struct.Struct("<32sQQ")
_FILE = struct.Struct("<32sII8x")
_TERM = struct.Struct("<32s4I")
_HASH = struct.Struct("<32s16x")
_XORB = struct.Struct("<32s4I")
_CHUNK = struct.Struct("<32sIII4x")
_FOOTER = struct.Struct("<3Q6Q32s2Q48x3QQ")

_HAS_VERIFICATION = 1 << 31
_HAS_SHA256 = 1 << 30
_DEDUP_CANDIDATE = 1 << 31


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One file block. ``sha256``: canonical hex that the client claims, None when it claims nothing."""

    file_hash: str
    term_count: int
    sha256: str | None
    _terms: memoryview
    _verification: memoryview

    def iter_terms(self) -> Iterator[tuple[Term, bytes]]:
        """Each term with the verification hash that the client gives for it."""
        records = zip(_TERM.iter_unpack(self._terms), _HASH.iter_unpack(self._verification), strict=True)
        for (xorb, _flags, raw_bytes, start, end), (proof,) in records:
            yield Term(to_hex(xorb), start, end, raw_bytes), proof


def parse_shard(buffer: Buffer) -> list[ShardFile]:
    """The files of an uploaded shard; its structure is checked to the last byte. Raises ShardInvalid.

    What the shard says about xorbs is only walked over: the server believes what it measured itself."""
    view = memoryview(buffer).cast("B")
    if len(view) > MAX_SHARD_BYTES:
        raise ShardInvalid(f"The shard has {len(view)} bytes; {MAX_SHARD_BYTES} are allowed.")
    reader = _Reader(view)
    tag, version, footer_bytes = _HEADER.unpack(reader.take(1))
    if tag != _TAG or version != _VERSION:
        raise ShardInvalid("This is not a version 2 shard.")
    files = list(_iter_files(reader))
    _skip_xorbs(reader)
    if reader.rest and not footer_bytes:  # clients up to 1.2 announce a footer and leave it out
        raise ShardInvalid(f"The shard has {reader.rest} bytes after its end.")
    return files


def build_dedup_shard(
    xorbs: Iterable[tuple[bytes, XorbIndex, Sequence[range]]], *, key: bytes, created_at: datetime, expires_at: datetime
) -> bytes:
    """A reply that lists (raw xorb hash, index, chunks that may be shown), with chunk hashes keyed by ``key``.

    Chunks that may not be shown keep their place but get random hashes: nothing can be learned from them."""
    blocks = [_xorb_block(raw, index, shown, key) for raw, index, shown in xorbs]
    xorb_start = _HEADER.size + len(_BOOKEND)
    footer_start = xorb_start + sum(map(len, blocks)) + len(_BOOKEND)
    times = int(created_at.timestamp()), int(expires_at.timestamp())
    lookups = (footer_start, 0) * 3
    footer = _FOOTER.pack(1, _HEADER.size, xorb_start, *lookups, key, *times, 0, 0, 0, footer_start)
    header = _HEADER.pack(_TAG, _VERSION, _FOOTER.size)
    return b"".join([header, _BOOKEND, *blocks, _BOOKEND, footer])


class _Reader:
    """Walks 48 byte records; every count is checked against the bytes that are really there."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._offset = 0

    @property
    def rest(self) -> int:
        return len(self._view) - self._offset

    def take(self, count: int) -> memoryview:
        end = self._offset + count * RECORD_BYTES
        if end > len(self._view):
            raise ShardInvalid("The shard ends inside a record.")
        records = self._view[self._offset : end]
        self._offset = end
        return records


def _iter_files(reader: _Reader) -> Iterator[ShardFile]:
    while (record := reader.take(1)) != _BOOKEND:
        raw, flags, count = _FILE.unpack(record)
        if not flags & _HAS_VERIFICATION:
            raise ShardInvalid(f"File {to_hex(raw)} has no verification section.")
        terms, verification = reader.take(count), reader.take(count)
        sha256 = to_hex(_HASH.unpack(reader.take(1))[0]) if flags & _HAS_SHA256 else None
        yield ShardFile(to_hex(raw), count, sha256, terms, verification)


def _skip_xorbs(reader: _Reader) -> None:
    while (record := reader.take(1)) != _BOOKEND:
        reader.take(_XORB.unpack(record)[2])


def _xorb_block(raw: bytes, index: XorbIndex, shown: Sequence[range], key: bytes) -> bytes:
    visible = bytearray(index.chunk_count)
    for chunks in shown:
        visible[chunks.start : chunks.stop] = b"\1" * len(chunks)
    records = [_XORB.pack(raw, 0, index.chunk_count, index.raw_bytes, index.stored_bytes)]
    offset = 0
    for (found, length), is_visible in zip(index.iter_leaves(0, index.chunk_count), visible, strict=True):
        flags = _DEDUP_CANDIDATE if is_visible and is_dedup_eligible(found) else 0
        told = keyed_hash(key, found) if is_visible else os.urandom(32)
        records.append(_CHUNK.pack(told, offset, length, flags))
        offset += length
    return b"".join(records)
