"""The verifier takes honest xorbs in any pieces and refuses every other kind."""

from __future__ import annotations

import random
import tracemalloc
from typing import Any

import lz4.frame
import pytest
from hypothesis import given, settings, strategies as st

from support import xet_forge as forge
from yungu.storage.xet import XorbIndex, XorbInvalid, XorbVerifier

RNG = random.Random(3)
DATAS = [RNG.randbytes(3000 + 17 * number) * 2 for number in range(12)]
HONEST = forge.xorb(DATAS, [forge.PLAIN, forge.LZ4, forge.BG4_LZ4])


def verify(body: bytes, claimed_hash: str, block_bytes: int = 1 << 20) -> XorbIndex:
    verifier = XorbVerifier()
    kept = 0
    for start in range(0, len(body), block_bytes):
        kept += verifier.write(memoryview(body)[start : start + block_bytes])
    index = verifier.finish(claimed_hash)
    assert kept == index.stored_bytes
    return index


@pytest.mark.parametrize("block_bytes", [1, 7, 8, 9, 4096, 1 << 20])
def test_blocks_of_any_size_give_the_same_index(block_bytes: int) -> None:
    index = verify(HONEST.body, HONEST.hash, block_bytes)
    assert index.chunk_count == len(DATAS)
    assert index.stored_ends[-1] == len(HONEST.body)
    assert index.raw_ends[-1] == sum(map(len, DATAS))
    assert [index.chunk_hash(number) for number in range(len(DATAS))] == [raw for raw, _ in HONEST.leaves]


def test_the_index_reads_back_from_its_column() -> None:
    index = verify(HONEST.body, HONEST.hash)
    again = XorbIndex.decode(index.encode())
    assert len(index.encode()) == 40 * len(DATAS)
    assert (again.hashes, list(again.stored_ends)) == (index.hashes, list(index.stored_ends))
    assert list(again.raw_ends) == list(index.raw_ends)


@pytest.mark.parametrize("block_bytes", [1, 5, 1000, 1 << 20])
def test_the_footer_of_an_old_client_is_dropped(block_bytes: int) -> None:
    index = verify(HONEST.body + forge.v1_footer(HONEST), HONEST.hash, block_bytes)
    assert index.stored_bytes == len(HONEST.body)


BOMB = lz4.frame.compress(bytes(48 << 20))
NOISE = RNG.randbytes(1000)
FRAME = lz4.frame.compress(NOISE)

DISHONEST = {
    "nothing at all": b"",
    "a wrong byte in a payload": HONEST.body[:100] + bytes([HONEST.body[100] ^ 1]) + HONEST.body[101:],
    "the last byte missing": HONEST.body[:-1],
    "half a header at the end": HONEST.body + b"\0\0\0",
    "a zero byte after the last chunk": HONEST.body + b"\0",
    "other bytes after the last chunk": HONEST.body + b"trailing bytes",
    "a footer cut short": HONEST.body + forge.v1_footer(HONEST)[:-9],
    "bytes after the footer": HONEST.body + forge.v1_footer(HONEST) + b"more",
    "a footer that never ends": HONEST.body + b"XETBLOB" + bytes(1 << 20),
    "only a footer": forge.v1_footer(HONEST),
    "an unknown header version": forge.header(1000, 0, 1000, version=1) + NOISE,
    "an unknown scheme": forge.header(1000, 3, 1000) + NOISE,
    "a chunk of no bytes": forge.header(0, 0, 0) + HONEST.body,
    "a chunk that says less than it stores": forge.header(1000, 0, 999) + NOISE,
    "a chunk above 128 KiB": forge.chunk(bytes((128 << 10) + 1)),
    "a payload above 256 KiB": forge.header((256 << 10) + 1, 1, 1000) + bytes((256 << 10) + 1),
    "a bomb that inflates to 48 MiB": forge.header(len(BOMB), 1, 1000) + BOMB,
    "a bomb that says 128 KiB": forge.header(len(BOMB), 2, 128 << 10) + BOMB,
    "a frame shorter than it says": forge.header(len(FRAME), 1, 1001) + FRAME,
    "a frame longer than it says": forge.header(len(FRAME), 1, 999) + FRAME,
    "a frame cut short": forge.header(len(FRAME) - 4, 1, 1000) + FRAME[:-4],
    "two frames in one chunk": forge.header(2 * len(FRAME), 1, 1000) + FRAME + FRAME,
    "noise for a frame": forge.header(1000, 1, 1000) + NOISE,
    "8193 chunks": forge.xorb([b"x"] * 8193).body,
    "more than 64 MiB": forge.xorb([bytes(128 << 10)] * 513, [forge.LZ4]).body,
}


@pytest.mark.parametrize("body", DISHONEST.values(), ids=DISHONEST.keys())
@pytest.mark.parametrize("block_bytes", [13, 1 << 20])
def test_a_dishonest_xorb_is_refused(body: bytes, block_bytes: int) -> None:
    with pytest.raises(XorbInvalid):
        verify(body, HONEST.hash, block_bytes)


def test_a_good_xorb_under_another_hash_is_refused_with_both_hashes_told() -> None:
    other = forge.xorb(DATAS[:3])
    with pytest.raises(XorbInvalid, match=f"{other.hash}, not {HONEST.hash}"):
        verify(other.body, HONEST.hash)


def test_a_bomb_never_becomes_large_in_memory() -> None:
    body = forge.header(len(BOMB), 1, 128 << 10) + BOMB
    tracemalloc.start()
    with pytest.raises(XorbInvalid):
        verify(body, HONEST.hash)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


def test_a_refused_xorb_leaves_nothing_behind(xet_site: Any) -> None:
    with pytest.raises(XorbInvalid):
        xet_site.send_xorb(DISHONEST["a wrong byte in a payload"], HONEST.hash)
    assert xet_site.count_rows()["xorbs"] == 0
    assert [path for path in xet_site.store.root.rglob("*") if path.is_file()] == []


def test_sending_a_xorb_twice_keeps_one(xet_site: Any) -> None:
    assert xet_site.send_xorb(HONEST.body, HONEST.hash) is True
    assert xet_site.send_xorb(HONEST.body + forge.v1_footer(HONEST), HONEST.hash) is False
    assert xet_site.count_rows()["xorbs"] == 1


@settings(max_examples=300)
@given(st.binary(max_size=2000), st.integers(1, 300))
def test_arbitrary_bytes_are_refused_and_nothing_else(body: bytes, block_bytes: int) -> None:
    with pytest.raises(XorbInvalid):
        verify(body, HONEST.hash, block_bytes)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_xorb_is_refused_and_nothing_else(data: st.DataObject) -> None:
    body = bytearray(HONEST.body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    if bytes(body) == HONEST.body:
        return
    try:
        index = verify(bytes(body), HONEST.hash, data.draw(st.sampled_from([64, 5000, 1 << 20])))
    except XorbInvalid:
        return
    assert index.hashes == b"".join(raw for raw, _ in HONEST.leaves)
