"""Does the jobs that wait, some at a time, until it is cancelled; whatever it was doing then goes on after the next
start, from where it was.

    await run(Workshop(...))
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

from yungu.compute.errors import IsolationUnavailable, JobFailed, LeaseLost, PoolFull
from yungu.compute.jobs.batch import answer_batch
from yungu.compute.jobs.course import Course
from yungu.compute.jobs.evaluation import evaluate
from yungu.compute.jobs.workshop import Workshop as Workshop
from yungu.compute.models import Job, JobKind, TaskSpec
from yungu.compute.queries import jobs as queries
from yungu.compute.rules import jobs as rules
from yungu.compute.service import jobs as queue
from yungu.kernel import clock
from yungu.kernel.errors import Unavailable, YunguError

log = logging.getLogger("yungu.jobs")
_LOOK_EVERY_SECONDS = 0.5
_TEND_EVERY_SECONDS = 5.0
_BEAT_EVERY_SECONDS = 1.0
_MOST_PAUSE_SECONDS = 10.0


async def _do_task(course: Course) -> dict[str, Any]:
    spec = rules.read_spec(course.job)
    assert isinstance(spec, TaskSpec)
    if spec.name not in course.shop.tasks:
        raise JobFailed(f"There is no task {spec.name!r} here.")
    return await course.shop.tasks[spec.name](course)


_WORKS: Mapping[JobKind, Callable[[Course], Awaitable[dict[str, Any]]]] = {
    "batch": answer_batch,
    "evaluation": evaluate,
    "task": _do_task,
}


async def run(shop: Workshop) -> None:
    """Until cancelled."""
    doing = set[asyncio.Task[None]]()
    tended_at, clock_now = -_TEND_EVERY_SECONDS, asyncio.get_running_loop().time
    try:
        while True:
            if clock_now() - tended_at >= _TEND_EVERY_SECONDS:
                tended_at = clock_now()
                await _guarded(shop, _tend)
            job = await _next(shop, len(doing))
            if job is not None:
                task = asyncio.create_task(perform(shop, job))
                doing.add(task)
                task.add_done_callback(doing.discard)
                continue
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
    finally:
        for task in doing:
            task.cancel()
        if doing:
            await asyncio.wait(doing)
        shop.threads.shutdown(wait=False)


async def do_now(shop: Workshop, number: int) -> Job:
    """Do a job that waits, whoever's turn it is, here and now; unless another workshop was faster. How it stands."""
    with shop.db.write() as session:
        job = queue.claim_job(session, shop.worker, number=number)
    try:
        if job is not None:
            await perform(shop, job)
    finally:
        shop.threads.shutdown(wait=False)
    with shop.db.read() as session:
        found = queries.find_job(session, number)
    assert found is not None
    return found


async def perform(shop: Workshop, job: Job) -> None:
    """Do one job, and write down how it ended."""
    course = await _in_thread(shop, Course, shop, job)
    course.log.say(f"begun, attempt {job.attempts}")
    work = asyncio.ensure_future(_WORKS[job.kind](course))
    try:
        if not await _watch(course, work):
            await _stop(work)
            await _close(course, "cancelled", "It was cancelled.", None)
            return
        await _conclude(course, work)
    except LeaseLost:
        log.warning("job %d was given to somebody else", job.id)
        await _stop(work)
    except asyncio.CancelledError:
        await _stop(work)
        await _in_thread(shop, _put_back, course, "")
        raise


async def _watch(course: Course, work: asyncio.Future[Any]) -> bool:
    """Until the work has ended, or nobody wants it any more: False. Raises LeaseLost."""
    while True:
        done, _ = await asyncio.wait([work], timeout=_BEAT_EVERY_SECONDS)
        if done:
            return True
        if not await _in_thread(course.shop, course.beat):
            return False


async def _conclude(course: Course, work: asyncio.Future[dict[str, Any]]) -> None:
    try:
        result = _plain(work)
    except IsolationUnavailable as error:
        await _close(course, "failed", _sentence(error), None)
    except (Unavailable, PoolFull) as error:
        course.log.say(f"it does not work at the moment: {error.message}")
        await asyncio.sleep(min(2.0 ** (course.job.attempts - 1), _MOST_PAUSE_SECONDS))
        await _in_thread(course.shop, _put_back, course, error.message)
    except YunguError as error:
        await _close(course, "failed", _sentence(error), None)
    except Exception:
        log.exception("job %d (%s) failed", course.job.id, course.job.kind)
        await _close(course, "failed", "Something went wrong on the server; its log has the details.", None)
    else:
        await _close(course, "succeeded", "", result)


def _sentence(error: YunguError) -> str:
    return f"{error.message} {error.hint}".strip()


def _plain(work: asyncio.Future[dict[str, Any]]) -> dict[str, Any]:
    """What came of it; of several failures at once the first one."""
    try:
        return work.result()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


async def _close(
    course: Course, state: Literal["succeeded", "failed", "cancelled"], message: str, result: dict[str, Any] | None
) -> None:
    course.log.say(f"{state}: {message}" if message else state)

    def end() -> None:
        course.clean()
        with course.shop.db.write() as session:
            queue.end_job(session, course.job.id, course.shop.worker, state, message, course.progress(), result)

    await _in_thread(course.shop, end)


def _put_back(course: Course, message: str) -> None:
    course.log.say(f"put back: {message or 'the server is being stopped'}")
    with suppress(LeaseLost), course.shop.db.write() as session:
        queue.put_back(session, course.job.id, course.shop.worker, course.progress(), message=message)


async def _stop(work: asyncio.Future[Any]) -> None:
    work.cancel()
    await asyncio.wait([work])
    if not work.cancelled():
        work.exception()  # nobody wants to know


def _tend(shop: Workshop) -> None:
    with shop.db.write() as session:
        queue.tend_jobs(session, clock.now())


async def _next(shop: Workshop, doing: int) -> Job | None:
    """A job if there is a slot; when all are taken, a task of the hub."""
    found: Job | None = None
    if doing < shop.slots:
        found = await _guarded(shop, _claim)
    elif doing == shop.slots:
        found = await _guarded(shop, _claim_task)
    return found


def _claim(shop: Workshop, kind: JobKind | None = None) -> Job | None:
    with shop.db.read() as session:
        if not queries.has_waiting(session, kind=kind):
            return None
    with shop.db.write() as session:
        return queue.claim_job(session, shop.worker, kind=kind)


def _claim_task(shop: Workshop) -> Job | None:
    return _claim(shop, "task")


async def _guarded(shop: Workshop, work: Callable[[Workshop], Any]) -> Any:
    try:
        return await _in_thread(shop, work, shop)
    except Exception:  # a database that is away for a moment must not end the work
        log.exception("the queue cannot be looked at")
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        return None


async def _in_thread(shop: Workshop, work: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(shop.threads, work, *arguments)
