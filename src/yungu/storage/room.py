"""Telling a full disk from other trouble: whoever writes through a library learns only that it failed."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

import pygit2

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_VAGUE_CODES = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_POSTGRES_DISK_FULL = "53100"
_SCARCE_BYTES = 16 << 20
"""More than any single object that libgit2 or SQLite writes here."""


def is_out_of_room(error: BaseException, place: Path) -> bool:
    """Whether ``error`` means that a disk is full. libgit2 does not say why a write failed, nor does SQLite when its
    shared memory cannot grow; then the room that is left at ``place`` tells."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, OSError) and cause.errno is not None:
        return cause.errno in NO_ROOM
    if isinstance(cause, OSError | pygit2.GitError):  # libgit2 raises either, without a number
        return _is_scarce(place)
    if isinstance(cause, sqlite3.OperationalError):
        code = cause.sqlite_errorcode & 0xFF
        return code == sqlite3.SQLITE_FULL or (code in _VAGUE_CODES and _is_scarce(place))
    return getattr(cause, "sqlstate", None) == _POSTGRES_DISK_FULL


def _is_scarce(place: Path) -> bool:
    return shutil.disk_usage(place).free < _SCARCE_BYTES
