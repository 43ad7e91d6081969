"""Looking after a repo's git objects with git's own programs: prove, walk, pack, prune.

Refs are rows elsewhere, so every function is told the *tips*: the object ids that refs point at."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from yungu.kernel.errors import Unavailable
from yungu.storage import git_binary
from yungu.storage.git import mark_pruned

_FORMAT_COMPLAINT = re.compile(r"^(error|warning) in (blob|tree|commit|tag) ")
_LOOSE_FOLDER = re.compile(r"[0-9a-f]{2}")
_LOOSE_NAME = re.compile(r"[0-9a-f]{38}")


class GitWalkFailed(Unavailable):
    """git could not follow the links between the objects of a repo."""


@dataclass(frozen=True, slots=True)
class Reached:
    """An object that is reachable, or should be. ``kind``: commit, tree, blob, tag, or "missing" (then of 0 bytes)."""

    oid: str
    kind: str
    size_bytes: int


def iter_reachable(path: Path, tips: Collection[str]) -> Iterator[Reached]:
    """Every object that the tips lead to, the tips included.

    Raises GitWalkFailed when a commit on the way is missing or damaged."""
    missing = [found.oid for found in _measure(path, tips) if found.kind == "missing"]
    yield from (Reached(oid, "missing", 0) for oid in missing)
    starts = [oid for oid in tips if oid not in missing]
    if starts:
        yield from _walk(path, starts)


def find_damage(path: Path, tip: str) -> list[str]:
    """Read every object again and hash it: what git says is wrong with their bytes, a line each.

    Complaints about the form of objects that are what their ids say are not damage: old tools wrote such."""
    program = ["fsck", "--full", "--no-dangling", "--no-progress", tip]
    with tempfile.TemporaryFile() as said:
        process = git_binary.popen(path, program, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        status = process.wait()
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").replace(str(path), "").splitlines()
    found = [line for line in lines if line and not _FORMAT_COMPLAINT.match(line) and not line.startswith("notice:")]
    return found or ([f"git fsck died with signal {-status}"] if status < 0 else [])


def estimate_loose(path: Path) -> int:
    """About how many objects lie in files of their own: ids are evenly spread over 256 folders, 8 are looked at."""
    folders = [path / "objects" / f"{number:02x}" for number in range(0, 256, 32)]
    return 32 * sum(1 for folder in folders if folder.is_dir() for _ in folder.iterdir())


def pack_count(path: Path) -> int:
    return sum(1 for file in (path / "objects" / "pack").iterdir() if file.suffix == ".pack")


def pack(path: Path) -> None:
    """Gather the objects in one pack. Nothing is lost: what the projected refs do not reach becomes loose again.

    Call it with the repo locked and its refs projected. Raises GitWalkFailed."""
    _run(path, ["repack", "-A", "-d", "-q"])


def list_loose(path: Path, older_than_seconds: float) -> list[str]:
    """Objects in files of their own that nobody has written (again) for so long."""
    deadline = time.time() - older_than_seconds
    return [file.parent.name + file.name for file in _iter_loose(path) if file.stat().st_mtime < deadline]


def loose_bytes(path: Path, oids: Iterable[str]) -> int:
    """The room that loose objects take on the disk."""
    return sum(_loose_file(path, oid).stat().st_blocks * 512 for oid in oids)


def drop_loose(path: Path, oids: Iterable[str], older_than_seconds: float) -> int:
    """Delete loose objects unless somebody writes them again at this moment; the bytes freed.

    git and libgit2 renew the age of an object that they are asked to write and already have. So each file is first
    taken aside and its age looked at there: who wrote it before that has renewed its age and gets it back, who writes
    it after that finds nothing and makes a new one."""
    deadline, freed = time.time() - older_than_seconds, 0
    for oid in oids:
        file = _loose_file(path, oid)
        aside = file.with_name(f"tmp_obj_{oid}")
        try:
            file.rename(aside)
        except FileNotFoundError:
            continue
        found = aside.stat()
        if found.st_mtime < deadline:
            aside.unlink()
            freed += found.st_blocks * 512
        else:
            aside.rename(file)
    mark_pruned(path)
    return freed


def _loose_file(path: Path, oid: str) -> Path:
    return path / "objects" / oid[:2] / oid[2:]


def _iter_loose(path: Path) -> Iterator[Path]:
    for folder in (path / "objects").iterdir():
        if _LOOSE_FOLDER.fullmatch(folder.name):
            yield from (file for file in folder.iterdir() if _LOOSE_NAME.fullmatch(file.name))


def _measure(path: Path, oids: Collection[str]) -> Iterator[Reached]:
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said:
        _ask(asked, oids)
        process = git_binary.popen(path, ["cat-file", "--batch-check", "--buffer"], stdin=asked, stderr=said)
        yield from _results([process], said, path)


def _walk(path: Path, starts: Sequence[str]) -> Iterator[Reached]:
    """``rev-list | cat-file``: the links from the one, kinds and sizes from the other, nothing through Python."""
    with ExitStack() as stack:
        asked, said = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        _ask(asked, starts)
        program = ["rev-list", "--objects", "--missing=print", "--stdin"]
        walker = git_binary.popen(path, program, stdin=asked, stderr=said)
        shape = "--batch-check=%(objectname) %(objecttype) %(objectsize) %(rest)"
        with _output(walker) as links:  # closed here, so that the one notices when the other dies
            measurer = git_binary.popen(path, ["cat-file", shape, "--buffer"], stdin=links, stderr=said)
        yield from _results([measurer, walker], said, path)


def _results(processes: Sequence[subprocess.Popen[bytes]], said: IO[bytes], path: Path) -> Iterator[Reached]:
    try:
        for line in _output(processes[0]):
            oid, kind, *size = line.split(maxsplit=3)
            name = oid.decode().removeprefix("?")
            yield Reached(name, "missing", 0) if kind == b"missing" else Reached(name, kind.decode(), int(size[0]))
        if any(process.wait() for process in processes):
            raise GitWalkFailed(git_binary.last_words(said, path))
    finally:
        for process in processes:
            if process.stdout is not None:
                process.stdout.close()
            if process.poll() is None:
                process.kill()
            process.wait()


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdout is None:
        raise ValueError("started without a pipe")
    return process.stdout


def _ask(asked: IO[bytes], oids: Iterable[str]) -> None:
    asked.write("".join(f"{oid}\n" for oid in oids).encode())
    asked.seek(0, os.SEEK_SET)


def _run(path: Path, program: Sequence[str]) -> str:
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as out:
        process = git_binary.popen(path, program, stdin=subprocess.DEVNULL, stdout=out, stderr=said)
        if process.wait():
            raise GitWalkFailed(git_binary.last_words(said, path))
        out.seek(0)
        return out.read().decode()
