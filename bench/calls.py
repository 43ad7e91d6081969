"""What the calls of every day cost the server: look at a file, a repo, the list; commit; fetch many small files."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness import (
    Connection,
    Cost,
    Figure,
    Hub,
    Meter,
    Published,
    file_line,
    free_port,
    median,
    progress,
    run_client,
    running_hub,
    save,
    start,
    stop,
    wait_for_answer,
    workplace,
)

FILES = 300
_BATCH = 40
_TIMES_LESS = "times less CPU"
_KOHAKU = "KohakuHub"
_TEN_TIMES = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repos", type=int, default=2000, help="models on the hub for the list")
    parser.add_argument("--rounds", type=int, default=15, help=f"of {_BATCH} requests of each kind")
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    with workplace(options.work) as work, running_hub(work, models=options.repos) as hub:
        connection = hub.connect()
        many = _repo_of_many(connection)
        figures = [
            *_looks(hub, many, options.rounds, options.repos, work),
            *_commits(hub, connection, work),
            _snapshot(hub, many, work),
        ]
    save("calls", "Calls", figures, _NOTE)


_NOTE = """\
One kept-alive connection with a token, one request after the other, the kinds in turn; commits and the snapshot by the
stock client (its calls before and after included, its own CPU not). KohakuHub's figures were taken on the same kind of
machine in a run of its own, with SQLite and one worker or PostgreSQL and two (the lower CPU figure of both is shown);
its CPU for a commit of one file is not known, so wall time is held against its faster set-up."""


def _repo_of_many(connection: Connection) -> str:
    repo_id = connection.create_repo("many")
    connection.commit(repo_id, [file_line(name, text) for name, text in _small_files("first").items()])
    return repo_id


def _small_files(word: str) -> dict[str, str]:
    """Paths with texts of about a kilobyte that no other ``word`` gives."""
    return {_path(n): f"{word} {n}\n" * 64 for n in range(FILES)}


def _path(number: int) -> str:
    return f"data/part-{number % FILES:03}.txt"


@dataclass(slots=True)
class Look:
    """A request that is sent again and again. ``kohaku_cpu``: seconds that KohakuHub needs for the like of it."""

    what: str
    method: str
    path: str
    kohaku_cpu: float | None = None
    costs: list[Cost] = field(default_factory=list)

    def figure(self, floor: Cost) -> Figure:
        cost = median(self.costs)
        if self.kohaku_cpu is None:
            above = cost.cpu_seconds / floor.cpu_seconds
            return Figure(self.what, cost, "an empty answer by uvicorn", floor, above, "times its CPU")
        beside = Published(_KOHAKU, self.kohaku_cpu)
        return Figure(self.what, cost, _KOHAKU, beside, self.kohaku_cpu / cost.cpu_seconds, _TIMES_LESS, _TEN_TIMES)


def _looks(hub: Hub, repo_id: str, rounds: int, repos: int, work: Path) -> list[Figure]:
    models = "/api/models?limit=50"
    narrow = "filter=bench&search=model&sort=downloads&direction=-1"
    looks = [
        Look("`HEAD resolve`", "HEAD", f"/{repo_id}/resolve/main/{_path(0)}", 0.021),
        Look(f"model info, {FILES} files", "GET", f"/api/models/{repo_id}", 0.020),
        Look(f"list, 50 of {repos} models", "GET", models, 0.022),
        Look("the same by tag and word, by downloads", "GET", f"{models}&{narrow}", 0.022),
        Look("the same with the files of each", "GET", f"{models}&{narrow}&full=true"),
        Look("`HEAD resolve`", "HEAD", f"/{repo_id}/resolve/main/{_path(0)}"),
    ]
    with _empty_server(work) as (pid, url):
        empty, floor = Connection(url, hub.token), Look("", "GET", "/")
        for _ in range(rounds):
            for look in looks:
                look.costs.append(_batch(hub.pid, hub.connect(), look))
            floor.costs.append(_batch(pid, empty, floor))
    return [look.figure(median(floor.costs)) for look in looks]


def _batch(pid: int, connection: Connection, look: Look) -> Cost:
    """CPU: the mean of a batch of requests. Wall: the median."""
    connection.send(look.method, look.path)
    walls = []
    with Meter(pid) as meter:
        for _ in range(_BATCH):
            started = time.perf_counter()
            connection.send(look.method, look.path)
            walls.append(time.perf_counter() - started)
    return Cost(meter.cost.cpu_seconds / _BATCH, statistics.median(walls))


@contextmanager
def _empty_server(work: Path) -> Iterator[tuple[int, str]]:
    """uvicorn with an application that answers nothing: what HTTP in Python costs here."""
    port = free_port()
    process = start([sys.executable, str(Path(__file__).with_name("empty_server.py")), str(port)], work / "empty.log")
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for_answer(process, url)
        yield process.pid, url
    finally:
        stop(process)


def _commits(hub: Hub, connection: Connection, work: Path) -> list[Figure]:
    single = [{f"note-{n}.txt": f"note {n}\n"} for n in range(20)]
    one = _commit_cost(hub, connection.create_repo("single"), single, work)
    many = _commit_cost(hub, connection.create_repo("triple"), [_small_files(f"round {n}") for n in range(3)], work)
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
