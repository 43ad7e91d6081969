"""What was measured when a xorb came in: its chunk hashes and where each chunk ends, 40 bytes a chunk."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yungu.storage.xet.hashing import HASH_BYTES, merkle_root

_ROW_BYTES = HASH_BYTES + 8


@dataclass(frozen=True, slots=True)
class XorbIndex:
    """``hashes``: raw chunk hashes, concatenated. ``stored_ends`` / ``raw_ends``: byte offset after each chunk, in the
    stored (compressed, with headers) and the uncompressed xorb."""

    hashes: bytes
    stored_ends: Sequence[int]
    raw_ends: Sequence[int]

    @property
    def chunk_count(self) -> int:
        return len(self.raw_ends)

    @property
    def stored_bytes(self) -> int:
        return self.stored_ends[-1] if self.stored_ends else 0

    @property
    def raw_bytes(self) -> int:
        return self.raw_ends[-1] if self.raw_ends else 0

    def chunk_hash(self, chunk: int) -> bytes:
        return self.hashes[chunk * HASH_BYTES : (chunk + 1) * HASH_BYTES]

    def stored_start(self, chunk: int) -> int:
        return self.stored_ends[chunk - 1] if chunk else 0

    def raw_start(self, chunk: int) -> int:
        return self.raw_ends[chunk - 1] if chunk else 0

    def raw_length(self, start: int, end: int) -> int:
        """Uncompressed bytes of the chunks ``start`` (inclusive) to ``end`` (exclusive)."""
        return self.raw_start(end) - self.raw_start(start)

    def iter_leaves(self, start: int, end: int) -> Iterator[tuple[bytes, int]]:
        """(chunk hash, raw length) of the chunks ``start`` to ``end``."""
        hashes, offset = self.hashes, self.raw_start(start)
        for chunk, raw_end in enumerate(self.raw_ends[start:end], start):
            yield hashes[chunk * HASH_BYTES : (chunk + 1) * HASH_BYTES], raw_end - offset
            offset = raw_end

    def merkle_root(self) -> bytes:
        return merkle_root(self.iter_leaves(0, self.chunk_count))

    def encode(self) -> bytes:
        """Compact bytes for a database column; read back by ``decode``."""
        count = self.chunk_count
        return self.hashes + struct.pack(f"<{2 * count}I", *self.stored_ends, *self.raw_ends)

    @classmethod
    def decode(cls, encoded: bytes) -> XorbIndex:
        count = len(encoded) // _ROW_BYTES
        ends = struct.unpack_from(f"<{2 * count}I", encoded, count * HASH_BYTES)
        return cls(encoded[: count * HASH_BYTES], ends[:count], ends[count:])
