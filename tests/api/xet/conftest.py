"""A live hub with two people and their repos, and the real client in processes of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.api import xet as xet_dialect
from yungu.api.http import App
from yungu.app.protocol import choose_protocol
from yungu.storage import xet

CLIENT = """
import hf_xet, json, sys
job = json.load(sys.stdin)
session = hf_xet.XetSession()
login = {"token_refresh_url": job["url"], "token_refresh_headers": job["headers"]}
if job["verb"] == "upload":
    with session.new_upload_commit(**login) as commit:
        handles = [commit.start_upload_file(path) for path in job["paths"]]
    done = [handle.result().xet_info for handle in handles]
    print(json.dumps([[info.hash, info.sha256, info.file_size] for info in done]))
else:
    with session.new_file_download_group(**login) as group:
        group.start_download_file(hf_xet.XetFileInfo(job["hash"], job["size"]), job["target"])
"""


@dataclass
class Person:
    """A user with a write token, and that user's private model."""

    actor: Actor
    token: str
    repo: hub.Repo

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


class XetLive:
    """A served store. ``lin`` has the private model lin/tea, ``mei`` the private model mei/silk."""

    def __init__(self, folder: Path, url: str, world: World) -> None:
        self.folder, self.url, self.world, self.site = folder, url, world, world.site
        self.http = httpx.Client(base_url=url, timeout=30)
        self.lin = self._person("lin", "tea")
        self.mei = self._person("mei", "silk")

    def _person(self, name: str, model: str) -> Person:
        actor = self.world.user(name)
        repo = self.world.repo(f"{name}/{model}", by=actor, visibility="private")
        return Person(actor, self.world.token(name), repo)

    def token_url(self, person: Person, scope: str, repo: hub.Repo | None = None) -> str:
        return f"{self.url}/api/models/{(repo or person.repo).repo_id}/xet-{scope}-token/main"

    def xet_headers(self, person: Person, scope: str = "write", repo: hub.Repo | None = None) -> dict[str, str]:
        reply = self.http.get(self.token_url(person, scope, repo), headers=person.headers)
        assert reply.status_code == 200, reply.text
        return {"authorization": f"Bearer {reply.json()['accessToken']}"}

    def upload(self, person: Person, *paths: Path, cache: str = "cold") -> list[tuple[str, str, int]]:
        """(xet hash, sha256, size) of each file, as the real client tells them."""
        return [tuple(row) for row in self._client(person, "upload", cache, paths=[str(path) for path in paths])]

    def download(self, person: Person, file_hash: str, size: int, repo: hub.Repo | None = None) -> bytes:
        target = self.folder / f"down-{len(os.listdir(self.folder))}"
        self._client(person, "download", "cold", repo, hash=file_hash, size=size, target=str(target))
        return target.read_bytes()

    def _client(self, person: Person, verb: str, cache: str, repo: hub.Repo | None = None, **job: Any) -> Any:
        scope = "write" if verb == "upload" else "read"
        job |= {"verb": verb, "url": self.token_url(person, scope, repo), "headers": person.headers}
        home = self.folder / f"client-{cache}"
        environ = os.environ | {
            "HF_XET_CACHE": str(home),
            "HF_HOME": str(home),
            "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "0",
        }
        done = subprocess.run(
            [sys.executable, "-c", CLIENT],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            env=environ,
            timeout=90,
        )
        if done.returncode:
            raise ClientFailed(done.stderr)
        return json.loads(done.stdout or "null")

    def commit(self, person: Person, sha256: str) -> None:
        """Name an uploaded content in a commit of the person's repo."""
        plan = hub.CommitPlan(branch="main", changes=[hub.LfsPut("weights.bin", sha256)], title="add")
        self.world.apply(person.repo, plan, by=person.actor)

    def count_rows(self) -> dict[str, int]:
        with self.site.db.read() as session:
            return {
                name: session.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
                for name in ("xorbs", "xet_files", "xet_edges", "xet_dedup", "xet_file_claims", "blobs", "repo_blobs")
            }

    def stored_bytes(self) -> int:
        with self.site.db.read() as session:
            return sum(xorb.stored_bytes for xorb in xet.iter_xorbs(session))


class ClientFailed(Exception):
    """What the real client wrote to standard error."""


@pytest.fixture
def cas(tmp_path: Path, world: World) -> Iterator[XetLive]:
    routes = [xet_dialect.routes, xet_dialect.hub_routes(xet_dialect.render_error)]
    app = App(world.site, routes, [("", xet_dialect.render_error)], nullcontext)
    with serving(app) as url:
        made = XetLive(tmp_path, url, world)
        yield made
        made.http.close()


@contextmanager
def serving(app: App) -> Iterator[str]:
    """The address of the application, served in a thread while inside."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=choose_protocol(), log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
