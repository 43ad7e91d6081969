"""Counting downloads and views: gathered in memory, written once in a while, one transaction for all."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa

from yungu.hub import rules
from yungu.hub.models import mcp_servers, repo_downloads, repos, skills
from yungu.kernel import clock
from yungu.kernel.db import Session

Thing = Literal["repo", "skill", "server"]
Key = tuple[Thing, int]
"""What is counted, by its number."""

_ONCE_PER_SECONDS = 3600
_REMEMBERED = 100_000
_TABLES: Mapping[Thing, sa.Table] = {"repo": repos, "skill": skills, "server": mcp_servers}


class _Tally:
    """Counts one for each visitor, thing and hour."""

    def __init__(self) -> None:
        self._pending: Counter[Key] = Counter()
        self._seen: OrderedDict[tuple[Key, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, number: int, visitor: str, *, of: Thing = "repo") -> None:
        """``visitor``: whatever tells clients apart (user, address)."""
        now, key = time.monotonic(), ((of, number), visitor)
        with self._lock:
            last = self._seen.get(key)
            if last is not None and now - last < _ONCE_PER_SECONDS:
                return
            self._seen[key] = now
            self._seen.move_to_end(key)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            self._pending[key[0]] += 1

    @contextmanager
    def taken(self) -> Iterator[Mapping[Key, int]]:
        """What was gathered, to be added and committed inside; if that fails it counts as gathered still."""
        with self._lock:
            taken, self._pending = self._pending, Counter()
        try:
            yield taken
        except BaseException:
            with self._lock:
                self._pending.update(taken)
            raise

    def add(self, session: Session, gathered: Mapping[Key, int]) -> None:
        """Add counts to the rows."""
        for (of, number), count in sorted(gathered.items()):
            table = _TABLES[of]
            row = sa.update(table).where(table.c.id == number).values(self._added(of, table, count))
            if session.execute(row).rowcount:
                self._keep(session, of, number, count)

    @property
    def is_empty(self) -> bool:
        return not self._pending

    def _added(self, of: Thing, table: sa.Table, count: int) -> dict[str, Any]:
        raise NotImplementedError

    def _keep(self, session: Session, of: Thing, number: int, count: int) -> None:
        """Write more than the row of the thing itself."""


class DownloadCounter(_Tally):
    """One download per visitor, repo or skill, and hour, however many files the visitor takes."""

    def _added(self, of: Thing, table: sa.Table, count: int) -> dict[str, Any]:
        added = {"downloads_count": table.c.downloads_count + count}
        if of == "repo":
            added["downloads_total_count"] = table.c.downloads_total_count + count
            added["trending"] = table.c.trending + rules.trending_gain(count, clock.now())
        return added

    def _keep(self, session: Session, of: Thing, number: int, count: int) -> None:
        if of != "repo":
            return
        day, c = clock.now().date(), repo_downloads.c
        today = (c.repo_id == number) & (c.day == day)
        if not session.execute(sa.update(repo_downloads).where(today).values(count=c.count + count)).rowcount:
            session.execute(sa.insert(repo_downloads).values(repo_id=number, day=day, count=count))


class ViewCounter(_Tally):
    """One view per visitor, thing and hour: its page, or what a client shows of it alone."""

    def _added(self, of: Thing, table: sa.Table, count: int) -> dict[str, Any]:
        return {"views_count": table.c.views_count + count}
