"""Xorbs and shards that the real client writes are taken in and read back bit by bit."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import hf_xet
import pytest

from yungu.storage import xet

pytestmark = pytest.mark.filterwarnings("ignore:hf_xet.upload_files:DeprecationWarning")


def client_upload(folder: Path, monkeypatch: pytest.MonkeyPatch, datas: list[bytes]) -> tuple[list[Path], list[Any]]:
    """What the client would send, as files: its local endpoint keeps xorbs and shards as they are."""
    monkeypatch.setenv("HF_XET_CACHE", str(folder / "cache"))
    paths = []
    for number, data in enumerate(datas):
        paths.append(folder / f"{number}.bin")
        paths[-1].write_bytes(data)
    told = hf_xet.upload_files([str(path) for path in paths], f"local://{folder / 'cas'}", None, None, None, None)
    return sorted((folder / "cas" / "xet" / "xorbs").rglob("*")), told


def send_all(xet_site: Any, stored: list[Path]) -> None:
    for path in stored:
        if path.name.startswith("default.") and path.suffix != ".tagset":
            xet_site.send_xorb(path.read_bytes(), path.name.split(".")[1])
    for path in stored:
        if path.suffix == ".mdb":
            xet_site.send_shard(path.read_bytes())


def test_what_the_client_uploads_is_read_back_whole_and_in_ranges(
    xet_site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(5)
    floats = struct.pack("<700000f", *(rng.gauss(0, 0.02) for _ in range(700_000)))
    datas = [rng.randbytes(3_000_001), b"compressible text " * 100_000, floats]
    stored, told = client_upload(tmp_path, monkeypatch, datas)

    send_all(xet_site, stored)

    for data, info in zip(datas, told, strict=True):
        assert xet_site.read(info.hash) == data
        assert xet_site.read(info.hash, 1_000_003, 1_200_007) == data[1_000_003:1_200_007]
        with xet_site.database.read() as session:
            assert xet.find_file_hash(session, info.sha256) == info.hash
    assert len(datas) == xet_site.count_rows()["blobs"]


def test_a_changed_copy_refers_to_the_chunks_that_are_already_there(
    xet_site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = random.Random(6).randbytes(8_000_000)
    changed = data[:4_000_000] + b"a few new bytes" + data[4_000_000:]
    _, first = client_upload(tmp_path, monkeypatch, [data])
    stored, second = client_upload(tmp_path, monkeypatch, [changed])

    send_all(xet_site, stored)

    assert [xet_site.read(info.hash) for info in first + second] == [data, changed]
    with xet_site.database.read() as session:
        assert sum(xorb.raw_bytes for xorb in xet.iter_xorbs(session)) < 1.1 * len(data)
