"""Hashes, held against the real client."""

from __future__ import annotations

import random
from pathlib import Path

import hf_xet
import pytest
from hypothesis import given, strategies as st

from support.xet_forge import file, xorb
from yungu.storage.xet.errors import HashInvalid
from yungu.storage.xet.hashing import MerkleTree, file_hash, from_hex, merkle_root, to_hex


def test_a_file_of_one_chunk_has_the_hash_that_the_client_computes(tmp_path: Path) -> None:
    for size in (1, 100, 8192):
        data = random.Random(size).randbytes(size)
        path = tmp_path / "one.bin"
        path.write_bytes(data)
        assert file(xorb([data])).hash == hf_xet.hash_files([str(path)])[0].hash


def test_an_empty_file_has_the_zero_hash_as_for_the_client(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert to_hex(file_hash(merkle_root([]))) == hf_xet.hash_files([str(tmp_path / "empty")])[0].hash


@given(st.binary(min_size=32, max_size=32))
def test_hex_reads_back_to_the_same_bytes(raw: bytes) -> None:
    assert from_hex(to_hex(raw)) == raw


def test_hex_spells_four_little_endian_words() -> None:
    assert to_hex(bytes(range(32))).startswith("07060504030201000f0e0d0c")


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "g" * 64, "A" * 64, "0" * 63 + "\n", "../" * 21 + "x"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(HashInvalid):
        from_hex(text)


def reference_root(nodes: list[tuple[bytes, int]]) -> bytes:
    """The specification's own words: level by level, with all nodes at hand."""
    while len(nodes) > 1:
        above, position = [], 0
        while position < len(nodes):
            rest = nodes[position : position + 9]
            cut = len(rest)
            for child in range(2, len(rest)):
                if int.from_bytes(rest[child][0][24:32], "little") % 4 == 0:
                    cut = child + 1
                    break
            group, position = rest[:cut], position + cut
            parent = MerkleTree()
            parent._levels, parent._closed = [group], [0]
            parent._close(0)
            above.append(parent._levels[1][0])
        nodes = above
    return nodes[0][0] if nodes else bytes(32)


@given(st.integers(0, 400), st.integers(0, 2**32))
def test_the_streamed_tree_equals_the_tree_built_level_by_level(count: int, seed: int) -> None:
    rng = random.Random(seed)
    leaves = [(rng.randbytes(32), rng.randrange(1, 1 << 17)) for _ in range(count)]
    assert merkle_root(leaves) == reference_root(leaves)
