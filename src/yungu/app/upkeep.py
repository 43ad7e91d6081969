"""Does what administrators ask for on the page of jobs: checks, sweeps, backups, the search index anew."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from yungu import hub
from yungu.api.http import Site
from yungu.kernel import clock, upkeep
from yungu.kernel.errors import YunguError
from yungu.kernel.upkeep import Run, State

log = logging.getLogger("yungu.upkeep")
_LOOK_EVERY_SECONDS = 2.0
_TELL_EVERY_SECONDS = 1.0
_DEFAULT_GRACE_DAYS = 30
_LINES_PER_KIND = 100


class Cancelled(YunguError):
    """Somebody does not want this run any more."""


class Closing(YunguError):
    """The server is being stopped."""


@dataclass(slots=True)
class Course:
    """A run under way. ``tell`` is called with every step, so it is where a run can be stopped."""

    site: Site
    run: Run
    lines: list[str] = field(default_factory=list)
    is_closing: bool = False
    told_at: float = 0.0
    step: str = ""

    def tell(self, step: str, done: int, total: int) -> None:
        """Raises Cancelled, Closing."""
        if self.is_closing:
            raise Closing("The server was stopped.")
        now = time.monotonic()
        if step == self.step and now - self.told_at < _TELL_EVERY_SECONDS:
            return
        if step != self.step:
            self.say(step)
        self.step, self.told_at = step, now
        with self.site.db.write() as session:
            if upkeep.is_unwanted(session, self.run.id):
                raise Cancelled("Somebody cancelled it.")
            upkeep.tell(session, self.run.id, step, done, total, self.lines[-upkeep.MOST_LOG_LINES :])

    def say(self, line: str) -> None:
        self.lines.append(f"{clock.now():%H:%M:%S}  {line}")

    def perform(self) -> None:
        """Do it, and write down how it ended. In a worker thread."""
        try:
            state, result = _WORKS[self.run.kind](self)
        except Cancelled:
            state, result = "cancelled", ""
        except Closing:
            state, result = "interrupted", ""
        except YunguError as error:
            state, result = "failed", f"{error.message} {error.hint}".strip()
        except Exception:
            log.exception("the run %d (%s) failed", self.run.id, self.run.kind)
            state, result = "failed", "Something went wrong on the server; its log has the details."
        with self.site.db.write() as session:
            upkeep.end(session, self.run.id, state, result, self.lines)


async def run(site: Site) -> None:
    """Until cancelled: do what waits, one after the other. What runs then is stopped and called interrupted."""
    await asyncio.to_thread(_interrupt_all, site)
    while True:
        found = await asyncio.to_thread(_claim, site)
        if found is None:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            continue
        course = Course(site, found)
        work = asyncio.ensure_future(asyncio.to_thread(course.perform))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            course.is_closing = True
            await asyncio.wait([work])
            raise


def _interrupt_all(site: Site) -> None:
    with site.db.write() as session:
        upkeep.interrupt_all(session)


def _claim(site: Site) -> Run | None:
    with site.db.read() as session:
        if not any(found.state == "waiting" for found in upkeep.list_runs(session)):
            return None
    with site.db.write() as session:
        return upkeep.claim(session)


# --- the works


def _fsck(course: Course) -> tuple[State, str]:
    from yungu.app.fsck import check

    report = check(course.site, fast=bool(course.run.options.get("fast")), tell=course.tell)
    for finding in sorted(report.findings, key=lambda finding: not finding.is_damage)[:_LINES_PER_KIND]:
        course.say(f"{'DAMAGED' if finding.is_damage else 'unused'}  {finding.subject}: {finding.problem}")
    looked = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    if report.damage:
        return "failed", f"{len(report.damage)} things are damaged. Looked at {looked}."
    return "done", f"Everything is as it should be. Looked at {looked}."


def _gc(course: Course) -> tuple[State, str]:
    from yungu.app.gc import LEAST_GRACE, sweep

    days, is_dry = course.run.options.get("grace_days", _DEFAULT_GRACE_DAYS), bool(course.run.options.get("dry_run"))
    grace = max(LEAST_GRACE, timedelta(days=float(days)))
    swept = sweep(course.site, grace=grace, dry_run=is_dry, tell=course.tell)
    for reason in swept.skipped[:_LINES_PER_KIND]:
        course.say(f"skipped  {reason}")
    told = "Would free" if is_dry else "Freed"
    return (
        "done",
        f"{told} {swept.freed_bytes} bytes: {swept.blobs} contents, {swept.xorbs} xorbs, {swept.files} files.",
    )


def _backup(course: Course) -> tuple[State, str]:
    from yungu.app.backup import back_up

    folder = course.site.backups or course.site.store.root / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"yungu-{clock.now():%Y%m%d-%H%M%S}.tar"
    copied = back_up(course.site, target, tell=course.tell)
    return "done", f"Wrote {target}: {copied.rows} rows, {copied.files} files, {copied.size_bytes} bytes."


def _index(course: Course) -> tuple[State, str]:
    changed = 0
    read_card = hub.card_reader(course.site.git)
    for done, count in enumerate(hub.compare_index(course.site.db, course.site.catalogue, read_card), 1):
        changed += count
        course.tell("comparing", done, 0)
    return "done", f"Wrote {changed} repos into the search index anew."


_WORKS: dict[upkeep.Kind, Callable[[Course], tuple[State, str]]] = {
    "fsck": _fsck,
    "gc": _gc,
    "backup": _backup,
    "index": _index,
}
