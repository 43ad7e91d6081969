"""How soon a hub answers after its command, and how much memory it holds while nothing happens."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from harness import (
    Cost,
    Figure,
    Hub,
    cpu_seconds,
    median,
    memory_bytes,
    progress,
    running_hub,
    save,
    start_hub,
    stop,
    workplace,
)

_NOTE = """\
From running the command to the end of the first answer (a list of models), files in the page cache. Memory is that of
all processes of the server right after it has answered, and after a hundred requests; RSS is what the
published figures count, PSS shares out what several processes use together. KohakuHub needs an S3 server (229 MB
there), LakeFS and more beside itself, which are not counted."""
_KOHAKU_MB = 148
_PAGES = ["/", "/api/models?limit=20", "/api/whoami-v2", "/api/models/lin/one", "/api/models/lin/one/tree/main"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    with workplace(options.work) as work:
        first = median([_start(work / f"new-{number}" / "hub") for number in range(options.rounds)])
        again = median([_start(work / "new-0" / "hub") for _ in range(options.rounds)])
        with running_hub(work) as hub:
            figures = [
                Figure("first start: an empty folder becomes a hub", first, "", None, first.wall_seconds, "s"),
                Figure("cold start of a hub that is there", again, "", None, again.wall_seconds, "s"),
                *_memory(hub),
            ]
    save("starting", "Start and memory", figures, _NOTE)


def _start(data: Path) -> Cost:
    data.parent.mkdir(exist_ok=True)
    started = time.perf_counter()
    process, _ = start_hub(data)
    cost = Cost(cpu_seconds(process.pid), time.perf_counter() - started)
    stop(process)
    progress(f"start: {cost}")
    return cost


def _memory(hub: Hub) -> list[Figure]:
    figures = _memory_now(hub, "after the first answer")
    connection = hub.connect()
    connection.create_repo("one")
    for _ in range(20):
        for page in _PAGES:
            connection.send("GET", page)
    return [*figures, *_memory_now(hub, "after a hundred requests")]


def _memory_now(hub: Hub, when: str) -> list[Figure]:
    found = {kind: memory_bytes(hub.pid, kind) / 1e6 for kind in ("Rss", "Pss")}
    beside = f"KohakuHub, one worker: {_KOHAKU_MB} MB (published)"
    return [
        Figure(f"memory (RSS) {when}", None, beside, None, found["Rss"], "MB", _KOHAKU_MB, at_most=True),
        Figure(f"memory (PSS) {when}", None, "", None, found["Pss"], "MB"),
    ]


if __name__ == "__main__":
    main()
