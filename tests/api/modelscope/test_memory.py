"""A commit of 350 MiB into a server of its own, whose memory must not follow."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from support.ms import MsPerson
from support.servers import SpawnedServer, run_yungu

FILES = 256
FILE_BYTES = 1 << 20
ALLOWED_BYTES = 64 << 20


def memory(pid: int, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def body(content: bytes) -> Iterator[bytes]:
    """What an older client sends: 256 files of 1 MiB in base64, all different."""
    yield b'{"commit_message": "a large one", "actions": ['
    for number in range(FILES):
        data = base64.b64encode(b"%08d" % number + content[8:]).decode()
        said = {"action": "create", "path": f"f/{number}", "type": "normal", "size": FILE_BYTES, "sha256": ""}
        yield (b", " if number else b"") + json.dumps(said | {"content": data, "encoding": "base64"}).encode()
    yield b"]}"


def test_a_commit_of_350_mib_takes_little_memory(tmp_path: Path, spawn_server: Callable[..., SpawnedServer]) -> None:
    data = tmp_path / "data"
    run_yungu("user", "create", "lin", "--data", str(data))
    token = run_yungu("token", "create", "lin", "--scope", "write", "--data", str(data)).strip()
    server = spawn_server(data)
    lin = MsPerson(server.url, "lin", token)
    repo = lin.create("tea")
    lin.put(repo, {"warm": b"up"})
    lin.files(repo)
    pid, content = server.process.pid, os.urandom(FILE_BYTES)
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = memory(pid, "VmRSS")
    answer = httpx.post(
        f"{server.url}/api/v1/repos/models/{repo}/commit/master",
        content=body(content),
        headers={"authorization": f"Bearer {token}"},
        timeout=110,
    )
    assert answer.json()["Code"] == 200, answer.text
    assert memory(pid, "VmHWM") - before < ALLOWED_BYTES
    assert len(lin.files(repo, Root="f")) == FILES
    assert lin.get(repo, "f/255").content == b"00000255" + content[8:]
    assert list((data / "tmp").glob("*")) in ([], [data / "tmp" / "parts"])
