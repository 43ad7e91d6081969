"""Shards: honest ones are recorded, whatever else a client says is refused and leaves no row."""

from __future__ import annotations

import hashlib
import random
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from support import xet_forge as forge
from yungu.kernel.errors import YunguError
from yungu.storage import xet
from yungu.storage.xet.hashing import from_hex, keyed_hash, to_hex

RNG = random.Random(4)
ONE = forge.xorb([RNG.randbytes(9000) for _ in range(6)])
TWO = forge.xorb([b"two" * 4000, RNG.randbytes(10_000), b"tail"], [forge.LZ4, forge.BG4_LZ4, forge.PLAIN])
FILE = forge.file(ONE, (TWO, 1, 3))
VICTIM = hashlib.sha256(b"somebody else's weights").hexdigest()


@pytest.fixture
def loaded(xet_site: Any) -> Any:
    """A site that has both xorbs and no file."""
    for made in (ONE, TWO):
        xet_site.send_xorb(made.body, made.hash)
    return xet_site


def test_an_honest_file_is_known_by_both_hashes_and_reads_back(loaded: Any) -> None:
    loaded.send_shard(forge.shard(FILE, xorbs=[ONE, TWO]))
    with loaded.database.read() as session:
        assert xet.find_file_hash(session, FILE.sha256) == FILE.hash
    assert loaded.read(FILE.hash) == FILE.data
    assert loaded.count_rows()["blobs"] == 1


def test_sending_the_same_shard_again_changes_nothing(loaded: Any) -> None:
    loaded.send_shard(forge.shard(FILE))
    before = loaded.count_rows()
    again = loaded.send_shard(forge.shard(FILE))
    assert [proven.is_new for proven in again] == [False]
    assert loaded.count_rows() == before


def test_a_file_without_a_claim_gets_the_sha256_of_its_bytes(loaded: Any) -> None:
    loaded.send_shard(forge.shard(FILE.but(sha256=None)))
    with loaded.database.read() as session:
        assert xet.get_file(session, FILE.hash).sha256 == FILE.sha256


@pytest.mark.parametrize("footer", [bytes(200), b""], ids=["with", "without"])
def test_one_shard_may_hold_many_files_and_the_footer_that_an_old_client_announces(loaded: Any, footer: bytes) -> None:
    small = forge.file((TWO, 0, 1))
    loaded.send_shard(forge.shard(FILE, small, xorbs=[TWO], footer_bytes=200) + footer)
    assert loaded.read(small.hash) == small.data


def test_an_empty_file_is_a_file(loaded: Any) -> None:
    empty = forge.file()
    loaded.send_shard(forge.shard(empty))
    assert loaded.read(empty.hash) == b""


def test_progress_is_told_up_to_the_last_byte(loaded: Any) -> None:
    checked = xet.check_shard(loaded.database, xet.parse_shard(forge.shard(FILE)))
    told: list[tuple[int, int]] = []
    xet.prove_files(loaded.database, loaded.store, checked, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(FILE.data), len(FILE.data))


def wrong_term(**changes: Any) -> forge.MadeFile:
    first, *rest = FILE.terms
    return FILE.but(terms=(forge.MadeTerm(**{**vars(first), **changes}), *rest))


GOOD = forge.shard(FILE, xorbs=[ONE])
TINY = forge.xorb([b"x"] * 8000)

LIES = {
    "claims another file's sha256": forge.shard(FILE.but(sha256=VICTIM)),
    "one of two files claims another's sha256": forge.shard(forge.file(ONE), FILE.but(sha256=VICTIM)),
    "names a xorb that is not there": forge.shard(forge.file(forge.xorb([b"never sent"]))),
    "chunk range past the end": forge.shard(wrong_term(end=7)),
    "chunk range of 4 billion": forge.shard(wrong_term(end=2**32 - 1)),
    "chunk range backwards": forge.shard(wrong_term(start=3, end=2)),
    "chunk range empty": forge.shard(wrong_term(start=0, end=0, raw_bytes=0)),
    "wrong unpacked length": forge.shard(wrong_term(raw_bytes=54_001)),
    "wrong verification hash": forge.shard(wrong_term(proof=bytes(32))),
    "no verification section": forge.shard(FILE.but(has_verification=False)),
    "terms in another order": forge.shard(FILE.but(terms=FILE.terms[::-1])),
    "another file hash": forge.shard(FILE.but(hash=forge.file(ONE).hash)),
    "more terms than bytes": forge.shard(FILE.but(claimed_terms=3)),
    "4 billion terms": forge.shard(FILE.but(claimed_terms=2**32 - 1)),
    "many repeats of tiny chunks": forge.shard(forge.file(*[TINY] * 3)),
    "empty": b"",
    "another tag": b"X" + GOOD[1:],
    "another version": GOOD[:32] + struct.pack("<Q", 3) + GOOD[40:],
    "no end of files": GOOD[: 48 + 48 * 6],
    "xorb block of 4 billion chunks": GOOD[:-48] + struct.pack("<32s4I", ONE.raw_hash, 0, 2**32 - 1, 0, 0) + GOOD[-48:],
    "trailing bytes": GOOD + bytes(48),
    "above 64 MiB": GOOD + bytes(64 << 20),
}


@pytest.mark.parametrize("body", LIES.values(), ids=LIES.keys())
def test_a_lie_is_refused_and_nothing_is_recorded(loaded: Any, body: bytes) -> None:
    loaded.send_xorb(TINY.body, TINY.hash)
    before = loaded.count_rows()
    with pytest.raises(YunguError) as refusal:
        loaded.send_shard(body)
    assert len(refusal.value.message) > 20
    assert loaded.count_rows() == before


@pytest.mark.parametrize("length", range(0, len(GOOD) - 1, 29))
def test_a_shard_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(xet.ShardInvalid):
        xet.parse_shard(GOOD[:length])


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_shard_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    body = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        files = xet.parse_shard(bytes(body))
    except xet.ShardInvalid:
        return
    assert all(sum(1 for _ in file.iter_terms()) == file.term_count for file in files)


def test_a_known_file_cannot_be_given_another_sha256(loaded: Any) -> None:
    loaded.send_shard(forge.shard(FILE))
    with pytest.raises(xet.Sha256Mismatch):
        loaded.send_shard(forge.shard(FILE.but(sha256=VICTIM)))


def test_the_same_bytes_cut_otherwise_are_taken_for_the_file_that_is_here(loaded: Any) -> None:
    loaded.send_shard(forge.shard(FILE))
    recut = forge.xorb([FILE.data[:20_000], FILE.data[20_000:]])
    loaded.send_xorb(recut.body, recut.hash)
    again = forge.file(recut)
    for claim in (FILE.sha256, None):
        loaded.send_shard(forge.shard(again.but(sha256=claim)))
    with loaded.database.read() as session:
        assert xet.find_file_hash(session, FILE.sha256) == FILE.hash
        assert xet.find_file(session, again.hash) is None


def test_a_file_above_the_limit_is_refused(loaded: Any) -> None:
    with pytest.raises(xet.FileTooLarge):
        loaded.send_shard(forge.shard(FILE), xet.Limits(file_bytes=len(FILE.data) - 1))


def test_a_xorb_swept_between_proof_and_record_stops_the_record(loaded: Any) -> None:
    checked = xet.check_shard(loaded.database, xet.parse_shard(forge.shard(FILE)))
    proven = xet.prove_files(loaded.database, loaded.store, checked)
    with loaded.database.write() as session:
        assert xet.drop_xorb(session, xet.find_xorb(session, ONE.hash))
    with pytest.raises(xet.XorbMissing), loaded.database.write() as session:
        xet.record_files(session, proven, repo_id=1, user_id=1)
    assert loaded.count_rows()["xet_files"] == 0


def test_a_dedup_reply_shows_keyed_hashes_of_the_allowed_chunks_only(loaded: Any) -> None:
    with loaded.database.read() as session:
        index = xet.get_index(session, ONE.hash)
    key, now = bytes(range(32)), datetime.now(UTC)
    reply = xet.build_dedup_shard(
        [(ONE.raw_hash, index, [range(2, 4)])], key=key, created_at=now, expires_at=now + timedelta(hours=1)
    )
    assert xet.parse_shard(reply) == []
    shown = {reply[start : start + 32] for start in range(96 + 48, 96 + 48 * 7, 48)}
    keyed = [keyed_hash(key, raw) for raw, _ in ONE.leaves]
    assert [told in shown for told in keyed] == [False, False, True, True, False, False]
    assert key in reply[-200:]
    assert to_hex(from_hex(ONE.hash)) == ONE.hash
