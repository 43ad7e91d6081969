"""Who copies the house must not be disturbed by who clears it out."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from yungu.api.http import Site
from yungu.kernel.errors import Conflict

_FILE = "gc.lock"


class HouseBusy(Conflict):
    """A backup, a sweep or a packing is under way."""

    hint = "Wait until it has ended."


@contextmanager
def clearing(site: Site) -> Iterator[None]:
    """Held by whoever deletes or packs: alone among all processes. Raises HouseBusy."""
    with _held(site, fcntl.LOCK_EX):
        yield


@contextmanager
def copying(site: Site) -> Iterator[None]:
    """Held by whoever copies: nothing vanishes meanwhile. Raises HouseBusy."""
    with _held(site, fcntl.LOCK_SH):
        yield


@contextmanager
def _held(site: Site, how: int) -> Iterator[None]:
    handle = os.open(site.store.root / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise HouseBusy("A backup or a sweep of this hub is under way.") from None
    try:
        yield
    finally:
        os.close(handle)
