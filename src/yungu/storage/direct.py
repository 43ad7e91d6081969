"""Moving bytes between a file and a page-aligned buffer without the page cache.

What comes in or is read once would only push out of the cache what many are downloading, and new pages for the cache
cost more CPU than the disk does: many times more on a virtual machine that has handed its free memory back to its
host. Filesystems that cannot do it, and pieces that are not whole pages, take the usual way."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from collections.abc import Callable

PAGE_BYTES = mmap.PAGESIZE
_DIRECT = getattr(os, "O_DIRECT", 0)  # Linux only


def aligned_buffer(size_bytes: int) -> memoryview:
    """Zeroed memory of at least one byte that begins on a page boundary."""
    return memoryview(mmap.mmap(-1, max(size_bytes, 1)))


def bypass_cache(fd: int, *, bypass: bool = True) -> None:
    """Let reads and writes of ``fd`` go past the page cache, or through it; no more than a wish."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL) & ~_DIRECT
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags | (_DIRECT if bypass else 0))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def move(fd: int, read_or_write: Callable[[], int]) -> int:
    """What ``read_or_write()`` on ``fd`` answers; through the cache from now on when it can only be done so."""
    try:
        return read_or_write()
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    bypass_cache(fd, bypass=False)
    return read_or_write()
