"""Working out a draft for the whole market beside requests, as a job of the queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec

from yungu import accounts, compute
from yungu.accounts.models import Actor
from yungu.compute import Job, JobTerms
from yungu.kernel.db import Database, Session
from yungu.scenarios.matching.errors import MarketBusy
from yungu.scenarios.matching.keeping import Markets
from yungu.scenarios.matching.market import Rules
from yungu.scenarios.matching.service import STEP_COUNT, check_operator, run_market

TASK = "market"
Tell = Callable[[str, int, int], object]
"""Called with (what is being done, done so far, of how many)."""


class _Stopped(Exception):
    """Nobody wants it any more."""


def ask_market(session: Session, rules: Rules, actor: Actor, terms: JobTerms) -> Job:
    """Let a draft be worked out. Raises RoleNeeded, MarketBusy."""
    check_operator(session, actor)
    last = find_market_job(session)
    if last is not None and last.state in compute.OPEN_JOBS:
        raise MarketBusy(last.id)
    return compute.ask_task(session, TASK, asdict(rules), actor, terms)


def find_market_job(session: Session) -> Job | None:
    """The one that was asked for last."""
    return compute.find_latest_task(session, TASK)


def work_out(
    database: Database, markets: Markets, job: Job, tell: Tell, must_stop: Callable[[], bool]
) -> dict[str, Any]:
    """Do it: the number of the run, and how many it proposes. Raises RoleNeeded for who is no operator any more."""
    spec = compute.read_spec(job)
    assert isinstance(spec, compute.TaskSpec) and job.created_by is not None
    with database.read() as session:
        actor = accounts.actor_for_user(session, accounts.get_owner_by_id(session, job.created_by))
    done = 0

    def step(what: str) -> None:
        nonlocal done
        if must_stop():
            raise _Stopped
        tell(what, done, STEP_COUNT)
        done += 1

    rules = msgspec.convert(spec.options, Rules)
    run = run_market(database, markets, rules, actor, step=step, caused_by=job.event_id)
    tell("done", STEP_COUNT, STEP_COUNT)
    return {"run_id": run.id, "count": int(run.measures["proposals"])}
