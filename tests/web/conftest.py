"""Visitors of the pages: one without a browser (httpx), and a real Chromium where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu.api.http.auth import SESSION_COOKIE

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


@pytest.fixture
def open_page(chromium: Any, live: LiveHub) -> Iterator[Callable[..., Any]]:
    """``open_page(**options)``: a window of its own. Fails when a page breaks its own policy or a script breaks."""
    contexts, complaints = [], []

    def open_one(signed_in: Visitor | None = None, **options: Any) -> Any:
        context = chromium.new_context(base_url=live.url, **({"locale": "en-US"} | options))
        contexts.append(context)
        if signed_in is not None:
            context.add_cookies([{"name": SESSION_COOKIE, "value": signed_in.cookies[SESSION_COOKIE], "url": live.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
