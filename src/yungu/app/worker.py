"""What runs beside requests: counters are written, new heads measured, old uploads swept, git objects packed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

from yungu import accounts, credits, hub, scenarios
from yungu.api.http import Site
from yungu.api.http.blobs import read_blob
from yungu.app import chores, courier, indexer, job_files, matcher, upkeep
from yungu.app.pulse import Pulse
from yungu.compute.jobs import Workshop, run as do_jobs
from yungu.kernel import events
from yungu.kernel.clock import now as clock_now
from yungu.kernel.db import Session
from yungu.kernel.events import Fact
from yungu.scenarios import matching

log = logging.getLogger("yungu.worker")
_FLUSH_EVERY_SECONDS = 2.0
_FOLLOW_EVERY_SECONDS = 30.0
_SWEEP_EVERY_SECONDS = 3600.0
_TEND_EVERY_SECONDS = 30.0
_STAGING_LIVES_SECONDS = 24 * 3600


@asynccontextmanager
async def running(site: Site, workshop: Workshop | None = None) -> AsyncIterator[None]:
    """While inside: flush counters, notify users, call webhooks, keep the search index, sweep every hour, do what
    administrators ask for, and jobs in the ``workshop``. Flushes once more when leaving."""
    site.loop = asyncio.get_running_loop()
    pulse = Pulse(site)
    works = [pulse.run(), _loop(site, pulse), courier.run(site, pulse), indexer.run(site, pulse), upkeep.run(site)]
    works.append(matcher.run(site, pulse))
    if site.pool is not None:
        works.append(site.pool.run())
    if workshop is not None:
        works.append(do_jobs(workshop))
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        site.loop = None
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(flush, site)


def flush(site: Site) -> None:
    """Write what was counted in memory, in one transaction, if there is anything. What cannot be written is kept for
    the next time."""
    if site.downloads.is_empty and site.views.is_empty and not site.used_tokens:
        return
    with (
        site.downloads.taken() as downloads,
        site.views.taken() as views,
        _used_tokens(site) as tokens,
        site.db.write() as session,
    ):
        site.downloads.add(session, downloads)
        site.views.add(session, views)
        for token_id in tokens:
            accounts.touch_token(session, token_id)


@contextmanager
def _used_tokens(site: Site) -> Iterator[set[int]]:
    used, site.used_tokens = site.used_tokens, set()
    try:
        yield used
    except BaseException:
        site.used_tokens |= used
        raise


def measure_heads(site: Site) -> None:
    """Measure all repos whose head has moved since the last time."""
    while hub.measure_heads(site.db, site.git, partial(read_blob, site)):
        pass


def notify_users(site: Site) -> None:
    """Tell users what happened since the last time."""
    while events.listen(site.db, "notifications", hub.notify, kinds=hub.NOTIFIED):
        pass
    while events.listen(site.db, "match-notices", _notify_of_matches, kinds=matching.NOTIFIED):
        pass


def _notify_of_matches(session: Session, facts: Sequence[Fact]) -> None:
    matching.notify(session, facts)  # loads numpy, and only where there are matches


async def _loop(site: Site, pulse: Pulse) -> None:
    swept_at, tended_at, followed_at, seen = 0.0, 0.0, 0.0, -1
    clock = asyncio.get_running_loop().time
    while True:
        if clock() - swept_at >= _SWEEP_EVERY_SECONDS:
            swept_at = clock()
            await _guarded(lambda: site.store.sweep_staging(_STAGING_LIVES_SECONDS))
            await _guarded(lambda: chores.keep_packed(site))
            await _guarded(lambda: job_files.sweep(site))
            await _guarded(lambda: hub.fold_downloads(site.db))
        if clock() - tended_at >= _TEND_EVERY_SECONDS:
            tended_at = clock()
            await _guarded(lambda: credits.tend(site.db, clock_now()))
            await _guarded(lambda: scenarios.expire_due(site.db, clock_now()))
        site.worker_at = clock_now()
        before, seen = seen, await pulse.wait(seen, at_most_seconds=_FLUSH_EVERY_SECONDS)
        await _guarded(lambda: flush(site))
        if seen != before or clock() - followed_at >= _FOLLOW_EVERY_SECONDS:
            followed_at = clock()
            await _guarded(lambda: notify_users(site))
            await _guarded(lambda: measure_heads(site))


async def _guarded(work: Callable[[], object]) -> None:
    try:
        await asyncio.to_thread(work)
    except Exception:  # a failing chore must not end the chores
        log.exception("a chore failed")
