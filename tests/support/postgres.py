"""A real PostgreSQL that a test run starts for itself, one cluster per pytest process.

Debian's binaries are used. PostgreSQL refuses to run as root, so under root it runs as the package's user ``postgres``.
The server dies with the process that started it, even when that is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

_BINARIES = Path("/usr/lib/postgresql/15/bin")
_SUPERUSER = "postgres"
_START_SECONDS = 60.0
_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "300",
    "lc_messages": "C",
}


def why_absent() -> str | None:
    """What is missing for a PostgreSQL of our own, None when nothing is."""
    if not (_BINARIES / "initdb").exists():
        return f"PostgreSQL 15 is not installed in {_BINARIES} (packages-test.txt names the Debian package)"
    if shutil.which("setpriv") is None:
        return "setpriv (Debian package util-linux) is not installed"
    return None


class Cluster:
    """A running PostgreSQL on a Unix socket, with nothing durable about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count()

    def url(self, name: str) -> str:
        """The address of a database, as an operator would write it into the settings."""
        return f"postgresql://{_SUPERUSER}@/{name}?host={self.folder}"

    def create(self, *, template: str = "template1") -> str:
        """A new database with everything that is in ``template``; its name."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def wait_for_a_waiter(self, name: str, statement: str) -> None:
        """Until somebody in the database cannot go on with a statement like this because another one holds a lock."""
        query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s AND query LIKE %s"
        deadline = time.monotonic() + _START_SECONDS
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            while connection.execute(query, (name, statement)).fetchone() is None:
                assert time.monotonic() < deadline, "nobody waits"


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A fresh cluster while inside; its folder vanishes afterwards."""
    with tempfile.TemporaryDirectory(prefix="yungu-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        initdb = [_BINARIES / "initdb", "-D", data, "-U", _SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(_as_database_user(initdb), check=True, capture_output=True, cwd=folder)
        options = [f"--{key}={value}" for key, value in _OPTIONS.items()] + [f"--unix_socket_directories={folder}"]
        log = folder / "log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                _as_database_user([_BINARIES / "postgres", "-D", data, *options]), stdout=out, stderr=out, cwd=folder
            )
        cluster = Cluster(folder)
        try:
            _wait_until_ready(cluster, server, log)
            yield cluster
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing in it is worth keeping
            server.wait(30)


def _as_database_user(command: list[str | Path]) -> list[str]:
    change = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *change, "--pdeathsig=INT", *map(str, command)]


def _wait_until_ready(cluster: Cluster, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            cluster.execute("SELECT 1")
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.02)
