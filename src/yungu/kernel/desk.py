"""Many small writes at once, one commit: SQLite has one writer, and syncing to disk is most of what a write costs.

    desk = Desk(database)
    receipt = await desk.write(lambda session: credits.settle(session, ...))   # it is committed when this returns

What comes while a commit is under way waits together for the next. On PostgreSQL, whose writers do not wait for each
other and whose locks are held to the end of a transaction, there is no desk: see ``Desk.is_useful``."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from yungu.kernel.db import Database, Session
from yungu.kernel.errors import YunguError

T = TypeVar("T")
_MOST_AT_ONCE = 64
_IDLE_SECONDS = 30.0


@dataclass(slots=True)
class _Job:
    work: Callable[[Session], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    lasts: bool
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        """In the event loop: what came of it. Whoever waited may have gone; it is done all the same."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Desk:
    """One thread that writes for everybody; it goes when there is nothing to do, and comes back."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_useful(self) -> bool:
        return self._database.is_sqlite

    async def write(self, work: Callable[[Session], T], *, lasts: bool = True) -> T:
        """Run ``work`` in a write transaction that others may share; what it raises undoes what it did, and nothing
        else. It is done, and committed, also when the waiting is cancelled. ``lasts``, and what `work` may write: see
        `Database.note`."""
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future(), lasts)
        with self._lock:
            self._jobs.put(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="desk")
                self._thread.start()
        found: T = await job.future
        return found

    def close(self) -> None:
        """Until all that was asked for is written."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._jobs.put(_END)
            thread.join()

    def _serve(self) -> None:
        while True:
            try:
                jobs = self._take(self._jobs.get(timeout=_IDLE_SECONDS))
            except Empty:
                with self._lock:
                    if self._jobs.empty():
                        self._thread = None
                        return
                continue
            self._do(jobs)
            if _END in jobs:
                with self._lock:
                    self._thread = None
                return

    def _take(self, first: _Job) -> list[_Job]:
        jobs = [first]
        with suppress(Empty):
            while len(jobs) < _MOST_AT_ONCE:
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _do(self, jobs: Sequence[_Job]) -> None:
        real = [job for job in jobs if job is not _END]
        try:
            with self._database.note(lasts=any(job.lasts for job in real)) as session:
                for job in real:
                    _within(session, job)
        except Exception:  # noqa: BLE001 - one of them, or the commit, broke: each has its own try
            for job in real:
                self._alone(job)
        _tell(real)

    def _alone(self, job: _Job) -> None:
        job.result = job.error = None
        try:
            with self._database.note(lasts=job.lasts) as session:
                job.result = job.work(session)
        except Exception as error:  # noqa: BLE001 - it is handed to whoever asked
            job.error = error


_END: Any = object()


def _within(session: Session, job: _Job) -> None:
    """Do one job in a transaction that is not its own. Raises what is no refusal."""
    driver: Any = session.connection.dbapi_connection
    driver.execute("SAVEPOINT job")
    try:
        job.result = job.work(session)
    except YunguError as error:
        job.error = error
        driver.execute("ROLLBACK TO job")
    driver.execute("RELEASE job")


def _tell(jobs: Sequence[_Job]) -> None:
    for loop in {job.loop for job in jobs}:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_tell_all, [job for job in jobs if job.loop is loop])


def _tell_all(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.tell()
