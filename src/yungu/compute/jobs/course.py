"""A job under way: how far it is, what it has cost so far, and whether it must stop."""

from __future__ import annotations

import asyncio
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from yungu.compute.backends.isolation import Limits, Outcome, Program
from yungu.compute.errors import JobFailed
from yungu.compute.jobs.logs import Log
from yungu.compute.jobs.workshop import Workshop
from yungu.compute.models import Job, Progress
from yungu.compute.queries.records import KEPT, job_folder
from yungu.compute.rules import jobs as rules
from yungu.compute.service import jobs as queue

T = TypeVar("T")


class BudgetSpent(JobFailed):
    """A job has used up what it may cost; what was done is kept."""

    def __init__(self) -> None:
        super().__init__("The budget is used up; what was done until then is kept.", hint="Ask again with more.")


class Course:
    """The present attempt at a job. ``tell``, ``keep`` and ``log`` may be used from any thread."""

    def __init__(self, shop: Workshop, job: Job) -> None:
        self.shop = shop
        self.job = job
        self.folder = job_folder(shop.store, job.id)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = Log(self.folder)
        self.checkpoint: dict[str, Any] = dict(job.checkpoint)
        with shop.db.read() as session:
            self.calls_amount = queue.drawn_amount(session, job)
        self.is_stopping = False
        self._told = (job.done_count, job.total_count, "")
        self._used_seconds = job.used_seconds
        self._running_since: float | None = None

    def tell(self, message: str, done: int, total: int) -> None:
        if message != self._told[2]:
            self.log.say(message)
        self._told = (done, total, message)

    def keep(self, **values: Any) -> None:
        """What the next attempt shall know."""
        self.checkpoint |= values

    def progress(self) -> Progress:
        done, total, message = self._told
        return Progress(done, total, message, round(self.used_seconds, 3), self.calls_amount, dict(self.checkpoint))

    @property
    def used_seconds(self) -> float:
        since = self._running_since
        return self._used_seconds + (time.monotonic() - since if since is not None else 0.0)

    @property
    def left_amount(self) -> int:
        """What of the budget is held and not used yet, by calls or seconds: micro-credits."""
        if self.job.hold_id is None:
            return 0
        return self.job.budget - self.calls_amount - rules.seconds_cost(self.job.second_price, self.used_seconds)

    def beat(self) -> bool:
        """Write how far it is; whether the job is still wanted. Raises LeaseLost."""
        with self.shop.db.write() as session:
            return queue.beat(session, self.job.id, self.shop.worker, self.progress())

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do it elsewhere. When the job is stopped, it is told by ``is_stopping``, and waited for."""
        loop = asyncio.get_running_loop()
        doing = loop.run_in_executor(self.shop.threads, work, *arguments)
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            self.is_stopping = True
            await asyncio.wait([doing])
            doing.exception()  # nobody else asks for it
            raise

    def run(self, program: Program, inputs: Path, limits: Limits, on_output: Callable[[bytes], object]) -> Outcome:
        """Run a program in a cell, in this thread, for as long as the budget pays. Raises BudgetSpent."""
        held = self.job.budget - self.calls_amount
        affordable = rules.affordable_seconds(self.job.second_price, held, self._used_seconds)
        if affordable <= 0:
            raise BudgetSpent
        bounded = replace(limits, wall_seconds=min(limits.wall_seconds, affordable))
        self._running_since = time.monotonic()
        try:
            done = self.shop.cells.run(
                program,
                inputs,
                bounded,
                on_output=on_output,
                on_log=self.log.feed,
                must_stop=lambda: self.is_stopping,
            )
        finally:
            self._used_seconds, self._running_since = self.used_seconds, None
            self.log.close()
        if done.reason == "too_long" and affordable < limits.wall_seconds:
            raise BudgetSpent
        return done

    def clean(self) -> None:
        """Let go of what only the work needed."""
        for path in self.folder.iterdir():
            if path.name not in KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def limits(self) -> Limits:
        terms = self.shop.terms
        return Limits(
            memory_bytes=terms.memory_bytes,
            cpu_seconds=math.ceil(terms.seconds) * 4,
            wall_seconds=terms.seconds,
            disk_bytes=terms.disk_bytes,
            output_bytes=terms.output_bytes,
        )
