"""A disk that fills up: it is said in each dialect's own way, reading goes on, and room is all that is needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.disks import fill
from support.hf import file, header

MIB = 1 << 20


@pytest.mark.timeout(300)
def test_a_full_disk_is_told_and_reading_goes_on(
    make_victim: Callable[[Path], Any], small_disk: Path, tmp_path: Path
) -> None:
    victim = make_victim(small_disk / "data")
    repo = victim.lin.create("tea")
    weights, more = os.urandom(3 * MIB), os.urandom(8 * MIB)
    victim.lin.put_lfs(repo, "model.bin", weights)
    ballast = fill(small_disk, leave_bytes=4 * MIB)

    sent = httpx.put(_upload_address(victim, repo, more), content=more)
    assert sent.status_code == 507
    assert sent.json()["message"]
    commit = victim.lin.send(repo, [header("x"), *(file(f"{n}.bin", os.urandom(MIB)) for n in range(8))])
    assert commit.status_code == 507
    assert commit.json()["error"] == commit.headers["x-error-message"]
    path = tmp_path / "more.bin"
    path.write_bytes(more)
    client = victim.client("upload", repo, "more.bin", path)
    _, errors = client.communicate(timeout=120)
    assert client.returncode != 0
    assert "413" in errors or "507" in errors

    ballast.unlink()
    ballast = fill(small_disk, leave_bytes=0)
    for _ in range(3):
        small = victim.lin.send(repo, [header("small"), file("a.txt", b"x" * 20_000)])
        assert small.status_code in (503, 507), small.text
        assert "space" in small.json()["error"].casefold() or "full" in small.json()["error"].casefold()
    assert victim.lin.http.post("/api/repos/create", json={"name": "new"}).status_code in (503, 507)
    assert victim.lin.get(repo, "model.bin").content == weights
    assert victim.lin.http.get(f"/api/models/{repo}").status_code == 200
    assert victim.lin.paths(repo) == ["model.bin"]
    victim.restart()
    assert victim.lin.get(repo, "model.bin").content == weights

    ballast.unlink()
    victim.lin.put_lfs(repo, "more.bin", more)
    victim.lin.put(repo, {"a.txt": b"x"})
    victim.upload(repo, "third.bin", path)
    assert victim.lin.get(repo, "more.bin").content == more
    victim.fsck()


def _upload_address(victim: Any, repo: str, data: bytes) -> str:
    import hashlib

    found = victim.lin.lfs_batch(repo, hashlib.sha256(data).hexdigest(), len(data))
    return str(found["actions"]["upload"]["href"])
