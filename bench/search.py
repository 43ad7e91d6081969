"""Search and lists over many synthetic bilingual repos: ``python bench/search.py [--repos 130000]``.

The repos are written straight into the database (``fill_search.py``), their cards lie beside it instead of in 130,000
git repos. Everything else is the hub itself: its index, its pages over HTTP, and a real push for freshness."""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import face
import fill_search
from harness import (
    OWNER,
    Connection,
    Cost,
    Figure,
    WallOnly,
    file_line,
    progress,
    save,
    start_hub,
    stop,
    workplace,
    yungu,
)
from yungu import hub
from yungu.cli.console import open_site
from yungu.search import Catalogue, Wanted

_SEARCH_TARGET_SECONDS = 0.020
_FRESH_TARGET_SECONDS = 2.0
_PUBLIC = frozenset({"public"})
_COUNTED = ["task", "library", "language", "license", "size", "topic"]
_QUERIES = 200
_PUSHES = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """A kind of question, and how to make up one of it."""

    what: str
    make: Callable[[], str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repos", type=int, default=130_000)
    parser.add_argument("--work", help="where the temporary folder goes")
    asked = parser.parse_args()
    with workplace(asked.work) as work:
        data, cards = work / "hub", work / "cards.db"
        yungu("user", "create", OWNER, "--password-stdin", f"--data={data}", stdin="only-for-this-run")
        token = yungu("token", "create", OWNER, "--scope=write", f"--data={data}").strip()
        fill = [
            sys.executable,
            str(Path(__file__).with_name("fill_search.py")),
            str(data),
            str(asked.repos),
            str(cards),
        ]
        subprocess.run(fill, check=True)
        figures = [*_build(str(data), str(cards), asked.repos), *_engine(data), *_pages(data, token)]
    save("search", f"Search, lists and pages over {asked.repos:,} repos", figures, _NOTE)


def _build(data: str, cards: str, count: int) -> list[Figure]:
    with open_site(data) as site:
        read, began, cpu = fill_search.read_cards(cards), time.perf_counter(), time.process_time()
        while hub.keep_index(site.db, site.catalogue, read):
            progress(f"index: {site.catalogue.bookmark}")
        cost = Cost(time.process_time() - cpu, time.perf_counter() - began)
        site.catalogue.close()
    size = sum(path.stat().st_size for path in Path(data, "search").rglob("*") if path.is_file())
    return [
        Figure("the index is made anew", cost, "", None, cost.wall_seconds / count * 1e3, "ms per repo"),
        Figure("its size", None, "", None, size / 2**20, "MiB"),
    ]


def _questions() -> list[Asked]:
    choose = random.Random(fill_search.SEED + 1)
    words = fill_search.Words(random.Random(fill_search.SEED))
    zh, en = words.zh[:2000], words.en[:2000]
    long = [word for word in en if len(word) > 5]

    def mistyped() -> str:
        word, at = choose.choice(long), choose.randint(2, 4)
        return word[:at] + word[at + 1 :]

    return [
        Asked("one Chinese word", lambda: choose.choice(zh)),
        Asked("two Chinese words", lambda: f"{choose.choice(zh)} {choose.choice(fill_search.ZH)}"),
        Asked("an English word", lambda: choose.choice(en)),
        Asked("mixed", lambda: f"{choose.choice(['qwen', 'llama', 'bert'])} 7b {choose.choice(fill_search.ZH)}"),
        Asked("a name", lambda: f"{choose.choice(fill_search.FAMILIES)}-7B".lower()),
        Asked("a mistyped word", mistyped),
    ]


def _engine(data: Path) -> list[Figure]:
    """In one process, without HTTP and rows: ten hits with their counts."""
    catalogue = Catalogue(data / "search", hub.LAYOUT)
    figures = []
    for asked in _questions():
        looks = [Wanted(asked.make(), readers=_PUBLIC, limit=10, counted=["kind"]) for _ in range(_QUERIES)]
        took = [_timed(catalogue.find, look) for look in looks]
        figures.append(_spread(f"engine: {asked.what}", took, _SEARCH_TARGET_SECONDS))
    filters = {"task": ["text-generation"], "language": ["zh"]}
    listed = Wanted(kinds=["model"], readers=_PUBLIC, facets=filters, sort="trending", counted=_COUNTED)
    figures.append(
        _spread(
            "engine: a list with two facets and all counts",
            [_timed(catalogue.find, listed) for _ in range(50)],
            _SEARCH_TARGET_SECONDS,
        )
    )
    return figures


def _pages(data: Path, token: str) -> list[Figure]:
    process, url = start_hub(data)
    try:
        connection = Connection(url, token)
        connection.send("GET", f"/search?q={urllib.parse.quote('中文')}")
        figures = []
        for asked in _questions():
            paths = [f"/search?q={urllib.parse.quote(asked.make())}" for _ in range(_QUERIES)]
            figures.append(_page(f"page: search, {asked.what}", connection, paths))
        for what, query in {
            "page: models": "",
            "page: models, two facets": "?task=text-generation&language=zh",
            "page: models, facets and words": "?task=text-generation&search=qwen",
            "proposals for three letters": None,
        }.items():
            path = "/search/proposals?q=qwe" if query is None else f"/models{query}"
            figures.append(_page(what, connection, [path] * 50))
        return [*figures, _freshness(connection), *face.measure(process.pid, url, connection)]
    finally:
        stop(process)


def _page(what: str, connection: Connection, paths: list[str]) -> Figure:
    return _spread(what, [_timed(connection.send, "GET", path) for path in paths])


def _freshness(connection: Connection) -> Figure:
    """From the answer to a commit until the search page finds its word."""
    repo_id, waits = connection.create_repo("fresh"), []
    for number in range(_PUSHES):
        word = f"freshword{number}"
        connection.commit(repo_id, [file_line("README.md", f"# Fresh\n\n{word}\n")])
        began = time.perf_counter()
        while f'href="/{repo_id}"'.encode() not in connection.send("GET", f"/search?q={word}"):
            time.sleep(0.01)
        waits.append(time.perf_counter() - began)
    return _spread("a push can be found after", waits, _FRESH_TARGET_SECONDS)


def _timed(work: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def _spread(what: str, took: list[float], target: float | None = None) -> Figure:
    """The median as wall time, the 99th percentile as the result."""
    took = sorted(took)
    worst = took[min(len(took) - 1, round(len(took) * 0.99))]
    ours = WallOnly(statistics.median(took))
    limit = None if target is None else target * 1e3
    return Figure(what, ours, "", None, worst * 1e3, "ms at p99", limit, at_most=True)


_NOTE = """\
One client, one request after the other; wall is the median, the result the 99th percentile. The target is held against
the engine alone; the pages around it are told as they are. Questions are drawn by a
fixed seed from the 2,000 most used of 20,000 words of each language, the first of which stand in most cards; mistyped
words lack a letter. Pages are whole: session, rights, rows, template. Cards have about 1.8 kB and do not come from git
here. The last rows are pages as a visitor without an account gets them, uncompressed; each paint is a browser's
first."""


if __name__ == "__main__":
    main()
