"""What the calls of every day cost the server: look at a file, a repo, the list; commit; fetch many small files."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from harness import (
    Connection,
    Cost,
    Figure,
    Hub,
    Published,
    file_line,
    median,
    progress,
    run_client,
    running_hub,
    save,
    workplace,
)

FILES = 300
_TIMES_LESS = "times less CPU"
_KOHAKU = "KohakuHub"
_TEN_TIMES = 10.0

_CARD = """---
license: apache-2.0
language: [en, zh]
pipeline_tag: text-generation
library_name: transformers
tags: [bench, number-{number}]
base_model: acme/base-{base}
---
# Model {number}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repos", type=int, default=2000, help="models on the hub for the list")
    parser.add_argument("--requests", type=int, default=600, help="requests per figure")
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    with workplace(options.work) as work, running_hub(work) as hub:
        connection = hub.connect()
        many = _repo_of_many(connection)
        _fill(connection, options.repos)
        figures = [
            *_looks(hub, connection, many, options.requests, options.repos),
            *_commits(hub, connection, work),
            _snapshot(hub, many, work),
        ]
    save("calls", "Calls", figures, _NOTE)


_NOTE = """\
One kept-alive connection with a token, one request after the other; commits and the snapshot by the stock client
(its calls before and after included, its own CPU not). KohakuHub's figures were taken on the same kind of machine in a
run of its own, with SQLite and one worker or PostgreSQL and two (the lower CPU figure of both is shown); its CPU for a
commit of one file is not known, so wall time is held against its faster set-up."""


def _repo_of_many(connection: Connection) -> str:
    repo_id = connection.create_repo("many")
    connection.commit(repo_id, [file_line(name, text) for name, text in _small_files("first").items()])
    return repo_id


def _small_files(word: str) -> dict[str, str]:
    """Paths with texts of about a kilobyte that no other ``word`` gives."""
    return {_path(n): f"{word} {n}\n" * 64 for n in range(FILES)}


def _path(number: int) -> str:
    return f"data/part-{number % FILES:03}.txt"


def _fill(connection: Connection, count: int) -> None:
    started = time.monotonic()
    for number in range(count):
        repo_id = connection.create_repo(f"model-{number:05}")
        card = _CARD.format(number=number, base=number % 50)
        connection.commit(repo_id, [file_line("README.md", card), file_line("config.json", "{}")])
    progress(f"made {count} models in {time.monotonic() - started:.0f} s")


def _looks(hub: Hub, connection: Connection, repo_id: str, count: int, repos: int) -> list[Figure]:
    def each(what: str, kohaku_cpu: float, paths: Callable[[int], tuple[str, str]], times: int) -> Figure:
        cost = _cost_of_each(hub, connection, paths, times)
        beside = Published(_KOHAKU, kohaku_cpu)
        return Figure(what, cost, _KOHAKU, beside, kohaku_cpu / cost.cpu_seconds, _TIMES_LESS, _TEN_TIMES)

    return [
        each("`HEAD resolve`", 0.021, lambda n: ("HEAD", f"/{repo_id}/resolve/main/{_path(n)}"), count),
        each(f"model info, {FILES} files", 0.020, lambda n: ("GET", f"/api/models/{repo_id}"), count),
        each(f"list, 50 of {repos} models", 0.022, lambda n: ("GET", "/api/models?limit=50"), count),
        each(
            f"list, 50 of {repos} models, by tag and word, by downloads, with all fields",
            0.022,
            lambda n: ("GET", "/api/models?limit=50&full=true&filter=bench&search=model&sort=downloads&direction=-1"),
            count // 3,
        ),
    ]


def _cost_of_each(hub: Hub, connection: Connection, request: Callable[[int], tuple[str, str]], count: int) -> Cost:
    """CPU: the mean. Wall: the median."""
    for number in range(count // 10):
        connection.send(*request(number))
    walls = []
    with hub.meter() as meter:
        for number in range(count):
            started = time.perf_counter()
            connection.send(*request(number))
            walls.append(time.perf_counter() - started)
    progress(f"{request(0)[1][:60]}: {meter.cost.per(count)}")
    return Cost(meter.cost.cpu_seconds / count, statistics.median(walls))


def _commits(hub: Hub, connection: Connection, work: Path) -> list[Figure]:
    single = [{f"note-{n}.txt": f"note {n}\n"} for n in range(30)]
    one = _commit_cost(hub, connection.create_repo("single"), single, work)
    many = _commit_cost(hub, connection.create_repo("triple"), [_small_files(f"round {n}") for n in range(5)], work)
    file = Cost(many.cpu_seconds / FILES, many.wall_seconds)
    beside_one, beside_file = Published(_KOHAKU, None, 0.212), Published(_KOHAKU, 0.008, 6.3)
    faster = beside_one.wall_seconds / one.wall_seconds
    less = beside_file.cpu_seconds / file.cpu_seconds
    return [
        Figure("commit of 1 small file", one, _KOHAKU, beside_one, faster, "times faster", _TEN_TIMES),
        Figure(
            f"commit of {FILES} small files, CPU per file", file, _KOHAKU, beside_file, less, _TIMES_LESS, _TEN_TIMES
        ),
    ]


def _commit_cost(hub: Hub, repo_id: str, commits: list[dict[str, str]], work: Path) -> Cost:
    with hub.meter() as meter:
        walls = run_client(work / "home", "commit", url=hub.url, token=hub.token, repo_id=repo_id, commits=commits)
    progress(f"{len(commits)} commits: {meter.cost.per(len(commits))}")
    return Cost(meter.cost.cpu_seconds / len(commits), statistics.median(walls))


def _snapshot(hub: Hub, repo_id: str, work: Path) -> Figure:
    costs = [_snapshot_cost(hub, repo_id, work / f"snapshot-{n}") for n in range(3)]
    middle = median(costs)
    file = Cost(middle.cpu_seconds / FILES, middle.wall_seconds)
    beside = Published(_KOHAKU, 0.046, 16.4)
    what = f"`snapshot_download` of {FILES} small files, CPU per file"
    return Figure(what, file, _KOHAKU, beside, beside.cpu_seconds / file.cpu_seconds, _TIMES_LESS, _TEN_TIMES)


def _snapshot_cost(hub: Hub, repo_id: str, folder: Path) -> Cost:
    with hub.meter() as meter:
        at = {"url": hub.url, "token": hub.token, "repo_id": repo_id}
        walls = run_client(folder / "home", "snapshot", **at, folder=str(folder))
    progress(f"snapshot: {meter.cost}")
    return Cost(meter.cost.cpu_seconds, walls[0])


if __name__ == "__main__":
    main()
