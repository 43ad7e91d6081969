"""Reading files back, sweeping what nobody uses, and finding damage."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from support import xet_forge as forge
from yungu.kernel import clock
from yungu.storage import xet

RNG = random.Random(8)
ONE = forge.xorb([RNG.randbytes(5000 + number) for number in range(20)])
TWO = forge.xorb([bytes([number]) * 7000 for number in range(9)], [forge.LZ4, forge.BG4_LZ4])
FILE = forge.file((ONE, 3, 11), (TWO, 0, 9), (ONE, 0, 2), (ONE, 19, 20))


@pytest.fixture
def loaded(xet_site: Any) -> Any:
    xet_site.send_file(FILE, ONE, TWO)
    return xet_site


def test_every_range_reads_the_bytes_of_that_range(loaded: Any) -> None:
    size = len(FILE.data)

    @settings(max_examples=150)
    @given(st.integers(0, size - 1), st.integers(1, size))
    def check(start: int, length: int) -> None:
        assert loaded.read(FILE.hash, start, start + length) == FILE.data[start : start + length]

    check()


def test_long_runs_that_are_read_past_the_cache_prove_the_same_sha256(xet_site: Any) -> None:
    made = forge.xorb([RNG.randbytes(100_000 + number) for number in range(30)])
    whole = forge.file(made, (made, 1, 29), (made, 7, 8), (made, 2, 30))
    xet_site.send_xorb(made.body, made.hash)
    (proven,) = xet_site.send_shard(forge.shard(whole))
    assert proven.sha256 == whole.sha256


def test_a_segment_names_the_chunks_and_stored_bytes_that_a_range_needs(loaded: Any) -> None:
    index = xet.IndexReader(loaded.database)(ONE.hash)
    with loaded.database.read() as session:
        terms = xet.decode_terms(xet.get_file(session, FILE.hash).terms)
    start = len(ONE.datas[3]) + 10
    (segment,) = xet.iter_segments(terms, xet.IndexReader(loaded.database), start, start + 20)
    assert (segment.term.chunk_start, segment.term.chunk_end) == (4, 5)
    assert (segment.stored_start, segment.stored_end) == (index.stored_ends[3], index.stored_ends[4])
    assert (segment.skip_bytes, segment.take_bytes) == (10, 20)
    assert segment.term.raw_bytes == len(ONE.datas[4])


@pytest.mark.parametrize(
    ("start", "end"), [(len(FILE.data), None), (len(FILE.data) + 5, None), (-1, None), (9, 9), (9, 3)]
)
def test_a_range_outside_the_file_is_refused(start: int, end: int | None) -> None:
    with pytest.raises(xet.RangeNotSatisfiable):
        xet.clip_range(start, end, len(FILE.data))


def damage(xet_site: Any, made: forge.MadeXorb, kind: str) -> None:
    path = xet_site.store.path(xet.xorb_key(made.hash))
    body = bytearray(path.read_bytes())
    if kind == "missing":
        path.unlink()
        return
    if kind == "flipped":
        body[len(body) // 2] ^= 1
    if kind == "short":
        del body[-3000:]
    if kind == "longer":
        body += b"\0" * 20
    path.chmod(0o644)
    path.write_bytes(body)


@pytest.mark.parametrize("made", [ONE, TWO], ids=["plain", "compressed"])
@pytest.mark.parametrize("kind", ["missing", "flipped", "short"])
def test_damaged_bytes_are_never_given_out(loaded: Any, made: forge.MadeXorb, kind: str) -> None:
    damage(loaded, made, kind)
    with pytest.raises(xet.XorbDamaged):
        loaded.read(FILE.hash)


@pytest.mark.parametrize("kind", ["missing", "flipped", "short", "longer"])
def test_a_check_finds_the_damage(loaded: Any, kind: str) -> None:
    index = xet.IndexReader(loaded.database)(ONE.hash)
    xet.check_xorb(loaded.store, ONE.hash, index)
    damage(loaded, ONE, kind)
    with pytest.raises(xet.XorbDamaged):
        xet.check_xorb(loaded.store, ONE.hash, index)


def test_a_check_of_a_file_hashes_all_of_it(loaded: Any) -> None:
    with loaded.database.read() as session:
        file = xet.get_file(session, FILE.hash)
    xet.check_file(loaded.store, xet.IndexReader(loaded.database), file)
    wrong = xet.XetFile(file.hash, "0" * 64, file.size_bytes, file.terms)
    with pytest.raises(xet.Sha256Mismatch):
        xet.check_file(loaded.store, xet.IndexReader(loaded.database), wrong)


def sweep(xet_site: Any, **age: float) -> list[str]:
    with xet_site.database.read() as session:
        unused = list(xet.iter_unreferenced_xorbs(session, clock.now() - timedelta(**age)))
    with xet_site.database.write() as session:
        gone = [xorb.hash for xorb in unused if xet.drop_xorb(session, xorb)]
    for xorb_hash in gone:
        with xet_site.database.write() as session:
            xet.drop_xorb_bytes(session, xet_site.store, xorb_hash)
    return sorted(gone)


def test_a_sweep_takes_what_no_file_uses_and_what_is_old_enough(loaded: Any) -> None:
    assert sweep(loaded) == []
    with loaded.database.write() as session:
        xet.drop_file(session, FILE.hash)
    assert sweep(loaded, hours=1) == []
    assert sweep(loaded) == sorted([ONE.hash, TWO.hash])
    rows = loaded.count_rows()
    assert (rows["xorbs"], rows["xet_dedup"], rows["xet_edges"]) == (0, 0, 0)
    assert list(loaded.store.iter_keys("xorbs")) == []


def test_a_xorb_sent_again_during_a_sweep_stays(loaded: Any) -> None:
    with loaded.database.write() as session:
        xet.drop_file(session, FILE.hash)
        seen = xet.find_xorb(session, ONE.hash)
    loaded.send_xorb(ONE.body, ONE.hash)
    with loaded.database.write() as session:
        assert not xet.drop_xorb(session, seen)


def test_bytes_sent_again_between_the_two_steps_of_a_sweep_stay(loaded: Any) -> None:
    with loaded.database.write() as session:
        xet.drop_file(session, FILE.hash)
        assert xet.drop_xorb(session, xet.find_xorb(session, ONE.hash))
    loaded.send_xorb(ONE.body, ONE.hash)
    with loaded.database.write() as session:
        assert not xet.drop_xorb_bytes(session, loaded.store, ONE.hash)
    xet.check_xorb(loaded.store, ONE.hash, xet.IndexReader(loaded.database)(ONE.hash))


def test_a_sender_whose_bytes_were_just_swept_is_told_to_send_again(loaded: Any) -> None:
    index = xet.IndexReader(loaded.database)(ONE.hash)
    loaded.store.delete(xet.xorb_key(ONE.hash))
    with pytest.raises(xet.XorbDamaged), loaded.database.write() as session:
        xet.record_xorb(session, loaded.store, ONE.hash, index, user_id=1)
