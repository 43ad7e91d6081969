"""Objects of a push on their way in: checked before they are let into the repo, gone when they are not.

    with Quarantine(git.open(repo.id)) as incoming:
        with incoming.unpack(count) as pack:        # the count stands in the pack's header
            pack.write(block)
            pack.finish()
        incoming.begin_flush()
        for change in incoming.iter_changes(tips, known):
            ...
        incoming.admit()

The objects lie beside the repo's own in an object directory that borrows from it (git calls that an alternate)."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast
from uuid import uuid4

import pygit2

from yungu.storage import git_binary
from yungu.storage.errors import GitObjectMissing, PackInvalid, StorageFull
from yungu.storage.git import GitObjects, GitStore
from yungu.storage.room import NO_ROOM

PACK_HEADER_BYTES = 12
_PACK_HEADER = struct.Struct(">4sII")
_LOOSE_BELOW = 100  # as git's own receive.unpackLimit: few objects become files, more stay a pack
_READ_BYTES = 64 << 10
_MOST_MEMORY_BYTES = 1 << 30
"""For each of git's programs: several times what honest pushes of millions of objects need."""
_FOLDER = "incoming"
_LATE = (".keep", ".pack", ".rev", ".bitmap", ".idx")  # a pack exists once its index does


@dataclass(frozen=True, slots=True)
class Change:
    """A path that a commit gives new content. ``mode``: git's file mode."""

    path: bytes
    mode: int
    oid: str


def count_objects(header: bytes) -> int:
    """How many objects a pack with these first 12 bytes holds. Raises PackInvalid.

    https://git-scm.com/docs/gitformat-pack"""
    magic, version, count = _PACK_HEADER.unpack(header)
    if magic != b"PACK" or version not in (2, 3):
        raise PackInvalid("What was sent is not a git pack.")
    return int(count)


class Quarantine:
    """Leaving the ``with`` block drops whatever was not admitted. For one thread at a time."""

    def __init__(self, git: GitObjects) -> None:
        self._home = git.path
        self.path = git.path / _FOLDER / uuid4().hex
        (self.path / "info").mkdir(parents=True)
        (self.path / "pack").mkdir()
        (self.path / "info" / "alternates").write_text(f"{git.path / 'objects'}\n")
        self._opened: tuple[pygit2.Repository, pygit2.Odb] | None = None
        self._flushed: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def unpack(self, object_count: int) -> Unpacker:
        """A sink for a pack, header included."""
        program = ["unpack-objects", "-q", "--strict"]
        if object_count >= _LOOSE_BELOW:
            # `iter_changes` follows the links, and `begin_flush` makes the pack durable meanwhile
            program = ["-c", "core.fsync=none", "index-pack", "--stdin", "--fix-thin", "--fsck-objects"]
        return Unpacker(self._home, program, {"GIT_OBJECT_DIRECTORY": str(self.path)})

    def begin_flush(self) -> Future[None]:
        """Let the disk take what came as a pack while it is looked at; ``admit`` waits for it."""
        if self._flushed is None:
            worker = ThreadPoolExecutor(1)
            self._flushed = worker.submit(_sync_all, list((self.path / "pack").iterdir()))
            worker.shutdown(wait=False)
        return self._flushed

    def peel(self, oid: str) -> str:
        """The commit that a commit or an annotated tag leads to. Raises GitObjectMissing."""
        repo, _ = self._objects()
        try:
            return str(repo[oid].peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise GitObjectMissing(oid) from error

    def blob_size(self, oid: str) -> int:
        """Raises GitObjectMissing."""
        _, odb = self._objects()
        try:
            return int(odb.read_header(pygit2.Oid(hex=oid))[1])
        except (KeyError, pygit2.GitError) as error:
            raise GitObjectMissing(oid) from error

    def read_blob(self, oid: str) -> bytes:
        """Raises GitObjectMissing."""
        repo, _ = self._objects()
        try:
            found = repo[pygit2.Oid(hex=oid)]
        except (KeyError, pygit2.GitError) as error:
            raise GitObjectMissing(oid) from error
        if not isinstance(found, pygit2.Blob):
            raise GitObjectMissing(oid)
        return bytes(memoryview(found))  # its ``data``, and ``Odb.read``, look in every folder each time

    def iter_changes(self, tips: Iterable[str], known: Iterable[str]) -> Iterator[Change]:
        """Every path that a commit between ``known`` and ``tips`` gives content that none of its parents has.

        Given that the known commits are complete, all new commits and trees are there when this ends, and all new
        files once every one of ``oid`` was found. Raises PackInvalid when a commit or tree is missing."""
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said:
            asked.write("".join([*(f"{oid}\n" for oid in tips), *(f"^{oid}\n" for oid in known)]).encode())
            asked.seek(0)
            program = ["log", "--stdin", "--format=", "--raw", "-z", "-c", "--root", "--no-abbrev", "--no-renames"]
            env = {"GIT_OBJECT_DIRECTORY": str(self.path), "GIT_FLUSH": "0"}  # else each commit is a write of its own
            process = git_binary.popen(
                self._home, program, stdin=asked, stderr=said, env=env, most_memory_bytes=_MOST_MEMORY_BYTES
            )
            try:
                yield from _parse(_iter_tokens(cast(IO[bytes], process.stdout)))
                if process.wait():
                    raise PackInvalid(f"The history is not complete: {git_binary.last_words(said, self._home)}.")
            finally:
                _end(process)

    def size_bytes(self) -> int:
        """How many bytes the objects take."""
        return sum(file.stat().st_size for file in self._files())

    def admit(self) -> None:
        """Move everything into the repo's own objects, durably. Nothing refers to it yet. Raises StorageFull."""
        into = self._home / "objects"
        self.begin_flush().result()
        for source in sorted(self._files(), key=_order):
            target = into / source.relative_to(self.path)
            if not target.exists():
                target.parent.mkdir(exist_ok=True)
                source.rename(target)
        for folder in {into, *(into / path.relative_to(self.path) for path in self._folders())}:
            _sync(folder)

    def discard(self) -> None:
        """Drop what was not admitted; harmless when repeated."""
        if self._opened is not None:
            self._opened[0].free()
            self._opened = None
        shutil.rmtree(self.path, ignore_errors=True)

    def _objects(self) -> tuple[pygit2.Repository, pygit2.Odb]:
        """These objects before the repo's own: most of what is asked for is new."""
        if self._opened is None:
            repo, odb = pygit2.Repository(str(self._home)), pygit2.Odb(str(self.path))
            repo.set_odb(odb)
            self._opened = repo, odb
        return self._opened

    def _folders(self) -> list[Path]:
        return [path for path in self.path.iterdir() if path.is_dir() and path.name != "info"]

    def _files(self) -> list[Path]:
        found = [file for folder in self._folders() for file in folder.iterdir() if file.is_file()]
        return [file for file in found if not file.name.startswith("tmp_")]


class Unpacker:
    """A pack on its way through git's own program, which checks every object.

    What is written after the program gave up is dropped; ``finish`` tells why it did."""

    def __init__(self, home: Path, program: list[str], env: dict[str, str]) -> None:
        self._home = home
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        try:
            self._process = git_binary.popen(
                home,
                program,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                env=env,
                most_memory_bytes=_MOST_MEMORY_BYTES,
            )
        except BaseException:
            self._said.close()
            raise
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._is_listening = True

    def write(self, data: memoryview | bytes) -> None:
        if not self._is_listening:
            return
        try:
            self._stdin.write(data)
        except BrokenPipeError:
            self._is_listening = False

    def finish(self) -> None:
        """Wait until all objects are in. Raises PackInvalid, StorageFull."""
        try:
            self._stdin.close()
        except BrokenPipeError:
            self._is_listening = False
        if self._process.wait():
            reason = git_binary.last_words(self._said, self._home)
            if "No space left on device" in reason or "Disk quota exceeded" in reason:
                raise StorageFull("The store has no room for this push.")
            raise PackInvalid(f"The pack was refused: {reason}.")

    def close(self) -> None:
        """End the program if it still runs; harmless when repeated."""
        _end(self._process)
        self._said.close()


def sweep_quarantines(git: GitStore, older_than_seconds: float) -> int:
    """Drop what pushes that were cut off have left behind, untouched for so long; the number dropped."""
    deadline = time.time() - older_than_seconds
    stale = [path for path in git.root.glob(f"*/*.git/{_FOLDER}/*") if path.stat().st_mtime < deadline]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return len(stale)


def _iter_tokens(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(_READ_BYTES):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole


def _parse(tokens: Iterator[bytes]) -> Iterator[Change]:
    """``:<old mode>... <new mode> <old oid>... <new oid> <status>``, then the path: one colon for each parent. Modes
    have 6 digits, oids 40.

    https://git-scm.com/docs/git-diff-tree#_raw_output_format"""
    for token, path in zip(tokens, tokens, strict=False):  # a git that dies may leave the last one without a path
        parents = token.rfind(b":") + 1
        mode_at, oid_at = 8 * parents, 49 * parents + 7
        mode = int(token[mode_at : mode_at + 6], 8)
        if mode:
            yield Change(path, mode, token[oid_at : oid_at + 40].decode())


def _order(file: Path) -> tuple[bool, int]:
    return file.suffix in _LATE, _LATE.index(file.suffix) if file.suffix in _LATE else 0


def _sync_all(files: Iterable[Path]) -> None:
    for file in files:
        _sync(file)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull("The store has no room for this push.") from error
        raise
    finally:
        os.close(handle)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                continue
    process.wait()
