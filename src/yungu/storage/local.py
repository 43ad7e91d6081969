"""Bytes on a local disk: one immutable file per key."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, cast

from yungu.storage import direct
from yungu.storage.errors import BytesNotFound
from yungu.storage.keys import STAGING, check_key
from yungu.storage.parts import Parts
from yungu.storage.staging import Staged, turn


class LocalStore:
    """Immutable bytes by key under ``root``; the key ``blobs/ab/cd/x`` is the file ``root/blobs/ab/cd/x``.

    What is on its way in lies under ``root/tmp``, on the same filesystem, so that publishing is one atomic link.
    Several processes may use one root at the same time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.parts = Parts(root / STAGING / "parts", self.stage)
        (root / STAGING).mkdir(parents=True, exist_ok=True)

    def stage(self, *, sha256: bool = True, cached: bool = True) -> Staged:
        """A new, empty staged file; with ``sha256=False`` it is not hashed, with ``cached=False`` it is written past
        the page cache as long as whole pages come from an aligned buffer. Raises StorageFull."""
        return Staged(self.root, sha256=sha256, cached=cached)

    def path(self, key: str) -> Path:
        """Where the bytes of ``key`` lie, whether or not they exist. Raises KeyInvalid."""
        return self.root / check_key(key)

    def exists(self, key: str) -> bool:
        return self.path(key).is_file()

    def size(self, key: str) -> int:
        """Bytes under ``key``. Raises BytesNotFound."""
        try:
            return self.path(key).stat().st_size
        except FileNotFoundError as error:
            raise BytesNotFound(f"Nothing is stored under {key}.") from error

    def open(self, key: str, *, cached: bool = True) -> BinaryIO:
        """A buffered, seekable reader; with ``cached=False`` one for whole pages, past the page cache if possible.

        Raises BytesNotFound."""
        try:
            return self.path(key).open("rb") if cached else cast(BinaryIO, _DirectReader(self.path(key)))
        except FileNotFoundError as error:
            raise BytesNotFound(f"Nothing is stored under {key}.") from error

    def delete(self, key: str) -> None:
        """Drop ``key``; harmless when it is not there. Open readers keep their bytes."""
        with turn(self.root, alone=True):
            self.path(key).unlink(missing_ok=True)

    def age_seconds(self, key: str) -> float:
        """Since when nobody has published ``key`` (again). Raises BytesNotFound."""
        try:
            return time.time() - self.path(key).stat().st_mtime
        except FileNotFoundError as error:
            raise BytesNotFound(f"Nothing is stored under {key}.") from error

    def delete_stale(self, key: str, older_than_seconds: float) -> int:
        """Drop ``key`` unless somebody has published it (again) within ``older_than_seconds``; the bytes freed.

        Whoever publishes at the same moment wins: either this sees the renewed age, or the bytes are there anew."""
        with turn(self.root, alone=True), suppress(FileNotFoundError):
            found = self.path(key).stat()
            if found.st_mtime < time.time() - older_than_seconds:
                self.path(key).unlink()
                return found.st_size
        return 0

    def iter_keys(self, prefix: str = "") -> Iterator[str]:
        """Every key below the folder ``prefix`` (``"blobs"``, or all), in order, one folder at a time."""
        top = self.root / check_key(prefix) if prefix else self.root
        yield from _iter_files(top, f"{prefix}/" if prefix else "")

    def sweep_staging(self, older_than_seconds: float) -> int:
        """Drop staged files and multipart uploads untouched for ``older_than_seconds``; the number dropped."""
        deadline = time.time() - older_than_seconds
        dropped = self.parts.sweep(older_than_seconds)
        for entry in os.scandir(self.root / STAGING):
            if entry.is_file() and entry.stat().st_mtime < deadline:
                Path(entry.path).unlink(missing_ok=True)
                dropped += 1
        return dropped

    def staging_usage(self) -> tuple[int, int]:
        """How many files are staged, and their bytes: uploads under way, and those that were cut off."""
        sizes = []
        for entry in os.scandir(self.root / STAGING):
            with suppress(FileNotFoundError):
                if entry.is_file():
                    sizes.append(entry.stat().st_size)
        return len(sizes), sum(sizes)

    def free_bytes(self) -> int:
        """Room that an unprivileged process has on this disk."""
        return shutil.disk_usage(self.root).free


class _DirectReader(FileIO):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        direct.bypass_cache(self.fileno())

    def readinto(self, buffer: Any, /) -> int:
        return direct.move(self.fileno(), lambda: FileIO.readinto(self, buffer) or 0)


def _iter_files(folder: Path, prefix: str) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir():
            if prefix or entry.name != STAGING:
                yield from _iter_files(Path(entry.path), f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}"
