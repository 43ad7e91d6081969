"""Putting a file together again from its xorbs, without holding more than a block of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from yungu.storage.backends import ByteStore
from yungu.storage.direct import PAGE_BYTES, aligned_buffer
from yungu.storage.errors import BytesNotFound
from yungu.storage.xet.chunks import HEADER_BYTES, MAX_STORED_BYTES, decode, parse_header
from yungu.storage.xet.errors import XorbDamaged, XorbInvalid
from yungu.storage.xet.hashing import HASH_BYTES, Buffer, chunk_hash
from yungu.storage.xet.terms import Segment
from yungu.storage.xet.xorb import xorb_key

_READ_BYTES = 2 << 20
_SHORT_BYTES = 1 << 20
_CARRY_BYTES = PAGE_BYTES + MAX_STORED_BYTES  # room for the chunk that a read cuts off, before the next read
_BLOCK_BYTES = 1 << 20


def iter_pieces(
    store: ByteStore, segments: Iterable[Segment], *, verify: bool = True, cached: bool = True
) -> Iterator[memoryview]:
    """The bytes of ``segments`` chunk by chunk; each view is only valid until the next one is asked for.

    With ``verify`` every chunk is hashed again before it is given out; with ``cached=False`` long runs are read past
    the page cache. Raises XorbDamaged."""
    buffer = aligned_buffer(_CARRY_BYTES + _READ_BYTES)
    for segment in segments:
        skip, left = segment.skip_bytes, segment.take_bytes
        for raw in _iter_chunks(store, segment, buffer, verify=verify, cached=cached):
            piece = memoryview(raw)[skip : skip + left]
            skip, left = 0, left - len(piece)
            yield piece
        if left:
            raise _damaged(segment, "it holds less than was measured")


def iter_blocks(store: ByteStore, segments: Iterable[Segment], *, verify: bool = True) -> Iterator[bytes]:
    """The same bytes in blocks of about 1 MiB, for a socket. Raises XorbDamaged."""
    block = bytearray()
    for piece in iter_pieces(store, segments, verify=verify):
        block += piece
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _iter_chunks(
    store: ByteStore, segment: Segment, buffer: memoryview, *, verify: bool, cached: bool
) -> Iterator[Buffer]:
    chunk = 0
    is_short = segment.stored_end - segment.stored_start < _SHORT_BYTES  # such a run is often repeated in a file
    try:
        with store.open(xorb_key(segment.term.xorb_hash), cached=cached or is_short) as file:
            for payload, scheme, raw_length in _iter_payloads(file, segment, buffer):
                raw = decode(payload, scheme, raw_length)
                if verify:
                    _check_chunk(raw, segment, chunk)
                chunk += 1
                yield raw
    except (XorbInvalid, BytesNotFound, OSError) as error:
        raise _damaged(segment, str(error)) from error


def _check_chunk(raw: Buffer, segment: Segment, chunk: int) -> None:
    if chunk_hash(raw) != segment.hashes[chunk * HASH_BYTES : (chunk + 1) * HASH_BYTES]:
        raise XorbInvalid(f"chunk {segment.term.chunk_start + chunk} has changed")


def _iter_payloads(file: BinaryIO, segment: Segment, buffer: memoryview) -> Iterator[tuple[memoryview, int, int]]:
    """(payload, scheme, raw length) of every chunk. Whole pages are read; what a read cuts off is moved in front of the
    next one."""
    at = segment.stored_start - segment.stored_start % PAGE_BYTES
    start = _CARRY_BYTES + segment.stored_start - at
    file.seek(at)
    while at < segment.stored_end:
        pages = -(-(segment.stored_end - at) // PAGE_BYTES)
        wanted = buffer[_CARRY_BYTES : _CARRY_BYTES + min(pages * PAGE_BYTES, _READ_BYTES)]
        count: int = file.readinto(wanted)  # type: ignore[attr-defined]
        if not count:
            raise XorbInvalid("it ends too early")
        end = _CARRY_BYTES + min(count, segment.stored_end - at)
        position, at = start, at + count
        while end - position >= HEADER_BYTES:
            stored, scheme, raw_length = parse_header(buffer, position)
            after = position + HEADER_BYTES + stored
            if after > end:
                break
            yield buffer[position + HEADER_BYTES : after], scheme, raw_length
            position = after
        start = _CARRY_BYTES - (end - position)
        buffer[start:_CARRY_BYTES] = buffer[position:end]


def _damaged(segment: Segment, reason: str) -> XorbDamaged:
    return XorbDamaged(f"The stored xorb {segment.term.xorb_hash} is damaged: {reason}.")
