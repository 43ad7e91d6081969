"""Makes xorbs and shards as a client would, and as no honest client would."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import lz4.frame

from yungu.storage.xet.hashing import chunk_hash, file_hash, from_hex, merkle_root, term_hash, to_hex

PLAIN, LZ4, BG4_LZ4 = 0, 1, 2
TAG = b"HFRepoMetaData\0" + bytes([85, 105, 103, 69, 106, 123, 129, 87, 131, 165, 189, 217, 92, 205, 209, 74, 169])
BOOKEND = b"\xff" * 32 + bytes(16)


def header(stored: int, scheme: int, raw: int, version: int = 0) -> bytes:
    return struct.pack("<II", version | stored << 8, scheme | raw << 8)


def chunk(data: bytes, scheme: int = PLAIN) -> bytes:
    payload = data
    if scheme == LZ4:
        payload = lz4.frame.compress(data)
    if scheme == BG4_LZ4:
        payload = lz4.frame.compress(b"".join(data[lane::4] for lane in range(4)))
    return header(len(payload), scheme, len(data)) + payload


@dataclass(frozen=True)
class MadeXorb:
    datas: tuple[bytes, ...]
    body: bytes

    @property
    def leaves(self) -> list[tuple[bytes, int]]:
        return [(chunk_hash(data), len(data)) for data in self.datas]

    @property
    def raw_hash(self) -> bytes:
        return merkle_root(self.leaves)

    @property
    def hash(self) -> str:
        return to_hex(self.raw_hash)


def xorb(datas: Sequence[bytes], schemes: Sequence[int] = (PLAIN,)) -> MadeXorb:
    body = b"".join(chunk(data, schemes[number % len(schemes)]) for number, data in enumerate(datas))
    return MadeXorb(tuple(datas), body)


def v1_footer(made: MadeXorb) -> bytes:
    """The footer that clients up to 1.1 append (its sections, in their order)."""
    count = len(made.datas)
    hashes = b"XBLBHSH\0" + struct.pack("<I", count) + b"".join(raw for raw, _ in made.leaves)
    bounds = b"XBLBBND\1" + struct.pack("<I", count) + bytes(8 * count) + struct.pack("<3I", count, 0, 0) + bytes(16)
    footer = b"XETBLOB\1" + made.raw_hash + hashes + bounds
    return footer + struct.pack("<I", len(footer))


@dataclass(frozen=True)
class MadeTerm:
    xorb_hash: bytes
    raw_bytes: int
    start: int
    end: int
    proof: bytes


def term(made: MadeXorb, start: int = 0, end: int | None = None) -> MadeTerm:
    end = len(made.datas) if end is None else end
    proof = term_hash(b"".join(raw for raw, _ in made.leaves[start:end]))
    return MadeTerm(made.raw_hash, sum(len(data) for data in made.datas[start:end]), start, end, proof)


@dataclass(frozen=True)
class MadeFile:
    data: bytes
    hash: str
    terms: tuple[MadeTerm, ...]
    sha256: str | None
    has_verification: bool = True
    claimed_terms: int | None = field(default=None)

    def but(self, **changes: object) -> MadeFile:
        return replace(self, **changes)  # type: ignore[arg-type]

    def record(self) -> bytes:
        flags = self.has_verification << 31 | (self.sha256 is not None) << 30
        count = len(self.terms) if self.claimed_terms is None else self.claimed_terms
        parts = [struct.pack("<32sII8x", from_hex(self.hash), flags, count)]
        parts += [struct.pack("<32s4I", t.xorb_hash, 0, t.raw_bytes, t.start, t.end) for t in self.terms]
        if self.has_verification:
            parts += [struct.pack("<32s16x", t.proof) for t in self.terms]
        if self.sha256 is not None:
            parts.append(struct.pack("<32s16x", from_hex(self.sha256)))
        return b"".join(parts)


def file(*pieces: tuple[MadeXorb, int, int] | MadeXorb) -> MadeFile:
    """A file made of whole xorbs or of (xorb, first chunk, chunk after the last)."""
    runs = [piece if isinstance(piece, tuple) else (piece, 0, len(piece.datas)) for piece in pieces]
    leaves = [leaf for made, start, end in runs for leaf in made.leaves[start:end]]
    data = b"".join(part for made, start, end in runs for part in made.datas[start:end])
    terms = tuple(term(made, start, end) for made, start, end in runs)
    return MadeFile(data, to_hex(file_hash(merkle_root(leaves))), terms, hashlib.sha256(data).hexdigest())


def shard(*files: MadeFile, xorbs: Sequence[MadeXorb] = (), footer_bytes: int = 0) -> bytes:
    blocks = [file.record() for file in files]
    for made in xorbs:
        raw, stored = sum(map(len, made.datas)), len(made.body)
        blocks_xorb = [struct.pack("<32s4I", made.raw_hash, 0, len(made.datas), raw, stored)]
        offset = 0
        for leaf, length in made.leaves:
            blocks_xorb.append(struct.pack("<32sIII4x", leaf, offset, length, 0))
            offset += length
        made_block = b"".join(blocks_xorb)
        blocks.append(made_block)
    file_blocks, xorb_blocks = blocks[: len(files)], blocks[len(files) :]
    head = struct.pack("<32sQQ", TAG, 2, footer_bytes)
    return b"".join([head, *file_blocks, BOOKEND, *xorb_blocks, BOOKEND])
