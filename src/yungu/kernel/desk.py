"""Many small writes at once, one commit: SQLite has one writer, and syncing to disk is most of what a write costs.

    desk = Desk(database)
    receipt = await desk.write(lambda session: credits.settle(session, ...))   # it is committed when this returns

What comes while a commit is under way waits together for the next. On PostgreSQL, whose writers do not wait for each
other and whose locks are held to the end of a transaction, there is no desk: see ``Desk.is_useful``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from yungu.kernel.db import Database, Session
from yungu.kernel.errors import YunguError

T = TypeVar("T")
_MOST_AT_ONCE = 64


@dataclass(slots=True)
class _Job:
    work: Callable[[Session], Any]
    future: asyncio.Future[Any]
    lasts: bool
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        """What came of it. Whoever waited may have gone; it is done all the same."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Desk:
    """Writes for everybody in one event loop, where it takes less than the way to a thread; only what waits, for the
    disk or for another writer, goes to a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Job] = []
        self._clerk: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "desk")

    @property
    def is_useful(self) -> bool:
        return self._database.is_sqlite

    async def write(self, work: Callable[[Session], T], *, lasts: bool = True) -> T:
        """Run ``work`` in a write transaction that others may share; what it raises undoes what it did, and nothing
        else. It is done, and committed, also when the waiting is cancelled. ``lasts``, and what `work` may write: see
        `Database.note`."""
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), lasts)
        self._waiting.append(job)
        if self._clerk is None or self._clerk.done():
            self._clerk = loop.create_task(self._serve())
        found: T = await job.future
        return found

    async def close(self) -> None:
        """Until all that was asked for is written."""
        if self._clerk is not None and not self._clerk.done():
            await asyncio.wait([self._clerk])
        self._thread.shutdown()

    async def _serve(self) -> None:
        while self._waiting:
            jobs, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            await self._do(jobs)
            for job in jobs:
                job.tell()
            if self._waiting:
                await asyncio.sleep(0)  # others have their turn in the loop, however many write

    async def _do(self, jobs: Sequence[_Job]) -> None:
        try:
            await self._at_once(jobs)
        except Exception:  # noqa: BLE001 - somebody else is writing, or one of them, or the commit, broke
            await self._in_thread(partial(self._in_turn, jobs))

    async def _at_once(self, jobs: Sequence[_Job]) -> None:
        lasts = any(job.lasts for job in jobs)
        with ExitStack() as note:
            session = note.enter_context(self._database.note(lasts=lasts, waits=False))
            for job in jobs:
                _within(session, job)
            if lasts:
                await self._in_thread(note.pop_all().close)

    def _in_turn(self, jobs: Sequence[_Job]) -> None:
        try:
            with self._database.note(lasts=any(job.lasts for job in jobs)) as session:
                for job in jobs:
                    _within(session, job)
        except Exception:  # noqa: BLE001 - each has its own try
            for job in jobs:
                self._alone(job)

    def _alone(self, job: _Job) -> None:
        job.result = job.error = None
        try:
            with self._database.note(lasts=job.lasts) as session:
                job.result = job.work(session)
        except Exception as error:  # noqa: BLE001 - it is handed to whoever asked
            job.error = error

    async def _in_thread(self, work: Callable[[], object]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _within(session: Session, job: _Job) -> None:
    """Do one job in a transaction that is not its own. Raises what is no refusal."""
    driver: Any = session.connection.dbapi_connection
    job.result = job.error = None
    driver.execute("SAVEPOINT job")
    try:
        job.result = job.work(session)
    except YunguError as error:
        job.error = error
        driver.execute("ROLLBACK TO job")
    driver.execute("RELEASE job")
