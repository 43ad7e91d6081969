"""Counting downloads: gathered in memory, written once in a while, one transaction for all."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict

import sqlalchemy as sa

from yungu.hub import rules
from yungu.hub.models import repos
from yungu.kernel import clock
from yungu.kernel.db import Session

_ONCE_PER_SECONDS = 3600
_REMEMBERED = 100_000


class DownloadCounter:
    """One download per visitor, repo and hour, however many files the visitor takes."""

    def __init__(self) -> None:
        self._pending: Counter[int] = Counter()
        self._seen: OrderedDict[tuple[int, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, repo_id: int, visitor: str) -> None:
        """``visitor``: whatever tells clients apart (user, address)."""
        now, key = time.monotonic(), (repo_id, visitor)
        with self._lock:
            last = self._seen.get(key)
            if last is not None and now - last < _ONCE_PER_SECONDS:
                return
            self._seen[key] = now
            self._seen.move_to_end(key)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            self._pending[repo_id] += 1

    def flush(self, session: Session) -> int:
        """Add what was gathered to the repos' rows; the number of repos touched."""
        with self._lock:
            taken, self._pending = self._pending, Counter()
        now = clock.now()
        for repo_id, count in taken.items():
            values = {
                "downloads_count": repos.c.downloads_count + count,
                "downloads_total_count": repos.c.downloads_total_count + count,
                "trending": repos.c.trending + rules.trending_gain(count, now),
            }
            session.execute(sa.update(repos).where(repos.c.id == repo_id).values(values))
        return len(taken)

    @property
    def is_empty(self) -> bool:
        return not self._pending
