"""The real hf_xet uploads to and downloads from a live hub."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest


def write(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def test_a_file_goes_up_and_comes_down_bit_by_bit(cas: Any, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(5_000_000) + b"and something to compress " * 50_000
    ((file_hash, sha256, size),) = cas.upload(cas.lin, write(tmp_path, "a.bin", data))
    assert sha256 == hashlib.sha256(data).hexdigest()

    cas.commit(cas.lin, sha256)

    assert cas.download(cas.lin, file_hash, size) == data


def test_many_files_go_up_in_one_commit(cas: Any, tmp_path: Path) -> None:
    datas = [random.Random(number).randbytes(20_000 + number) for number in range(30)]
    told = cas.upload(cas.lin, *(write(tmp_path, f"{n}.bin", data) for n, data in enumerate(datas)))
    assert [sha256 for _, sha256, _ in told] == [hashlib.sha256(data).hexdigest() for data in datas]
    assert cas.count_rows()["blobs"] == 30


def test_a_cold_client_sends_almost_nothing_of_a_changed_copy(cas: Any, tmp_path: Path) -> None:
    data = random.Random(3).randbytes(30_000_000)
    changed = data[:15_000_000] + random.Random(4).randbytes(1000) + data[15_000_000:]
    cas.upload(cas.lin, write(tmp_path, "one.bin", data), cache="first")
    before = cas.stored_bytes()

    ((file_hash, sha256, size),) = cas.upload(cas.lin, write(tmp_path, "two.bin", changed), cache="second")

    assert cas.stored_bytes() - before < 300_000
    cas.commit(cas.lin, sha256)
    assert cas.download(cas.lin, file_hash, size) == changed


def test_a_change_at_the_start_still_finds_the_last_version_by_the_hint(cas: Any, tmp_path: Path) -> None:
    """The first chunk is new, so nothing that the client asks about may be known; the repo's latest file helps."""
    data = random.Random(5).randbytes(3_000_000)
    cas.upload(cas.lin, write(tmp_path, "one.bin", data), cache="first")
    before = cas.stored_bytes()
    cas.upload(cas.lin, write(tmp_path, "two.bin", b"new start" + data), cache="second")
    assert cas.stored_bytes() - before < 300_000


def test_somebody_elses_private_bytes_help_nobody_else(cas: Any, tmp_path: Path) -> None:
    data = random.Random(6).randbytes(3_000_000)
    ((_, sha256, _),) = cas.upload(cas.lin, write(tmp_path, "one.bin", data), cache="lin")
    cas.commit(cas.lin, sha256)
    before = cas.stored_bytes()

    told = cas.upload(cas.mei, write(tmp_path, "mine.bin", data[:2_000_000] + b"!"), cache="mei")

    assert cas.stored_bytes() - before > 1_900_000
    assert told[0][2] == 2_000_001


def test_a_reader_gets_no_file_of_another_repo(cas: Any, tmp_path: Path) -> None:
    ((file_hash, sha256, size),) = cas.upload(cas.lin, write(tmp_path, "a.bin", random.Random(7).randbytes(100_000)))
    cas.commit(cas.lin, sha256)
    with pytest.raises(Exception, match=r"404|[Nn]ot [Ff]ound"):
        cas.download(cas.mei, file_hash, size)
