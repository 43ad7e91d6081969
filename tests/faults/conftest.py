"""A hub in a process of its own that is killed and started again on the same data, and the real client beside it."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.hf import HfPerson
from support.servers import SpawnedServer, live_hub, run_yungu

CLIENT = """
import json, sys
from huggingface_hub import HfApi, hf_hub_download
job = json.load(sys.stdin)
api = HfApi(endpoint=job["url"], token=job["token"])
if job["verb"] == "upload":
    api.upload_file(path_or_fileobj=job["path"], path_in_repo=job["name"], repo_id=job["repo"])
else:
    print(api.hf_hub_download(job["repo"], job["name"], local_dir=job["path"]))
"""


@dataclass
class Victim:
    """A data folder, the server that runs on it now, and lin, who uses it."""

    data: Path
    folder: Path
    spawn: Callable[..., SpawnedServer]
    name: str
    token: str
    server: SpawnedServer = field(init=False)
    lin: HfPerson = field(init=False)

    def start(self) -> None:
        """Run (again) on the data folder; the address is another one each time."""
        self.server = self.spawn(self.data)
        self.lin = HfPerson(self.server.url, self.name, self.token)

    def restart(self) -> None:
        self.server.kill()
        self.start()

    def fsck(self) -> dict[str, Any]:
        """What ``yungu fsck`` says of it, without a word about damage. Raises CalledProcessError when it finds some."""
        found: dict[str, Any] = json.loads(run_yungu("fsck", f"--data={self.data}", "--json"))
        assert found["is_clean"]
        return found

    def client(self, verb: str, repo: str, name: str, path: Path, **environ: str) -> subprocess.Popen[str]:
        """The real client in a process of its own, cold; it is not waited for."""
        cold = self.folder / f"client-{random.Random().randrange(1 << 60)}"
        given = {"HF_HOME": str(cold), "HF_XET_CACHE": str(cold / "xet"), "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "0"}
        job = {"verb": verb, "repo": repo, "name": name, "path": str(path), "url": self.lin.url, "token": self.token}
        process = subprocess.Popen(
            [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=os.environ | given | environ,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(job))
        process.stdin.close()
        process.stdin = None
        return process

    def upload(self, repo: str, name: str, path: Path, **environ: str) -> None:
        finished(self.client("upload", repo, name, path, **environ))

    def download(self, repo: str, name: str, **environ: str) -> Path:
        target = self.folder / f"down-{len(os.listdir(self.folder))}"
        return Path(finished(self.client("download", repo, name, target, **environ)).strip())

    def forget_peak(self) -> None:
        Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5")

    def peak_bytes(self) -> int:
        """The most memory that the server had in use since ``forget_peak``."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.server.process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024


def finished(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return out


@pytest.fixture
def make_victim(tmp_path: Path, spawn_server: Callable[..., SpawnedServer]) -> Iterator[Callable[[Path], Victim]]:
    """``make_victim(data)``: a running hub on a new data folder."""

    def make(data: Path) -> Victim:
        with live_hub(data) as hub:
            name = hub.user("lin")
            token = hub.token(name)
        victim = Victim(data, tmp_path, spawn_server, name, token)
        victim.start()
        return victim

    yield make


@pytest.fixture
def victim(make_victim: Callable[[Path], Victim], tmp_path: Path) -> Victim:
    return make_victim(tmp_path / "data")
