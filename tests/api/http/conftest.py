"""Live servers on loopback: this project's protocol on both event loops, and uvicorn's own as a stranger."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_spec = importlib.util.spec_from_file_location("served", Path(__file__).with_name("served.py"))
assert _spec is not None and _spec.loader is not None
served = importlib.util.module_from_spec(_spec)
sys.modules["served"] = served
_spec.loader.exec_module(served)

BIG_BYTES = 24 * 1024 * 1024 + 12345


@pytest.fixture(scope="session")
def big() -> bytes:
    return os.urandom(BIG_BYTES)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, big: bytes) -> Path:
    folder = tmp_path_factory.mktemp("served")
    (folder / "big").write_bytes(big)
    (folder / "small").write_bytes(big[:1000])
    (folder / "empty").write_bytes(b"")
    return folder


@pytest.fixture(scope="module", params=["own-uvloop", "own-asyncio", "stock"])
def live(request: pytest.FixtureRequest, folder: Path) -> Iterator[Any]:
    """The same application on three servers; what a client sees must be the same."""
    http = HttpToolsProtocol if request.param == "stock" else served.ByteProtocol
    loop = "asyncio" if request.param == "own-asyncio" else "uvloop"
    with served.Serving(folder, http=http, loop=loop) as live:
        yield live


@pytest.fixture(scope="module")
def own(folder: Path) -> Iterator[Any]:
    with served.Serving(folder) as live:
        yield live


@pytest.fixture(scope="module")
def impatient(folder: Path) -> Iterator[Any]:
    """A server that gives a silent peer a fifth of a second."""

    class Impatient(served.ByteProtocol):  # type: ignore[name-defined,misc]
        idle_seconds = 0.2

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            serving.live.app.hung_up.set()

    serving = served.Serving(folder, http=Impatient)
    with serving as live:
        yield live
