"""The five Xet hashes, their spelling, and the merkle tree.

Raw hashes are 32 bytes. Their *canonical hex* (URLs, JSON, database) reads them as four little-endian 64 bit words,
so it is not ``raw.hex()``. All hashes are BLAKE3 in keyed mode; the keys are constants of the Xet protocol
specification (https://huggingface.co/docs/xet).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from blake3 import blake3

from yungu.storage.xet.errors import HashInvalid

Buffer = bytes | bytearray | memoryview

DATA_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
TERM_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
ZERO_HASH = bytes(32)

HASH_BYTES = 32
DEDUP_MODULUS = 1024
"""One chunk in this many may be asked for in the global dedup index."""

_LITTLE, _BIG = struct.Struct("<4Q"), struct.Struct(">4Q")
_HEX = re.compile(r"[0-9a-f]{64}")
_MIN_CUT = 3
_MAX_CHILDREN = 9


def to_hex(raw: Buffer) -> str:
    """Canonical hex of 32 raw bytes."""
    return _BIG.pack(*_LITTLE.unpack(raw)).hex()


def from_hex(text: str) -> bytes:
    """The 32 raw bytes of canonical hex. Raises HashInvalid."""
    if not _HEX.fullmatch(text):
        raise HashInvalid(f"{text[:80]!r} is not a Xet hash (64 lower-case hex digits).")
    return _LITTLE.pack(*_BIG.unpack(bytes.fromhex(text)))


def chunk_hash(data: Buffer) -> bytes:
    """Hash of the raw (uncompressed) bytes of a chunk."""
    return blake3(data, key=DATA_KEY).digest()


def term_hash(chunk_hashes: Buffer) -> bytes:
    """Verification hash of a run of chunks: over their concatenated raw hashes."""
    return blake3(chunk_hashes, key=TERM_KEY).digest()


def keyed_hash(key: bytes, raw: Buffer) -> bytes:
    """A chunk hash as a dedup reply shows it: only who has the chunk can recognise it."""
    return blake3(raw, key=key).digest()


def is_dedup_eligible(raw: Buffer) -> bool:
    return not int.from_bytes(raw[24:26], "little") % DEDUP_MODULUS


class MerkleTree:
    """The aggregated hash of (hash, size) leaves, fed in order; memory grows with the logarithm of their count.

    On every level nodes are grouped left to right: a group closes after a third or later child whose last word is
    divisible by four, after the ninth child, or at the end of the level."""

    def __init__(self) -> None:
        self._levels: list[list[tuple[bytes, int]]] = []
        self._closed: list[int] = []

    def add(self, raw: bytes, size: int) -> None:
        self._add(0, raw, size)

    def root(self) -> bytes:
        """The root; 32 zero bytes when there are no leaves, the leaf itself when there is one. Ends the tree."""
        level = 0
        while level < len(self._levels):
            children = self._levels[level]
            if level == len(self._levels) - 1 and not self._closed[level] and len(children) == 1:
                return children[0][0]
            if children:
                self._close(level)
            level += 1
        return ZERO_HASH

    def _add(self, level: int, raw: bytes, size: int) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._closed.append(0)
        children = self._levels[level]
        children.append((raw, size))
        count = len(children)
        if count == _MAX_CHILDREN or (count >= _MIN_CUT and not raw[24] & 3):
            self._close(level)

    def _close(self, level: int) -> None:
        children = self._levels[level]
        text = "".join(f"{to_hex(raw)} : {size}\n" for raw, size in children)
        total = sum(size for _, size in children)
        self._levels[level] = []
        self._closed[level] += 1
        self._add(level + 1, blake3(text.encode(), key=NODE_KEY).digest(), total)


def merkle_root(leaves: Iterable[tuple[bytes, int]]) -> bytes:
    """Root over (chunk hash, raw length): the hash of a xorb."""
    tree = MerkleTree()
    for raw, size in leaves:
        tree.add(raw, size)
    return tree.root()


def file_hash(root: bytes) -> bytes:
    """The hash of a file, from the merkle root over all its chunks; an empty file's is 32 zero bytes."""
    return ZERO_HASH if root == ZERO_HASH else blake3(root, key=ZERO_HASH).digest()
