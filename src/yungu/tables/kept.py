"""What was read lately, so that it is read once: bounded in bytes, and one reading at a time for the same thing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from yungu.tables import queries
from yungu.tables.backends import Engine
from yungu.tables.errors import TablesBusy, TablesOff
from yungu.tables.models import QueryResult, Rows, Summary, Table

_KEPT_BYTES = 48 << 20
_WAITING = 16
"""Readings that wait for a process to become free; whoever comes then is told to come again."""


class _Sized(Protocol):
    @property
    def size_bytes(self) -> int: ...


T = TypeVar("T", bound=_Sized)


class Tables:
    """Reads tables by at most ``processes`` processes at the same time; with 0 it reads none.

    All answers are futures, because they take their time. They raise what `yungu.tables.queries` says."""

    def __init__(self, engine: Engine, *, processes: int) -> None:
        self._engine = engine
        self._most = processes + _WAITING
        self._pool = ThreadPoolExecutor(processes, thread_name_prefix="tables") if processes else None
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._running: dict[Hashable, Future[Any]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        return self._pool is not None

    def rows(self, table: Table, offset: int, count: int) -> Future[Rows]:
        """Raises TablesBusy, TablesOff."""
        work = partial(queries.read_rows, self._engine, table, offset, count)
        return self._ask(("rows", table.key, offset, count), work)

    def summary(self, table: Table) -> Future[Summary]:
        """Raises TablesBusy, TablesOff."""
        return self._ask(("summary", table.key), partial(queries.summarise, self._engine, table))

    def query(
        self, tables: Mapping[str, Table], sql: str, *, most_rows: int, cut_at: int | None = None
    ) -> Future[QueryResult]:
        """Raises TablesBusy, TablesOff."""
        key = ("query", tuple((name, table.key) for name, table in tables.items()), sql, most_rows, cut_at)
        work = partial(queries.run_query, self._engine, tables, sql, most_rows=most_rows, cut_at=cut_at)
        return self._ask(key, work)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _ask(self, key: Hashable, work: Callable[[], T]) -> Future[T]:
        if self._pool is None:
            raise TablesOff
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return _done(self._kept[key][0])
            if key in self._running:
                return self._running[key]
            if len(self._running) >= self._most:
                raise TablesBusy
            future = self._running[key] = self._pool.submit(work)
        future.add_done_callback(partial(self._keep, key))
        return future

    def _keep(self, key: Hashable, future: Future[Any]) -> None:
        with self._lock:
            self._running.pop(key, None)
            if future.cancelled() or future.exception() is not None:
                return
            size = future.result().size_bytes + 1000
            if size <= _KEPT_BYTES // 2:
                self._kept[key] = (future.result(), size)
                self._bytes += size
            while self._bytes > _KEPT_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1][1]


def _done(value: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(value)
    return future
