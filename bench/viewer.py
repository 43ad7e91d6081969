"""The viewer over a Parquet file and a CSV file of a gigabyte each: a first page, and SQL over all of it.

Beside: the same statement by DuckDB in a process of its own that has all cores and opens the file itself."""

from __future__ import annotations

import argparse
import hashlib
import http.client
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import (
    Cost,
    Figure,
    Hub,
    Meter,
    WallOnly,
    _children,
    forget_peak,
    memory_bytes,
    progress,
    running_hub,
    save,
    workplace,
)
from transfers import lfs_action

_ROWS = {"parquet": 22_500_000, "csv": 15_600_000}
_MAKE = "SELECT range AS i, (range * 7919) % 1000 AS k, md5(range::VARCHAR) AS word, random() AS x FROM range({rows})"
_QUERIES = {
    "count": "SELECT count(*) FROM data",
    "group by 1000 keys": "SELECT k, count(*), avg(x) FROM data GROUP BY k ORDER BY k LIMIT 10",
}
_PLAIN = """
import duckdb, sys, time
duckdb.execute("SET enable_progress_bar = false")
started = time.perf_counter()
duckdb.execute(sys.argv[1]).fetchall()
print(time.perf_counter() - started)
"""
_READ = re.compile(r"([\d.]+ [kMG]?B) read")
_NOTE = """The first page is the whole answer to the first look: the process starts, finds the types, reads 100 rows,
counts the rows of Parquet; facts about columns follow in another process (its CPU counts here, its time up to 1.5 s).
Reading is done by one thread with 512 MiB, so that one reader cannot take the machine; the plain DuckDB beside has all
cores and all memory. Bytes read: {read}. Highest memory: locked process {child} MiB, about 50 of it the code of DuckDB;
the server itself {server} MiB, {before} before."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", help="folder for the files, about 4 GB")
    with workplace(parser.parse_args().work) as work, running_hub(work) as hub:
        paths = [_make(hub, work, ending) for ending in _ROWS]
        hub.connect().send("GET", "/healthz")
        before = _own_memory(hub)
        forget_peak(hub.pid)
        with _watched(hub.pid) as peak:
            figures, read = [], []
            for path in paths:
                found, said = _figures(hub, path)
                figures += found
                read.append(f"{path.suffix[1:]} {said}")
        told = {
            "read": ", ".join(read),
            "child": peak[0] >> 20,
            "server": _own_memory(hub) >> 20,
            "before": before >> 20,
        }
        save("viewer", "Looking into files of a gigabyte", figures, _NOTE.format(**told))


def _make(hub: Hub, work: Path, ending: str) -> Path:
    path = work / f"big.{ending}"
    sql = f"COPY ({_MAKE.format(rows=_ROWS[ending])}) TO '{path}'"
    subprocess.run([sys.executable, "-c", "import duckdb, sys; duckdb.execute(sys.argv[1])", sql], check=True)
    progress(f"{path.name}: {path.stat().st_size / 1e9:.2f} GB")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    connection = hub.connect()
    repo_id = connection.create_repo(ending)
    action = lfs_action(connection, repo_id, sha256, path.stat().st_size)
    _put(str(action["href"]), path, action.get("header") or {})
    connection.commit_lfs(repo_id, path.name, sha256, path.stat().st_size)
    return path


def _put(url: str, path: Path, headers: object) -> None:
    parts = urllib.parse.urlsplit(url)
    line = http.client.HTTPConnection(parts.netloc)
    with path.open("rb") as file:
        given = dict(headers) if isinstance(headers, dict) else {}
        line.request("PUT", f"{parts.path}?{parts.query}", file, given | {"Content-Length": str(path.stat().st_size)})
        answer = line.getresponse()
        if answer.status >= 300:
            raise RuntimeError(f"PUT was answered {answer.status}: {answer.read()[:300]!r}")


def _figures(hub: Hub, path: Path) -> tuple[list[Figure], str]:
    ending, room = path.suffix[1:], f"/lin/{path.suffix[1:]}/viewer?file={path.name}"
    size = f"{path.stat().st_size / 1e9:.1f} GB of {ending}"
    reader = f"read_{ending}('{path}')"
    page, first = _cost(hub, room)
    said = _READ.search(page)
    plain = WallOnly(_plain(f"SELECT * FROM {reader} LIMIT 100"))
    figures = [_figure(f"first page of {size}", first, plain, 2.0)]
    for name, sql in _QUERIES.items():
        _, cost = _cost(hub, f"{room}&format=json&sql={urllib.parse.quote(sql)}")
        figures.append(_figure(f"{name} over {size}", cost, WallOnly(_plain(sql.replace("data", reader))), None))
    return figures, said[1] if said else "?"


def _figure(what: str, cost: Cost, plain: WallOnly, target: float | None) -> Figure:
    progress(f"{what}: {cost}")
    return Figure(what, cost, "DuckDB alone, all cores", plain, cost.wall_seconds, "s", target, at_most=True)


def _cost(hub: Hub, path: str) -> tuple[str, Cost]:
    """Wall: until the answer. CPU: with what goes on after it."""
    with Meter(hub.pid) as meter:
        started = time.perf_counter()
        page = hub.connect().send("GET", path).decode()
        wall = time.perf_counter() - started
        while _children(hub.pid):  # facts about columns may still be gathered
            time.sleep(0.02)
    return page, Cost(meter.cost.cpu_seconds, wall)


def _plain(sql: str) -> float:
    done = subprocess.run([sys.executable, "-c", _PLAIN, sql], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _own_memory(hub: Hub) -> int:
    lines = Path(f"/proc/{hub.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """The highest memory of a child, looked at fifty times a second."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for child in _children(pid):
                try:
                    peak[0] = max(peak[0], memory_bytes(child, "VmHWM"))
                except (FileNotFoundError, ProcessLookupError, StopIteration):
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main()
