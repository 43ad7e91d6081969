"""However long the transfer, the server needs little more memory than before."""

from __future__ import annotations

import base64
import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.hf import NDJSON, encoded, header

MIB = 1 << 20
ALLOWED = 64 * MIB
LFS_BYTES = 512 * MIB
XET_BYTES = 256 * MIB


@pytest.mark.timeout(300)
def test_a_commit_of_150_mb_of_lines(victim: Any) -> None:
    """The largest lines that there can be: each is held once as it came and once decoded."""
    repo = victim.lin.create("tea")
    victim.lin.put(repo, {"warm.txt": b"up"})
    victim.forget_peak()
    before = victim.peak_bytes()
    answer = victim.lin.http.post(f"/api/models/{repo}/commit/main", content=_lines(), headers=NDJSON, timeout=120)
    assert answer.status_code == 200, answer.text
    assert victim.peak_bytes() - before < ALLOWED
    assert len(victim.lin.paths(repo)) == 13


@pytest.mark.timeout(300)
def test_half_a_gigabyte_by_lfs(victim: Any) -> None:
    repo = victim.lin.create("tea")
    victim.lin.put_lfs(repo, "warm.bin", os.urandom(2 * MIB))
    block = random.Random(1).randbytes(MIB)
    sha256 = hashlib.sha256()
    for _ in range(LFS_BYTES // MIB):
        sha256.update(block)
    action = victim.lin.lfs_batch(repo, sha256.hexdigest(), LFS_BYTES)["actions"]["upload"]
    victim.forget_peak()
    before = victim.peak_bytes()
    blocks = (block for _ in range(LFS_BYTES // MIB))
    sent = httpx.put(action["href"], content=blocks, headers={"content-length": str(LFS_BYTES)}, timeout=120)
    assert sent.status_code == 200, sent.text
    found = victim.lin.lfs_batch(repo, sha256.hexdigest(), LFS_BYTES, operation="download")
    assert _hash_of(found["actions"]["download"]["href"]) == sha256.hexdigest()
    assert victim.peak_bytes() - before < ALLOWED


@pytest.mark.timeout(400)
def test_a_quarter_of_a_gigabyte_by_xet(victim: Any, tmp_path: Path) -> None:
    repo = victim.lin.create("tea")
    path = tmp_path / "model.safetensors"
    path.write_bytes(random.Random(2).randbytes(2 * MIB))
    victim.upload(repo, "warm.safetensors", path)
    with path.open("wb") as out:
        for number in range(XET_BYTES // MIB):
            out.write(random.Random(number).randbytes(MIB))
    with path.open("rb") as file:
        expected = hashlib.file_digest(file, "sha256").hexdigest()
    victim.forget_peak()
    before = victim.peak_bytes()
    victim.upload(repo, "model.safetensors", path)
    with victim.download(repo, "model.safetensors").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == expected
    assert _hash_of(f"{victim.lin.url}/{repo}/resolve/main/model.safetensors") == expected
    assert victim.peak_bytes() - before < ALLOWED


def _lines() -> Iterator[bytes]:
    yield encoded([header("large")])
    for number in range(12):
        content = base64.b64encode(random.Random(number).randbytes(9 * 1000 * 1000))
        yield b'{"key":"file","value":{"path":"%d.bin","encoding":"base64","content":"' % number
        yield content
        yield b'"}}\n'


def _hash_of(url: str) -> str:
    sha256 = hashlib.sha256()
    with httpx.stream("GET", url, timeout=120) as answer:
        for part in answer.iter_bytes():
            sha256.update(part)
    return sha256.hexdigest()
