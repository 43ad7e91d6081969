"""Jobs, through the one door that knows who may see them; and what the queue asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from yungu import hub
from yungu.accounts import Actor
from yungu.compute.errors import JobDenied, JobNotFound, LeaseLost
from yungu.compute.models.jobs import OPEN_JOBS, Job, JobKind, JobState, jobs
from yungu.compute.rules import jobs as rules
from yungu.hub import Repo
from yungu.hub.models import repos
from yungu.kernel.db import Session, columns, remember
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

_JOB = columns(Job, jobs)
_c = jobs.c
_BY_ID = sa.select(*_JOB).where(_c.id == sa.bindparam("number"))
_LEASED = _BY_ID.where(_c.state == "running", _c.lease == sa.bindparam("worker")).with_for_update()
_NEXT = (
    sa.select(*_JOB)
    .where(_c.state == "waiting")
    .order_by(_c.priority, _c.turn, _c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def get_job(session: Session, number: int, actor: Actor) -> Job:
    """A job that the actor may know of. Raises JobNotFound alike for the missing and the hidden."""
    job = find_job(session, number)
    if job is None or not rules.may_see(actor, job, _dataset(session, job)):
        raise JobNotFound(number)
    return job


def get_open_job(session: Session, number: int, actor: Actor) -> Job:
    """A job whose log and items the actor may read: of an evaluation only who rules its data set.

    Raises JobNotFound, JobDenied."""
    job = get_job(session, number, actor)
    if not rules.may_see_items(actor, job, _dataset(session, job)):
        raise JobDenied("Only who rules the data set sees what became of its single items.")
    return job


def find_job(session: Session, number: int) -> Job | None:
    """The job of that number, whoever asks."""
    row = session.execute(_BY_ID, {"number": number}).first()
    return Job(*row) if row else None


def find_dataset(session: Session, job: Job) -> Repo | None:
    """The repo whose rulers alone see the job's items, if it has one and it is still there."""
    return _dataset(session, job)


def list_jobs(
    session: Session,
    actor: Actor,
    *,
    owner_id: int | None = None,
    kind: JobKind | None = None,
    state: JobState | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Job]:
    """The jobs that the actor may know of, the newest first; of one payer, kind or state, if given."""
    query = sa.select(*_JOB).where(_visible_to(actor)).order_by(_c.id.desc()).limit(limit + 1)
    for column, wanted in ((_c.owner_id, owner_id), (_c.kind, kind), (_c.state, state)):
        if wanted is not None:
            query = query.where(column == wanted)
    if cursor:
        query = query.where(_c.id < decode_cursor(cursor, int)[0])
    found = [Job(*row) for row in session.execute(query)]
    return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)


def _visible_to(actor: Actor) -> sa.ColumnElement[bool]:
    if actor.user is None or actor.scope == "fine-grained":
        return sa.false()
    if actor.is_site_admin:
        return sa.true()
    ruled = [actor.id, *(number for number, role in actor.roles.items() if role == "admin")]
    theirs = sa.select(repos.c.id).where(repos.c.owner_id.in_(ruled))
    return (_c.created_by == actor.id) | _c.owner_id.in_(ruled) | _c.dataset_id.in_(theirs)


def _dataset(session: Session, job: Job) -> Repo | None:
    return hub.find_repo_by_id(session, job.dataset_id) if job.dataset_id is not None else None


# --- the queue


def next_waiting(session: Session, *, kind: JobKind | None = None, number: int | None = None) -> Job | None:
    """The job whose turn it is, locked for this transaction; of one kind, or only that of a number."""
    query = _NEXT.where(_c.kind == kind) if kind else _NEXT
    row = session.execute(query.where(_c.id == number) if number is not None else query).first()
    return Job(*row) if row else None


def has_waiting(session: Session, *, kind: JobKind | None = None) -> bool:
    query = sa.select(_c.id).where(_c.state == "waiting").limit(1)
    query = query.where(_c.kind == kind) if kind else query
    return remember(session, (has_waiting, kind), lambda: session.execute(query).first() is not None)


def list_ended(session: Session, numbers: Sequence[int], before: datetime | None) -> Sequence[int]:
    """Which of these jobs have files to let go of: those that ended before, were cleared already, or are not known
    any more. ``before`` None: of those that are known none for their age."""
    rows = session.execute(sa.select(_c.id, _c.ended_at, _c.cleared_at).where(_c.id.in_(numbers)))
    known = {row.id: row for row in rows}
    return [number for number in numbers if number not in known or _is_due(known[number], before)]


def _is_due(row: Any, before: datetime | None) -> bool:
    is_old = before is not None and row.ended_at is not None and row.ended_at < before
    return row.cleared_at is not None or is_old


def list_paid_jobs(session: Session, owner_id: int, since: datetime, *, limit: int) -> Sequence[Job]:
    """The jobs that somebody pays: those under way that hold credits, and those that ended since then and cost some;
    the newest first."""
    is_held = _c.state.in_(OPEN_JOBS) & _c.hold_id.is_not(None)
    is_paid = (_c.ended_at >= since) & (_c.cost > 0)
    query = sa.select(*_JOB).where(_c.owner_id == owner_id, is_held | is_paid).order_by(_c.id.desc()).limit(limit)
    return [Job(*row) for row in session.execute(query)]


def list_results(session: Session) -> Sequence[Job]:
    """The jobs whose result names the content of a file that is to be here."""
    query = sa.select(*_JOB).where(_c.state == "succeeded", _c.cleared_at.is_(None)).order_by(_c.id)
    return [job for row in session.execute(query) if "sha256" in ((job := Job(*row)).result or {})]


def find_latest_task(session: Session, name: str) -> Job | None:
    """The task of that name that was asked for last, whoever asks."""
    query = sa.select(*_JOB).where(_c.kind == "task", _c.spec["name"].as_string() == name)
    row = session.execute(query.order_by(_c.id.desc()).limit(1)).first()
    return Job(*row) if row else None


def lock_leased(session: Session, number: int, lease: str) -> Job:
    """The running job of this worker, locked. Raises LeaseLost."""
    row = session.execute(_LEASED, {"number": number, "worker": lease}).first()
    if row is None:
        raise LeaseLost(number)
    return Job(*row)


def lock_job(session: Session, number: int) -> Job | None:
    row = session.execute(_BY_ID.with_for_update(), {"number": number}).first()
    return Job(*row) if row else None


def list_forsaken(session: Session, now: datetime, *, limit: int) -> Sequence[Job]:
    """Running jobs whose worker has not been heard of for too long, locked."""
    query = sa.select(*_JOB).where(_c.state == "running", _c.lease_until < now).order_by(_c.id).limit(limit)
    return [Job(*row) for row in session.execute(query.with_for_update(skip_locked=True))]


def list_stale(session: Session, before: datetime, *, limit: int) -> Sequence[Job]:
    """Waiting jobs that were asked for too long ago, locked."""
    query = sa.select(*_JOB).where(_c.state == "waiting", _c.asked_at < before).order_by(_c.id).limit(limit)
    return [Job(*row) for row in session.execute(query.with_for_update(skip_locked=True))]


def find_turn(session: Session, owner_id: int) -> int:
    """The turn of an owner's next job: after the owner's others, and not before those who are served now.

    Each job of an owner waits one round longer than the one before (start-time fair queueing, Goyal et al. 1996)."""
    theirs = sa.select(sa.func.max(_c.turn)).where(_c.owner_id == owner_id, _c.state.in_(OPEN_JOBS))
    now = sa.select(sa.func.min(_c.turn)).where(_c.state == "waiting")
    last, first = session.execute(sa.select(theirs.scalar_subquery(), now.scalar_subquery())).one()
    return max(last + 1 if last is not None else 0, first or 0)


def count_open(session: Session, owner_id: int) -> int:
    query = sa.select(sa.func.count()).where(_c.owner_id == owner_id, _c.state.in_(OPEN_JOBS))
    found: Any = session.scalar(query)
    return int(found)
