"""What every test may ask for: a migrated database of either kind, a site, people on it, and live hubs.

``database`` (and everything that stands on it: ``site``, ``world``, ``lin``, ``mei``) is parametrised over SQLite and
PostgreSQL. ``live`` is one hub per pytest process, shared by all tests: use ``live.fresh_name()``. It runs on SQLite;
on PostgreSQL where a test says so: ``@pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support import postgres
from support.disks import disk_of_64_mib
from support.servers import LiveHub, SpawnedServer, live_hub, start_server
from support.world import World
from yungu import hub, migrations
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.app.settings import load
from yungu.kernel.db import Database
from yungu.search import Catalogue
from yungu.storage.git import GitStore
from yungu.storage.local import LocalStore

BACKENDS = ["sqlite", "postgresql"]
settings.register_profile("on any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("on any machine")


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """The command line, run in this process, leaves its own behind."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL whose ``template1`` has our schema. Without its binaries: skipped at home, a failure in CI."""
    absent = postgres.why_absent()
    if absent and os.environ.get("CI"):
        pytest.fail(absent)
    if absent:
        pytest.skip(absent)
    with postgres.running_cluster() as cluster:
        _migrate(cluster.url("template1"))
        yield cluster


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with our schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "yungu.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh, migrated database, as the settings take it."""
    if request.param == "sqlite":
        path = tmp_path / "yungu.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    cluster: postgres.Cluster = request.getfixturevalue("cluster")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = _open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def git_store(tmp_path: Path) -> GitStore:
    return GitStore(tmp_path / "git")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    opened = Catalogue(tmp_path / "search", hub.LAYOUT)
    yield opened
    opened.close()


@pytest.fixture
def site(database: Database, git_store: GitStore, store: LocalStore, catalogue: Catalogue) -> Iterator[Site]:
    made = Site(db=database, git=git_store, store=store, secret=b"s" * 32, catalogue=catalogue)
    yield made
    made.workers.shutdown()


@pytest.fixture
def world(site: Site) -> World:
    return World(site)


@pytest.fixture
def lin(world: World) -> Actor:
    return world.user("lin")


@pytest.fixture
def mei(world: World) -> Actor:
    """Somebody who has nothing to do with lin."""
    return world.user("mei")


@pytest.fixture(scope="session")
def _hubs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], LiveHub]]:
    running: dict[str, LiveHub] = {}

    def get(backend: str) -> LiveHub:
        if backend not in running:
            url = ""
            if backend == "postgresql":
                cluster: postgres.Cluster = request.getfixturevalue("cluster")
                url = cluster.url(cluster.create())
            running[backend] = stack.enter_context(live_hub(tmp_path_factory.mktemp(backend), database_url=url))
        return running[backend]

    with ExitStack() as stack:
        yield get


@pytest.fixture(scope="session")
def live(request: pytest.FixtureRequest, _hubs: Callable[[str], LiveHub]) -> LiveHub:
    """A running hub, shared by all tests of this process."""
    return _hubs(getattr(request, "param", "sqlite"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MiB."""
    with disk_of_64_mib(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def spawn_server(tmp_path: Path) -> Iterator[Callable[..., SpawnedServer]]:
    """``spawn_server(data)``: ``yungu serve`` in its own process, for tests that kill it. All end afterwards."""
    started: list[SpawnedServer] = []

    def spawn(data: Path, *options: str) -> SpawnedServer:
        started.append(start_server(data, log=tmp_path / f"server-{len(started)}.log", options=options))
        return started[-1]

    yield spawn
    for server in started:
        server.kill()


def _open(url: str) -> Database:
    return Database(load({}, database_url=url).sqlalchemy_url)


def _migrate(url: str) -> None:
    database = _open(url)
    migrations.upgrade(database)
    database.close()
