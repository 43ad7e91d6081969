"""Visitors of the pages: one without a browser (httpx), and a real Chromium where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.servers import LiveHub
from support.visitor import Visitor

CHROMIUM = Path("/usr/bin/chromium")
_QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture
def visit(live: LiveHub) -> Iterator[Callable[..., Visitor]]:
    """``visit()`` a stranger, ``visit("lin")`` somebody signed in."""
    opened: list[Visitor] = []

    def open_as(name: str | None = None, **options: Any) -> Visitor:
        opened.append(Visitor(live, name, **options))
        return opened[-1]

    yield open_as
    for visitor in opened:
        visitor.close()


@pytest.fixture
def lin_name(live: LiveHub) -> str:
    """A user of their own for each test."""
    return live.user(live.fresh_name("lin"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real browser."""
    if not CHROMIUM.exists():
        pytest.skip(f"there is no browser at {CHROMIUM} (install the Debian package chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_QUIET)
        yield browser
        browser.close()
