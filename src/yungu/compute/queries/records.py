"""What jobs keep in files: logs, items, answers. Whoever asks for them has been let in by `get_open_job`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from yungu.compute.models.jobs import Job
from yungu.storage.local import LocalStore

LOG, OLDER_LOG = "log", "log.1"
ITEMS = "items.jsonl"
ANSWERS = "answers.jsonl"


def job_folder(store: LocalStore, number: int) -> Path:
    """Where a job keeps its log, its items and what it needs to go on."""
    return store.root / "jobs" / str(number)


def iter_log(store: LocalStore, job: Job) -> Iterator[str]:
    """The last lines of the log of a job, oldest first; while it runs those so far."""
    for name in (OLDER_LOG, LOG):
        path = job_folder(store, job.id) / name
        if path.exists():
            yield from path.read_bytes().decode("utf-8", "replace").splitlines()


def iter_items(store: LocalStore, job: Job) -> Iterator[dict[str, Any]]:
    """What became of each input of an evaluation that succeeded, in order: ``{"id", "input", "label", "prediction",
    "score"}``, the last one if the metric gives one."""
    for line in iter_lines(job_folder(store, job.id) / ITEMS):
        yield msgspec.json.decode(line)


def iter_answers(store: LocalStore, job: Job) -> Iterator[bytes]:
    """The lines that a batch has answered so far; at the end in the order of the requests."""
    return iter_lines(job_folder(store, job.id) / ANSWERS)


def iter_lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a file that may have been cut off in its last one; none where there is no file."""
    if path.exists():
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n") and line.strip())
