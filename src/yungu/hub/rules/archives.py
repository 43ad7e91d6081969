"""What is in a zip or tar file, from as few of its bytes as will do. Nothing is unpacked.

An archive is hostile: what is read of it, what that unfolds to, how many names it has and the time are bounded."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO, cast

from yungu.hub.rules.gguf import ReadSlice
from yungu.kernel.errors import Invalid

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
MOST_ENTRIES = 2000
_MOST_BYTES = 16 << 20
_MOST_UNFOLDED_BYTES = 32 << 20
_MOST_INDEX_BYTES = 4 << 20  # of a zip file, about 0.3 s
_MOST_SECONDS = 2.0
_BLOCK_BYTES = 64 << 10
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RecursionError,
)


class ArchiveUnreadable(Invalid):
    """The file is no archive of the kind that its name says."""

    def __init__(self) -> None:
        super().__init__("The file is not an archive that can be read.")


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Archive:
    """The files in an archive, in its order. ``is_whole``: these are all of them."""

    entries: Sequence[ArchiveEntry]
    is_whole: bool


def list_archive(name: str, read: ReadSlice, size_bytes: int) -> Archive:
    """``name`` ends in one of ARCHIVES. Raises ArchiveUnreadable."""
    lower = name.lower()
    found: list[ArchiveEntry] = []
    try:
        for path, size in islice(_entries(lower, read, size_bytes), MOST_ENTRIES + 1):
            found.append(ArchiveEntry(_plain(path), size))
    except _Enough:
        return Archive(found[:MOST_ENTRIES], is_whole=False)
    except _BROKEN as error:
        raise ArchiveUnreadable from error
    return Archive(found[:MOST_ENTRIES], is_whole=len(found) <= MOST_ENTRIES)


def _entries(name: str, read: ReadSlice, size_bytes: int) -> Iterator[tuple[str, int]]:
    if name.endswith(".zip"):
        with zipfile.ZipFile(_Slices(read, size_bytes, _MOST_INDEX_BYTES)) as archive:
            yield from ((entry.filename, entry.file_size) for entry in archive.infolist() if not entry.is_dir())
        return
    source: io.RawIOBase = _Slices(read, size_bytes, _MOST_BYTES)
    is_packed = not name.endswith(".tar")
    if is_packed:
        source = _Bounded(gzip.GzipFile(fileobj=cast(IO[bytes], source)))
    with tarfile.open(fileobj=cast(IO[bytes], source), mode="r|" if is_packed else "r:") as tape:
        yield from ((member.name, member.size) for member in tape if member.isfile())


def _plain(path: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in path[:500])


class _Enough(Exception):
    """More was asked for than is granted."""


class _Slices(io.RawIOBase):
    """A file that is read by slices, at most ``granted`` bytes of it, and not for long."""

    def __init__(self, read: ReadSlice, size_bytes: int, granted: int) -> None:
        self._read_slice = read
        self._size = size_bytes
        self._granted = granted
        self._deadline = time.monotonic() + _MOST_SECONDS
        self._at = 0
        self._block, self._block_at = b"", 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._at = start + offset
        return self._at

    def read(self, count: int = -1) -> bytes:
        end = self._size if count < 0 else min(self._at + count, self._size)
        wanted = max(0, end - self._at)
        inside = self._at - self._block_at
        if not 0 <= inside <= inside + wanted <= len(self._block):
            self._fetch(wanted)
            inside = 0
        self._at += wanted
        return self._block[inside : inside + wanted]

    def _fetch(self, wanted: int) -> None:
        count = min(max(wanted, _BLOCK_BYTES), self._size - self._at)
        self._granted -= count
        if self._granted < 0 or time.monotonic() > self._deadline:
            raise _Enough
        self._block, self._block_at = self._read_slice(self._at, self._at + count), self._at


class _Bounded(io.RawIOBase):
    """What a packed file unfolds to, as far as is granted."""

    def __init__(self, source: gzip.GzipFile) -> None:
        self._source = source
        self._granted = _MOST_UNFOLDED_BYTES

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        if count < 0 or count > self._granted:
            raise _Enough
        self._granted -= count
        return self._source.read(count)
