"""SIGKILL in the middle of things. Afterwards all of it is there or nothing, and trying again helps."""

from __future__ import annotations

import hashlib
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.hf import NDJSON, encoded, file, header

FILES = {f"folder-{number % 7}/{number}.bin": random.Random(number).randbytes(3000) for number in range(800)}
PIECE_BYTES = 100_000


def pieces(body: bytes, then: Callable[[], None], after: int) -> Iterator[bytes]:
    """The body in pieces; ``then`` is called when ``after`` of them are on their way."""
    for number, start in enumerate(range(0, len(body), PIECE_BYTES)):
        if number == after:
            then()
        yield body[start : start + PIECE_BYTES]


def send_and_kill(victim: Any, send: Callable[[Iterator[bytes]], httpx.Response], body: bytes, seed: int) -> int | None:
    """Send ``body`` and kill the server on the way (odd seeds) or while it works on the whole; the status, if any."""
    dice = random.Random(seed)
    count = len(body) // PIECE_BYTES
    killer = threading.Timer(dice.uniform(0, 0.3), victim.server.kill)
    try:
        if seed % 2:
            return send(pieces(body, victim.server.kill, dice.randrange(1, count))).status_code
        return send(pieces(body, killer.start, count)).status_code
    except httpx.HTTPError:
        return None
    finally:
        if killer.ident is not None:
            killer.join()


def post(victim: Any, repo: str, body: Iterator[bytes]) -> httpx.Response:
    answer: httpx.Response = victim.lin.http.post(f"/api/models/{repo}/commit/main", content=body, headers=NDJSON)
    return answer


@pytest.mark.timeout(300)
def test_a_commit_is_all_there_or_not_at_all(victim: Any) -> None:
    repo = victim.lin.create("tea")
    body = encoded([header("many"), *(file(path, data) for path, data in FILES.items())])
    for seed in range(4):
        status = send_and_kill(victim, partial(post, victim, repo), body, seed)
        victim.restart()
        history, paths = victim.lin.history(repo), victim.lin.paths(repo)
        assert (history, paths) == (["initial commit"], []) or (
            history == ["many", "initial commit"] and sorted(paths) == sorted(FILES)
        )
        if status == 200:
            assert history[0] == "many"

    victim.lin.put(repo, FILES, title="many")
    assert sorted(victim.lin.paths(repo)) == sorted(FILES)
    assert victim.lin.history(repo) == ["many", "initial commit"]
    name, data = next(iter(FILES.items()))
    assert victim.lin.get(repo, name).content == data
    victim.fsck()


def put(href: str, length: int, body: Iterator[bytes]) -> httpx.Response:
    return httpx.put(href, content=body, headers={"content-length": str(length)}, timeout=60)


@pytest.mark.timeout(300)
def test_an_lfs_upload_is_all_there_or_not_at_all(victim: Any) -> None:
    repo, data = victim.lin.create("tea"), random.Random(1).randbytes(12_000_000)
    sha256 = hashlib.sha256(data).hexdigest()
    for seed in range(4):
        found = victim.lin.lfs_batch(repo, sha256, len(data))
        if "actions" not in found:
            break
        send_and_kill(victim, partial(put, found["actions"]["upload"]["href"], len(data)), data, seed)
        victim.restart()
        down = victim.lin.lfs_batch(repo, sha256, len(data), operation="download")
        if "error" not in down:
            assert httpx.get(down["actions"]["download"]["href"]).content == data

    victim.lin.put_lfs(repo, "model.bin", data)
    assert victim.lin.get(repo, "model.bin").content == data
    victim.fsck()


def wait_for_bytes(victim: Any, client: subprocess.Popen[str], more: int) -> None:
    """Until the server has written ``more`` bytes than now, or the client is done."""
    begin = written(victim)
    while client.poll() is None and written(victim) < begin + more:
        with suppress(subprocess.TimeoutExpired):
            client.wait(0.01)


def written(victim: Any) -> int:
    """What the server's process has written, in bytes."""
    told = Path(f"/proc/{victim.server.process.pid}/io").read_text()
    return int(told.partition("write_bytes: ")[2].split()[0])


@pytest.mark.timeout(400)
def test_a_xet_upload_is_all_there_or_not_at_all(victim: Any, tmp_path: Path) -> None:
    repo, path, dice = victim.lin.create("tea"), tmp_path / "model.safetensors", random.Random(2)
    path.write_bytes(random.Random(3).randbytes(40_000_000))
    for _ in range(3):
        client = victim.client("upload", repo, "model.safetensors", path)
        wait_for_bytes(victim, client, dice.randrange(1, 40_000_000))
        victim.server.kill()
        client.kill()
        client.communicate()
        victim.restart()
        assert victim.lin.paths(repo) in ([], ["model.safetensors"])
        if victim.lin.paths(repo):
            assert victim.download(repo, "model.safetensors").read_bytes() == path.read_bytes()

    victim.upload(repo, "model.safetensors", path)
    assert victim.download(repo, "model.safetensors").read_bytes() == path.read_bytes()
    assert victim.lin.get(repo, "model.safetensors").content == path.read_bytes()
    victim.fsck()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("xet", ["on", "off"])
def test_a_killed_client_comes_back_and_finishes(victim: Any, tmp_path: Path, xet: str) -> None:
    repo, path = victim.lin.create("tea"), tmp_path / "model.bin"
    path.write_bytes(random.Random(4).randbytes(40_000_000))
    environ = {} if xet == "on" else {"HF_HUB_DISABLE_XET": "1"}
    client = victim.client("upload", repo, "model.bin", path, **environ)
    wait_for_bytes(victim, client, random.Random(5).randrange(1, 40_000_000))
    client.kill()
    client.communicate()
    assert victim.lin.paths(repo) in ([], ["model.bin"])

    victim.upload(repo, "model.bin", path, **environ)
    assert victim.download(repo, "model.bin", **environ).read_bytes() == path.read_bytes()
    victim.fsck()
