"""Live hubs on loopback: the real application in a thread, or the real command in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import uvicorn

from support.world import World
from yungu import hub
from yungu.accounts import Actor, Scope
from yungu.api.http import App, Site
from yungu.app.protocol import choose_protocol
from yungu.app.settings import load

_START_SECONDS = 60.0


class LiveHub:
    """A hub that answers on ``url``. ``world`` reaches behind it, straight into its site."""

    def __init__(self, url: str, app: App, data: Path) -> None:
        self.url = url
        self.app = app
        self.data = data
        self.world = World(app.site)
        self._numbers = count(1)

    @property
    def site(self) -> Site:
        return self.app.site

    def fresh_name(self, prefix: str = "n") -> str:
        """A name that nobody has used on this hub."""
        return f"{prefix}-{os.getpid()}-{next(self._numbers)}"

    def user(self, name: str | None = None, *, is_admin: bool = False, password: str | None = None) -> str:
        """The name of a new user."""
        actor = self.world.user(name or self.fresh_name("user"), is_admin=is_admin, password=password)
        assert actor.name is not None
        return actor.name

    def token(self, user: str, scope: Scope = "write", *, grants: Sequence[tuple[str, str]] = ()) -> str:
        """A new token of ``user``, to send as ``Authorization: Bearer``."""
        return self.world.token(user, scope, grants=grants)

    def actor(self, user: str) -> Actor:
        return self.world.actor(user)

    def settle(self) -> None:
        """Until everything that has happened so far can be found."""
        while hub.keep_index(self.site.db, self.site.catalogue, hub.card_reader(self.site.git)):
            pass


@contextmanager
def live_hub(data: Path, *, database_url: str = "", embeddings: str = "none") -> Iterator[LiveHub]:
    """The real application, served by the real protocol in a thread while inside."""
    from yungu.app.wiring import build_app  # loads every dialect: tests of the domains do without

    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    port = listener.getsockname()[1]
    app = build_app(load({}, data=str(data), database_url=database_url, port=port, embeddings=embeddings))
    config = uvicorn.Config(app, http=choose_protocol(), log_config=None, server_header=False, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="live-hub")
    thread.start()
    try:
        yield LiveHub(f"http://127.0.0.1:{port}", app, data)
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@dataclass
class SpawnedServer:
    """``yungu serve`` as a process."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL, as a power cut would do it, and wait until it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.terminate()
        return self.process.wait(30)


def start_server(data: Path, *, log: Path, options: Sequence[str] = ()) -> SpawnedServer:
    """Run ``yungu serve`` on ``data`` and wait until it answers."""
    port = _free_port()
    yungu = [sys.executable, "-m", "yungu"]
    command = [*yungu, "serve", "--host=127.0.0.1", f"--port={port}", f"--data={data}", *options]
    with log.open("ab") as out:
        # it dies with the test process, even when that is killed
        process = subprocess.Popen(["setpriv", "--pdeathsig=KILL", *command], stdout=out, stderr=out, cwd=log.parent)
    scheme = "https" if "--tls" in options else "http"
    server = SpawnedServer(f"{scheme}://127.0.0.1:{port}", data, process, log)
    _wait_until_answering(server)
    return server


def run_yungu(*arguments: str, stdin: str = "") -> str:
    """Run the command line to its end; what it printed. Raises CalledProcessError."""
    command = [sys.executable, "-m", "yungu", *arguments]
    return subprocess.run(command, input=stdin, text=True, capture_output=True, check=True).stdout


def _wait_until_answering(server: SpawnedServer) -> None:
    deadline = time.monotonic() + _START_SECONDS
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    while True:
        try:
            urllib.request.urlopen(server.url, timeout=5, context=trusting).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"yungu serve did not start:\n{server.log.read_text()}") from None
            time.sleep(0.02)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
