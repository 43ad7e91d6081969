"""Checking a xorb while it streams in.

    verifier = XorbVerifier()
    for block in blocks:                      # 1 to 2 MB each is fastest
        staged.write(block[: verifier.write(block)])
    index = verifier.finish(claimed_hash)     # raises XorbInvalid

A xorb is a run of chunks (see ``chunks``). Clients up to 1.1 append a footer, which is recognised and dropped: nothing
in it is needed, nothing in it is believed.
"""

from __future__ import annotations

import struct

from yungu.storage.xet.chunks import HEADER_BYTES, decode, parse_header
from yungu.storage.xet.errors import XorbInvalid
from yungu.storage.xet.hashing import Buffer, chunk_hash, to_hex
from yungu.storage.xet.index import XorbIndex

MAX_CHUNKS = 8192
MAX_RAW_BYTES = 64 << 20
MAX_STORED_BYTES = MAX_RAW_BYTES + HEADER_BYTES * MAX_CHUNKS
"""A client keeps a chunk uncompressed when compression does not help, so headers are the only growth."""

MAX_FOOTER_BYTES = 1024 + 44 * MAX_CHUNKS
MAX_BODY_BYTES = MAX_STORED_BYTES + MAX_FOOTER_BYTES

_FOOTER_IDENT = b"XETBLOB"
_FOOTER_LENGTH = struct.Struct("<I")


def xorb_key(xorb_hash: str) -> str:
    """Where the stored bytes of a xorb lie in the byte store."""
    return f"xorbs/{xorb_hash[:2]}/{xorb_hash[2:4]}/{xorb_hash}"


class XorbVerifier:
    """Takes the bytes of one xorb in blocks of any size; holds at most one unfinished chunk in memory."""

    def __init__(self) -> None:
        self._carry = bytearray()
        self._footer: bytearray | None = None
        self._hashes: list[bytes] = []
        self._stored_ends: list[int] = []
        self._raw_ends: list[int] = []
        self._stored = 0
        self._raw = 0

    def write(self, block: Buffer) -> int:
        """Check the next bytes and say how many of them (from the start) are to be kept.

        Raises XorbInvalid as soon as something is wrong, also about a chunk that is not complete yet."""
        view = memoryview(block).cast("B")
        if self._footer is not None:
            return self._write_footer(view, 0)
        offset = self._take_chunks(view, self._complete_carry(view))
        if self._footer is not None:
            return self._write_footer(view, offset)
        self._carry += view[offset:]
        return len(view)

    def finish(self, claimed_hash: str) -> XorbIndex:
        """The index of the xorb, whose hash is proven to be ``claimed_hash``. Raises XorbInvalid."""
        if self._carry:
            raise XorbInvalid("The xorb ends inside a chunk.")
        if not self._hashes:
            raise XorbInvalid("The xorb has no chunks.")
        if self._footer is not None:
            self._check_footer(self._footer)
        index = XorbIndex(b"".join(self._hashes), self._stored_ends, self._raw_ends)
        found = to_hex(index.merkle_root())
        if found != claimed_hash:
            raise XorbInvalid(f"The xorb has the hash {found}, not {claimed_hash}.")
        return index

    def _complete_carry(self, view: memoryview) -> int:
        """Fill up the chunk that earlier blocks began; returns how far into ``view`` that reached."""
        offset = 0
        while self._carry and offset < len(view):
            wanted = HEADER_BYTES
            if len(self._carry) >= HEADER_BYTES:
                wanted += parse_header(self._carry, 0)[0]
            taken = view[offset : offset + wanted - len(self._carry)]
            self._carry += taken
            offset += len(taken)
            with memoryview(self._carry) as carried:
                done = self._take_chunks(carried, 0)
            if done:
                self._carry = bytearray()
        return offset

    def _take_chunks(self, view: memoryview, offset: int) -> int:
        """Check the whole chunks that follow ``offset`` and return where the last one ends.

        All headers are read before anything is hashed, which pushes everything else out of the processor's caches."""
        chunks = []
        while offset < len(view) and not self._starts_footer(view, offset):
            chunk = self._read_header(view, offset)
            if chunk is None:
                break
            chunks.append(chunk)
            offset = chunk[1]
        self._hashes += [chunk_hash(decode(view[start:end], scheme, raw)) for start, end, scheme, raw in chunks]
        return offset

    def _read_header(self, view: memoryview, offset: int) -> tuple[int, int, int, int] | None:
        """Where the payload of the chunk at ``offset`` starts and ends, its scheme and raw length; None when the chunk
        is not complete yet."""
        start = offset + HEADER_BYTES
        if start > len(view):
            return None
        stored, scheme, raw = parse_header(view, offset)
        self._check_room(stored, raw)
        end = start + stored
        if end > len(view):
            return None
        self._stored += HEADER_BYTES + stored
        self._raw += raw
        self._stored_ends.append(self._stored)
        self._raw_ends.append(self._raw)
        return start, end, scheme, raw

    def _check_room(self, stored: int, raw: int) -> None:
        if len(self._raw_ends) >= MAX_CHUNKS:
            raise XorbInvalid(f"The xorb has more than {MAX_CHUNKS} chunks.")
        if self._raw + raw > MAX_RAW_BYTES or self._stored + HEADER_BYTES + stored > MAX_STORED_BYTES:
            raise XorbInvalid(f"The xorb holds more than {MAX_RAW_BYTES} bytes.")

    def _starts_footer(self, view: Buffer, offset: int) -> bool:
        """Whether a footer begins here: the version byte of a chunk is never its first letter."""
        if view[offset] != _FOOTER_IDENT[0]:
            return False
        if self._footer is None:
            self._footer = bytearray()
        return True

    def _write_footer(self, view: memoryview, offset: int) -> int:
        footer = self._footer = self._footer or bytearray()
        footer += view[offset:]
        if len(footer) > MAX_FOOTER_BYTES:
            raise XorbInvalid("The xorb has bytes after its last chunk that are no footer.")
        return offset

    def _check_footer(self, footer: bytearray) -> None:
        tail = _FOOTER_LENGTH.size
        whole = len(footer) > len(_FOOTER_IDENT) + tail and footer.startswith(_FOOTER_IDENT)
        if not whole or _FOOTER_LENGTH.unpack_from(footer, len(footer) - tail)[0] != len(footer) - tail:
            raise XorbInvalid("The xorb has bytes after its last chunk that are no footer.")
