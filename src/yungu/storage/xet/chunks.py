"""One chunk inside a xorb: an 8 byte header and a payload that may be compressed.

Header: version u8 (0), stored length u24, scheme u8, raw length u24, all little-endian."""

from __future__ import annotations

import struct

from lz4.frame import LZ4FrameDecompressor

from yungu.storage.xet.errors import XorbInvalid
from yungu.storage.xet.hashing import Buffer

HEADER_BYTES = 8
MAX_RAW_BYTES = 128 << 10
MAX_STORED_BYTES = 256 << 10

PLAIN, LZ4, BG4_LZ4 = 0, 1, 2

_HEADER = struct.Struct("<II")


def parse_header(buffer: Buffer, offset: int) -> tuple[int, int, int]:
    """(stored length, scheme, raw length) of the chunk whose header is at ``offset``. Raises XorbInvalid."""
    first, second = _HEADER.unpack_from(buffer, offset)
    stored, scheme, raw = first >> 8, second & 0xFF, second >> 8
    if first & 0xFF:
        raise XorbInvalid(f"A chunk header has version {first & 0xFF}; only 0 is known.")
    if scheme > BG4_LZ4:
        raise XorbInvalid(f"A chunk has the unknown compression scheme {scheme}.")
    if not 0 < raw <= MAX_RAW_BYTES or not 0 < stored <= MAX_STORED_BYTES:
        raise XorbInvalid(f"A chunk of {stored} stored and {raw} raw bytes is outside the limits.")
    if scheme == PLAIN and stored != raw:
        raise XorbInvalid(f"An uncompressed chunk says {raw} bytes but stores {stored}.")
    return stored, scheme, raw


def decode(payload: memoryview, scheme: int, raw_length: int) -> Buffer:
    """The raw bytes of a chunk, never more than ``raw_length`` + 1 in memory. Raises XorbInvalid."""
    if scheme == PLAIN:
        return payload
    data = _inflate(payload, raw_length)
    return _ungroup(data) if scheme == BG4_LZ4 else data


def _inflate(payload: memoryview, raw_length: int) -> bytes:
    frame = LZ4FrameDecompressor()
    try:
        data: bytes = frame.decompress(payload, max_length=raw_length + 1)
    except (RuntimeError, ValueError, MemoryError) as error:
        raise XorbInvalid("A chunk is not a valid LZ4 frame.") from error
    if len(data) != raw_length or not frame.eof:
        raise XorbInvalid(f"A chunk does not decompress to the {raw_length} bytes that its header says.")
    if frame.unused_data:
        raise XorbInvalid("A chunk has bytes after the end of its LZ4 frame.")
    return data


def _ungroup(grouped: bytes) -> memoryview:
    """Undo "BG4": bytes i % 4 == 0 come first, then 1, 2, 3."""
    import numpy as np  # a third of a start, needed only for weights that were compressed

    source = np.frombuffer(grouped, np.uint8)
    target = np.empty(len(grouped), np.uint8)
    offset = 0
    for lane in range(4):
        lane_view = target[lane::4]
        lane_view[:] = source[offset : offset + len(lane_view)]
        offset += len(lane_view)
    return target.data
