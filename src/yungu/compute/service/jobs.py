"""Jobs: asking for them, doing them one lease at a time, ending and paying them exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from yungu import accounts, credits
from yungu.accounts import Actor, Owner
from yungu.compute.errors import JobDenied, JobInvalid
from yungu.compute.events import JobAsked, JobCancelled, JobCleared, JobEnded, JobStarted
from yungu.compute.models.deployments import NO_PRICES, Prices
from yungu.compute.models.jobs import (
    OPEN_JOBS,
    BatchSpec,
    EvaluationSpec,
    Job,
    JobKind,
    JobSpec,
    JobState,
    JobTerms,
    Progress,
    TaskSpec,
    jobs,
)
from yungu.compute.queries import jobs as queries
from yungu.compute.rules import jobs as rules
from yungu.credits import Use
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record

LEASE = timedelta(seconds=20)
LONGEST_WAIT = timedelta(days=12)
_HOLD_LIVES = timedelta(days=14)
MOST_ATTEMPTS = 5
MOST_OPEN = 1000
_AT_ONCE = 100

_KINDS: Mapping[type[JobSpec], JobKind] = {BatchSpec: "batch", EvaluationSpec: "evaluation", TaskSpec: "task"}
_c = jobs.c
_INSERT = sa.insert(jobs)


def ask(
    session: Session,
    spec: JobSpec,
    actor: Actor,
    payer: Owner,
    budget: int,
    terms: JobTerms,
    *,
    use: Use,
    dataset_id: int | None = None,
    prices: Prices = NO_PRICES,
    priority: int = 0,
    caused_by: int | None = None,
) -> Job:
    """Put a job into the queue and hold its budget, if it can cost anything. ``use``: what the credits are spent on;
    ``prices``: of the calls that it will make.

    Raises JobInvalid, JobDenied, CreditsShort."""
    rules.check_spec(spec)
    _check_asking(session, actor, payer, budget)
    kind = _KINDS[type(spec)]
    row: dict[str, Any] = {
        "kind": kind,
        "spec": msgspec.to_builtins(spec),
        "state": "waiting",
        "owner_id": payer.id,
        "created_by": actor.id,
        "dataset_id": dataset_id,
        "priority": priority,
        "turn": queries.find_turn(session, payer.id),
        "budget": budget,
        "second_price": terms.second_price,
        "asked_at": clock.now(),
    }
    number = new_id(session.execute(_INSERT, row))
    told = JobAsked(job_id=number, what=kind, owner_id=payer.id)
    event = record(session, told, actor_id=actor.id, repo_id=dataset_id, caused_by=caused_by)
    held = _held_amount(spec, budget, terms, prices)
    hold_id = _hold(session, number, payer, held, use, event) if held else None
    _change(session, number, event_id=event, hold_id=hold_id)
    return _get(session, number)


def claim_job(session: Session, worker: str, *, kind: JobKind | None = None, number: int | None = None) -> Job | None:
    """The job whose turn it is, ``worker``'s from now on, for as long as it is heard of; None when none waits.
    ``kind``: only of this one; ``number``: only this one."""
    job, now = queries.next_waiting(session, kind=kind, number=number), clock.now()
    if job is None:
        return None
    told = JobStarted(job_id=job.id, attempt=job.attempts + 1)
    values: dict[str, Any] = {
        "state": "running",
        "lease": worker,
        "lease_until": now + LEASE,
        "attempts": job.attempts + 1,
        "started_at": job.started_at or now,
        "event_id": record(session, told, actor_id=None, repo_id=job.dataset_id, caused_by=job.event_id),
    }
    _change(session, job.id, **values)
    return replace(job, **values)


def beat(session: Session, number: int, lease: str, progress: Progress) -> bool:
    """Say that the worker is alive and how far it is; whether the job is still wanted. Raises LeaseLost."""
    job = queries.lock_leased(session, number, lease)
    _change(session, number, lease_until=clock.now() + LEASE, **_told(progress))
    return not job.is_unwanted


def end_job(
    session: Session,
    number: int,
    lease: str,
    state: Literal["succeeded", "failed", "cancelled"],
    message: str,
    progress: Progress,
    result: Mapping[str, Any] | None = None,
) -> Job:
    """Write down how a job ended and pay what it did cost. Raises LeaseLost."""
    job = queries.lock_leased(session, number, lease)
    _change(session, number, **_told(progress))
    return _end(session, replace(job, **_told(progress)), state, message, result)


def put_back(session: Session, number: int, lease: str, progress: Progress, *, message: str = "") -> None:
    """Let another worker go on with a job, or this one later; ``message`` empty: as if it had not been tried. It fails
    when it was tried too often. Raises LeaseLost."""
    job = queries.lock_leased(session, number, lease)
    values = _told(progress) | ({"message": message} if message else {"attempts": job.attempts - 1})
    _change(session, number, **values)
    _let_go(session, replace(job, **values), message)


def cancel_job(session: Session, number: int, actor: Actor) -> Job:
    """A waiting job ends at once, a running one within a second or two; what was done is kept.

    Raises JobNotFound, JobDenied."""
    job = queries.get_job(session, number, actor)
    if not rules.may_cancel(actor, job, queries.find_dataset(session, job)):
        raise JobDenied("A token that only reads cannot cancel jobs.")
    return _cancel(session, number, actor.id)


def clear_job(session: Session, number: int, actor: Actor) -> Job:
    """Say that the files of an ended job are deleted, for its own people; the row stays, as the receipt.

    Raises JobNotFound, JobDenied, JobInvalid."""
    job = queries.get_job(session, number, actor)
    if not rules.may_cancel(actor, job, queries.find_dataset(session, job)):
        raise JobDenied("A token that only reads cannot delete what jobs have made.")
    if job.state in OPEN_JOBS:
        raise JobInvalid("The job has not ended yet.", hint="Cancel it first.")
    told = JobCleared(job_id=number)
    record(session, told, actor_id=actor.id, repo_id=job.dataset_id, caused_by=job.event_id)
    clear_jobs(session, [number])
    return _get(session, number)


def clear_jobs(session: Session, numbers: Sequence[int]) -> None:
    """Say of ended jobs that their files are deleted, before they are."""
    ended = _c.id.in_(numbers) & _c.cleared_at.is_(None) & _c.ended_at.is_not(None)
    session.execute(sa.update(jobs).where(ended).values(cleared_at=clock.now()))


def tend_jobs(session: Session, now: datetime) -> int:
    """Put back the jobs of workers that have died, and give up those that wait for ever; how many."""
    forsaken = queries.list_forsaken(session, now, limit=_AT_ONCE)
    for job in forsaken:
        _let_go(session, job, "Its worker was lost.")
    stale = queries.list_stale(session, now - LONGEST_WAIT, limit=_AT_ONCE)
    for job in stale:
        _end(session, job, "failed", "Nobody had time for it.", None)
    return len(forsaken) + len(stale)


def _check_asking(session: Session, actor: Actor, payer: Owner, budget: int) -> None:
    if actor.user is None:
        raise accounts.SignInRequired
    if not rules.may_let_pay(actor, payer):
        raise JobDenied(f"You may not let {payer.name} pay for jobs.")
    if not 0 <= budget <= credits.MOST:
        raise JobInvalid("The budget is not an amount.")
    if queries.count_open(session, payer.id) >= MOST_OPEN:
        raise JobInvalid("%(payer)s has %(count)s jobs that have not ended yet.", payer=payer.name, count=MOST_OPEN)


def _held_amount(spec: JobSpec, budget: int, terms: JobTerms, prices: Prices) -> int:
    """All of the budget, for calls and seconds alike, where there is something to pay."""
    second_price = terms.second_price if isinstance(spec, EvaluationSpec) else 0
    if budget < second_price:
        raise JobInvalid("The budget does not pay for a second: one costs %(price)s micro-credits.", price=second_price)
    return budget if second_price or prices != NO_PRICES else 0


def _hold(session: Session, number: int, payer: Owner, amount: int, use: Use, event: int) -> int:
    until = clock.now() + _HOLD_LIVES
    return credits.hold(session, payer.id, amount, use, f"job-{number}", until, caused_by=event).id


def _cancel(session: Session, number: int, by: int | None) -> Job:
    job = queries.lock_job(session, number)
    assert job is not None
    if job.state not in OPEN_JOBS or job.is_unwanted:
        return job
    told = JobCancelled(job_id=number)
    event = record(session, told, actor_id=by, repo_id=job.dataset_id, caused_by=job.event_id)
    _change(session, number, is_unwanted=True, event_id=event)
    job = replace(job, is_unwanted=True, event_id=event)
    return _end(session, job, "cancelled", "It was cancelled.", None) if job.state == "waiting" else job


def _let_go(session: Session, job: Job, reason: str) -> None:
    """A running job waits again, at its old turn, unless nobody wants it or it was tried too often."""
    if job.is_unwanted:
        _end(session, job, "cancelled", "It was cancelled.", None)
    elif job.attempts >= MOST_ATTEMPTS:
        _end(session, job, "failed", f"It was given up after {job.attempts} attempts. {reason}".strip(), None)
    else:
        _change(session, job.id, state="waiting", lease=None, lease_until=None)


def _end(session: Session, job: Job, state: JobState, message: str, result: Mapping[str, Any] | None) -> Job:
    drawn = drawn_amount(session, job)
    cost = drawn + _pay(session, job)
    told = JobEnded(job_id=job.id, state=state, cost=cost)
    values: dict[str, Any] = {
        "state": state,
        "message": message[:1000],
        "result": result,
        "calls_amount": drawn,
        "cost": cost,
        "lease": None,
        "lease_until": None,
        "ended_at": clock.now(),
        "event_id": record(session, told, actor_id=None, repo_id=job.dataset_id, caused_by=job.event_id),
    }
    _change(session, job.id, **values)
    return replace(job, **values)


def drawn_amount(session: Session, job: Job) -> int:
    """What of the budget its calls have cost so far, as the ledger has it: a worker that is killed tells nobody."""
    return job.budget - credits.get_hold(session, job.hold_id).amount if job.hold_id is not None else 0


def _pay(session: Session, job: Job) -> int:
    """Settle what the seconds did cost, at most what is held; what was paid."""
    if job.hold_id is None:
        return 0
    held = credits.get_hold(session, job.hold_id)
    amount = min(held.amount, rules.seconds_cost(job.second_price, job.used_seconds))
    if held.state != "open":
        return held.settled_amount
    if amount:
        credits.settle(session, held.id, amount, {"device_seconds": job.used_seconds, "job": job.id})
    else:
        credits.release(session, held.id)
    return amount


def _told(progress: Progress) -> dict[str, Any]:
    return asdict(progress) | {"message": progress.message[:1000]}


def _change(session: Session, number: int, **values: Any) -> None:
    session.execute(_changing(tuple(values)), values | {"number": number})


@cache
def _changing(names: tuple[str, ...]) -> sa.Update:
    return sa.update(jobs).where(_c.id == sa.bindparam("number")).values({name: sa.bindparam(name) for name in names})


def _get(session: Session, number: int) -> Job:
    job = queries.find_job(session, number)
    assert job is not None
    return job
