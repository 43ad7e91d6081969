"""Bytes on their way in: written and hashed in one pass, then published whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from yungu.storage import direct
from yungu.storage.errors import StorageFull
from yungu.storage.keys import STAGING, check_key
from yungu.storage.room import NO_ROOM

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP})


class Staged:
    """A temporary file that becomes the bytes of a key, or vanishes.

        with store.stage() as staged:
            staged.write(block)
            staged.publish(f"blobs/{staged.sha256}")

    Leaving the ``with`` block without ``publish`` discards it. Not for two threads at the same time; moving from one
    thread to another between calls is fine."""

    def __init__(self, root: Path, *, sha256: bool = True, cached: bool = True) -> None:
        self._root = root
        self._digest = hashlib.sha256() if sha256 else None
        self._fd = -1
        self.size_bytes = 0
        self.path = root / STAGING / uuid4().hex
        with _no_room_told():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        if not cached:
            direct.bypass_cache(self._fd)

    @property
    def sha256(self) -> str:
        """Hex digest of everything written so far. Raises ValueError when staged with ``sha256=False``."""
        if self._digest is None:
            raise ValueError("staged without sha256")
        return self._digest.hexdigest()

    def write(self, data: memoryview | bytes) -> None:
        """Append ``data`` (contiguous). Raises StorageFull, having discarded everything."""
        rest = memoryview(data).cast("B")
        if self._digest is not None:
            self._digest.update(rest)
        with self._discarded_when_full():
            while rest:
                written = direct.move(self._fd, partial(os.write, self._fd, rest))
                self.size_bytes += written
                rest = rest[written:]

    def publish(self, key: str) -> None:
        """Make the bytes durable and visible under ``key``, all at once.

        Idempotent: an existing key wins and these bytes are dropped; its modification time is renewed, so that a
        sweep by age spares what somebody has just sent again. Raises KeyInvalid, StorageFull."""
        target = self._root / check_key(key)
        with self._discarded_when_full():
            self._close_durably()
            _make_directory(target.parent)
            with turn(self._root, alone=False):
                self._link(target)
            _sync_directory(target.parent)
        self.discard()

    def move(self, target: Path) -> None:
        """Make the bytes durable at ``target`` in the staging area, replacing what is there. Raises StorageFull."""
        with self._discarded_when_full():
            self._close_durably()
            _make_directory(target.parent)
            self.path.replace(target)
            _sync_directory(target.parent)

    def discard(self) -> None:
        """Drop the temporary file; harmless after ``publish`` and when repeated."""
        self._close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def _link(self, target: Path) -> None:
        try:
            os.link(self.path, target)
        except FileExistsError:
            os.utime(target)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            if not target.exists():
                self.path.replace(target)

    def _close_durably(self) -> None:
        os.fsync(self._fd)
        self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    @contextmanager
    def _discarded_when_full(self) -> Iterator[None]:
        try:
            with _no_room_told():
                yield
        except StorageFull:
            self.discard()
            raise


@contextmanager
def turn(root: Path, *, alone: bool) -> Iterator[None]:
    """Publishing under ``root`` goes side by side, deleting alone, among all threads and processes: a sweep never
    deletes what somebody has published again after the sweep looked at its age."""
    handle = os.open(root / STAGING, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


@contextmanager
def _no_room_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(f"The store has no room: {os.strerror(error.errno)}.") from error
        raise


def _make_directory(path: Path) -> None:
    """Create ``path`` and its missing parents so that a power cut cannot lose them."""
    if path.is_dir():
        return
    _make_directory(path.parent)
    path.mkdir(exist_ok=True)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
