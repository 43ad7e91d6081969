"""What the pages cost and how soon they are seen, on the hub that ``search.py`` has filled.

figures = measure(pid, url, connection)"""

from __future__ import annotations

import re
import statistics
import urllib.request
from pathlib import Path
from typing import Any

from harness import Connection, Figure, Meter, WallOnly, file_line

_CHROMIUM = Path("/usr/bin/chromium")
_QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
_REQUESTS = 40
_PAINTS = 5
_WEIGHT_TARGET_KB = 150
_PAINT_TARGET_SECONDS = 1.0
_FIRST_PAINT = """() => new Promise((done) => new PerformanceObserver((list) => {
  for (const paint of list.getEntriesByName("first-contentful-paint")) done(paint.startTime);
}).observe({type: "paint", buffered: true}))"""
_ASSET = re.compile(rb'(?:href|src)="(/static/[^"]+\.(?:css|js)[^"]*)"')


def measure(pid: int, url: str, connection: Connection) -> list[Figure]:
    """Server CPU and weight of each kind of page, and its first contentful paint in Chromium, to a visitor."""
    repo_id = connection.create_repo("looked-at")
    readme = "---\nlicense: mit\npipeline_tag: text-generation\n---\n" + "# Title\n\nWords of *a card*.\n\n" * 40
    connection.commit(repo_id, [file_line("README.md", readme), file_line("run.py", "print('tea')\n" * 200)])
    pages = {
        "home": "/",
        "models": "/models",
        "repo": f"/{repo_id}",
        "files": f"/{repo_id}/tree/main",
        "file": f"/{repo_id}/blob/main/run.py",
    }
    figures = [_cost(pid, url, what, path) for what, path in pages.items()]
    return [*figures, *_paints(url, pages)]


def _cost(pid: int, url: str, what: str, path: str) -> Figure:
    visitor = Connection(url, "")
    html = visitor.send("GET", path)
    with Meter(pid) as meter:
        for _ in range(_REQUESTS):
            visitor.send("GET", path)
    assets = set(_ASSET.findall(html))
    weight = len(html) + sum(len(_fetch(url + asset.decode())) for asset in assets)
    cost = meter.cost.per(_REQUESTS)
    return Figure(f"page: {what}", cost, "", None, weight / 1000, "kB with CSS and JS", _WEIGHT_TARGET_KB, at_most=True)


def _fetch(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:
        content: bytes = answer.read()
        return content


def _paints(url: str, pages: dict[str, str]) -> list[Figure]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(_CHROMIUM), args=_QUIET)
        figures = [_paint(browser, url + path, what) for what, path in pages.items()]
        browser.close()
    return figures


def _paint(browser: Any, address: str, what: str) -> Figure:
    """Each time by a browser that has kept nothing."""
    took = []
    for _ in range(_PAINTS):
        context = browser.new_context()
        tab = context.new_page()
        tab.goto(address, wait_until="load")
        took.append(tab.evaluate(_FIRST_PAINT) / 1000)
        context.close()
    found = statistics.median(took)
    what = f"first contentful paint: {what}"
    return Figure(what, WallOnly(found), "", None, found, "s", _PAINT_TARGET_SECONDS, at_most=True)
