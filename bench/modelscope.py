"""Snapshots by the ModelScope client beside the Hugging Face client: of many small files, and of one large one."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import (
    ROOT,
    Connection,
    Cost,
    Figure,
    Hub,
    file_line,
    keep_apart,
    median,
    progress,
    run_client,
    running_hub,
    save,
    wait_until_idle,
    workplace,
)
from transfers import lfs_action, put

VERSIONS = ("modelscope==1.40.2", "modelscope-hub==0.5.1")
VENV = ROOT / "build" / "bench" / "modelscope"
_PER_COMMIT = 1000
_MOST = 1.3
_NOTE = f"""\
Both clients ({", ".join(VERSIONS)} and huggingface_hub) fetch the same repos with their usual number of connections,
each time into an empty cache, once the hub is at rest; they take turns, and in who begins. Server CPU of a snapshot is
that of everything the client asks for. The ModelScope client has each file's sha256 and its last commit told with the
list; the first snapshot of a repo, when the server has to find both out, stands by itself. Ratios are medians of the
rounds, in each of which both were neighbours. The Hugging Face client asks twice for each small file (HEAD, then GET),
and fetches a large one by Xet, in ranges of 64 MiB. The hub has one core, the clients the other: on the same ones a
client takes the caches from the hub between two requests, which costs it more than the work of a request."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=3100, help="small files of the first repo")
    parser.add_argument("--mib", type=int, default=1024, help="size of the large file of the second")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    keep_apart()
    make_environment()
    with workplace(options.work) as work, running_hub(work) as hub:
        many = _many(hub.connect(), options.files)
        figures = _figures(hub, many, work, options.rounds, options.files, f"{options.files} small files")
        large = _large(hub.connect(), options.mib << 20)
        figures += _figures(hub, large, work, options.rounds, 1, f"one file of {options.mib} MiB")
    save("modelscope", "The same repos in two dialects", figures, _NOTE)


def make_environment() -> None:
    """Packages of the client, apart from ours, kept between runs."""
    stamp = VENV / ".versions"
    if stamp.exists() and stamp.read_text() == " ".join(VERSIONS):
        return
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin" / "pip", "-q", "--disable-pip-version-check", "install", *VERSIONS], check=True)
    stamp.write_text(" ".join(VERSIONS))


def _many(connection: Connection, count: int) -> str:
    repo_id = connection.create_repo("many")
    lines = [file_line(f"data/part-{number:05}.txt", f"file {number}\n" * 64) for number in range(count)]
    for start in range(0, count, _PER_COMMIT):
        connection.commit(repo_id, lines[start : start + _PER_COMMIT])
    return repo_id


def _large(connection: Connection, size_bytes: int) -> str:
    repo_id, body = connection.create_repo("large"), os.urandom(size_bytes)
    sha256 = hashlib.sha256(body).hexdigest()
    action = lfs_action(connection, repo_id, sha256, size_bytes)
    put(action["href"], body, action.get("header", {}))
    connection.commit_lfs(repo_id, "large.bin", sha256, size_bytes)
    return repo_id


def _figures(hub: Hub, repo_id: str, work: Path, rounds: int, files: int, what: str) -> list[Figure]:
    wait_until_idle(hub.pid)
    first = _snapshot(hub, repo_id, work, _modelscope)
    costs: dict[Client, list[Cost]] = {_modelscope: [], _hugging_face: []}
    for number in range(rounds):
        for client in (_modelscope, _hugging_face)[:: -1 if number % 2 else 1]:
            costs[client].append(_snapshot(hub, repo_id, work, client))
    both = costs[_modelscope], costs[_hugging_face]
    beside = median(both[1])
    return [
        _figure(f"ModelScope snapshot of {what}", "Hugging Face snapshot", *both, files),
        _figure("the other way round", "ModelScope snapshot", *both[::-1], files),
        _figure("the first ModelScope snapshot", "Hugging Face snapshot", [first], [beside], files),
    ]


def _figure(what: str, beside: str, ones: Sequence[Cost], others: Sequence[Cost], files: int) -> Figure:
    def of_a_file(costs: Sequence[Cost]) -> Cost:
        return Cost(median(costs).cpu_seconds / files, median(costs).wall_seconds)

    named = f"{what}, CPU per file" if files > 1 else what
    ratio = statistics.median(one.cpu_seconds / other.cpu_seconds for one, other in zip(ones, others, strict=True))
    return Figure(named, of_a_file(ones), beside, of_a_file(others), ratio, "times its CPU", _MOST, at_most=True)


Client = Callable[[Hub, str, Path], Sequence[float]]


def _snapshot(hub: Hub, repo_id: str, work: Path, client: Client) -> Cost:
    folder = work / "snapshot"
    with hub.meter() as meter:
        walls = client(hub, repo_id, folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    shutil.rmtree(folder)
    progress(f"{client.__name__.strip('_')}: {repo_id}, {size} bytes, {meter.cost}")
    return Cost(meter.cost.cpu_seconds, walls[0])


def _hugging_face(hub: Hub, repo_id: str, folder: Path) -> Sequence[float]:
    at = {"url": hub.url, "token": hub.token, "repo_id": repo_id}
    walls: list[float] = run_client(folder / "home", "snapshot", **at, folder=str(folder))
    return walls


def _modelscope(hub: Hub, repo_id: str, folder: Path) -> Sequence[float]:
    folder.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MODELSCOPE_CACHE": str(folder),
        "MODELSCOPE_ENDPOINT": hub.url,
        "MODELSCOPE_DOMAIN": hub.url.partition("//")[2],
        "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false",
        "NO_PROXY": "127.0.0.1",
    }
    asked = {"repo_id": repo_id, "token": hub.token, "folder": str(folder / "files")}
    command = [VENV / "bin" / "python", "-P", Path(__file__).with_name("ms_client.py")]
    done = subprocess.run(command, input=json.dumps(asked), env=environ, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"the ModelScope client failed: {done.stderr[-2000:]}")
    walls: list[float] = json.loads(done.stdout.splitlines()[-1])
    return walls


if __name__ == "__main__":
    main()
