"""What jobs keep in files: logs, items, answers. Whoever asks for them has been let in by `get_open_job`."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from yungu.compute.models.jobs import Job
from yungu.storage.local import LocalStore

LOG, OLDER_LOG = "log", "log.1"
ITEMS = "items.jsonl"
ANSWERS = "answers.jsonl"
PREDICTIONS = "predictions.jsonl"
KEPT = frozenset({LOG, OLDER_LOG, ITEMS, ANSWERS, PREDICTIONS})
"""What stays of a job when it has ended."""


def job_folder(store: LocalStore, number: int) -> Path:
    """Where a job keeps its log, its items and what it needs to go on."""
    return store.root / "jobs" / str(number)


def list_job_folders(store: LocalStore) -> Sequence[int]:
    """The numbers of the jobs that have files, ascending."""
    root = store.root / "jobs"
    return sorted(int(path.name) for path in root.iterdir() if path.name.isdigit()) if root.exists() else []


def digest_of(path: Path) -> str:
    """The sha256 of a file, in hex: a job's result says that of its items or answers."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def drop_job_files(store: LocalStore, number: int) -> int:
    """Delete what a job keeps in files; how many bytes. Its row must say so before: see `clear_jobs`."""
    folder = job_folder(store, number)
    size_bytes = folder_bytes(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return size_bytes


def folder_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))


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
