"""Every SELECT of validation, and the door to pilots."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu import compute
from yungu.accounts.models import Actor
from yungu.kernel import events
from yungu.kernel.db import Session, columns
from yungu.kernel.events import Fact
from yungu.scenarios import queries as lists
from yungu.scenarios.models import Item
from yungu.scenarios.rules import workflow
from yungu.scenarios.validation import rules
from yungu.scenarios.validation.errors import EvidenceNotFound, PilotNotFound
from yungu.scenarios.validation.models import (
    Attempt,
    Evidence,
    Figure,
    Judged,
    Party,
    Pilot,
    Place,
    Terms,
    attempts,
    evidence,
    pilots,
)
from yungu.storage.local import LocalStore

_PILOT = sa.select(*columns(Pilot, pilots))
_EVIDENCE = sa.select(*columns(Evidence, evidence))
_ATTEMPT = sa.select(*columns(Attempt, attempts))


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation and its job."""

    attempt: Attempt
    job: compute.Job

    @property
    def figure(self) -> Figure | None:
        """What it measured; None unless it succeeded."""
        result = self.job.result or {}
        if self.job.state != "succeeded" or "value" not in result:
            return None
        return Figure(str(result.get("metric", "")), result["value"], result.get("low"), result.get("high"))


@dataclass(frozen=True, slots=True)
class Seen:
    """A pilot as one actor sees it. ``parties``: which sides they may act for; ``may_judge``: whether they may end it,
    for the demand side or as a test laboratory; ``may_read_bench``: whether items and logs are for their eyes."""

    pilot: Pilot
    demand: Item
    supply: Item
    parties: frozenset[Party]
    may_judge: bool
    is_insider: bool

    @property
    def may_read_bench(self) -> bool:
        return "demand" in self.parties


def get_pilot(session: Session, number: int) -> Pilot:
    """For jobs: nobody's eyes. Raises PilotNotFound."""
    row = session.execute(_PILOT.where(pilots.c.id == number)).first()
    if row is None:
        raise PilotNotFound(f"#{number}")
    return _pilot(row)


def visible_pilot(session: Session, code: str, actor: Actor) -> Seen:
    """A pilot, for its two sides, for those with a role, and once it is a public case for everybody.

    Raises PilotNotFound alike for the missing and the hidden."""
    row = session.execute(_PILOT.where(pilots.c.code == code.upper()[:32])).first()
    if row is None:
        raise PilotNotFound(code)
    seen = see(session, _pilot(row), actor)
    if not (seen.is_insider or seen.pilot.is_public):
        raise PilotNotFound(code)
    return seen


def see(session: Session, pilot: Pilot, actor: Actor) -> Seen:
    demand = lists.view(session, lists.get_item_by_id(session, pilot.opportunity_id), actor)
    supply = lists.view(session, lists.get_item_by_id(session, pilot.capability_id), actor)
    sides: dict[Party, Collection[str]] = {"demand": demand.parts, "provider": supply.parts}
    parties: frozenset[Party] = frozenset(party for party, parts in sides.items() if "owner" in parts)
    is_stranger = "provider" not in parties
    may_judge = is_stranger and bool({"owner", "test_lab"} & demand.parts)
    insider = bool(parties) or workflow.is_insider(demand.parts)
    return Seen(pilot, demand.item, supply.item, parties, may_judge, insider)


def find_pilot_of(session: Session, claim_id: int) -> Pilot | None:
    row = session.execute(_PILOT.where(pilots.c.claim_id == claim_id)).first()
    return _pilot(row) if row else None


def list_pilots_of(session: Session, item_id: int) -> Sequence[Pilot]:
    """Of an opportunity or of a capability, oldest first: nobody's eyes."""
    of_item = sa.or_(pilots.c.opportunity_id == item_id, pilots.c.capability_id == item_id)
    return [_pilot(row) for row in session.execute(_PILOT.where(of_item).order_by(pilots.c.id))]


def list_pilots(session: Session, actor: Actor, *, limit: int = 200) -> Sequence[Pilot]:
    """Those that the actor takes part in, newest first; all of them for those with a role."""
    query = _PILOT.order_by(pilots.c.id.desc()).limit(limit)
    if not (actor.is_site_admin or lists.roles_of(session, actor.id)):
        mine = [actor.id or 0, *(number for number, role in actor.roles.items() if role in ("write", "admin"))]
        query = query.where(sa.or_(pilots.c.demand_id.in_(mine), pilots.c.provider_id.in_(mine)))
    return [_pilot(row) for row in session.execute(query)]


def list_cases(session: Session, *, limit: int = 200) -> Sequence[Pilot]:
    """Public cases: accepted pilots of public opportunities, newest first."""
    public = _PILOT.where(pilots.c.is_public.is_(True)).order_by(pilots.c.ended_at.desc(), pilots.c.id.desc())
    return [_pilot(row) for row in session.execute(public.limit(limit))]


def list_evidence(session: Session, pilot_id: int) -> Sequence[Evidence]:
    query = _EVIDENCE.where(evidence.c.pilot_id == pilot_id).order_by(evidence.c.id)
    return [Evidence(*row) for row in session.execute(query)]


def get_evidence(session: Session, pilot_id: int, number: int) -> Evidence:
    """Raises EvidenceNotFound."""
    query = _EVIDENCE.where(evidence.c.pilot_id == pilot_id, evidence.c.id == number)
    row = session.execute(query).first()
    if row is None:
        raise EvidenceNotFound
    return Evidence(*row)


def list_attempts(session: Session, pilot_id: int) -> Sequence[Attempt]:
    query = _ATTEMPT.where(attempts.c.pilot_id == pilot_id).order_by(attempts.c.number)
    return [Attempt(*row) for row in session.execute(query)]


def list_evaluated(session: Session) -> frozenset[int]:
    """The numbers of all jobs that a pilot's evaluations were: its evidence, whose items stay."""
    return frozenset(session.scalars(sa.select(attempts.c.job_id)))


def list_runs(session: Session, pilot: Pilot) -> Sequence[Run]:
    """The evaluations of a pilot with the jobs that did them, oldest first: nobody's eyes."""
    found = ((attempt, compute.find_job(session, attempt.job_id)) for attempt in list_attempts(session, pilot.id))
    return [Run(attempt, job) for attempt, job in found if job is not None]


def judge_pilot(session: Session, pilot: Pilot) -> Sequence[Judged]:
    """Each goal with what counts of it now: of an evaluated one the figure of the last evaluation that succeeded, of
    the others the last evidence that was confirmed."""
    last = _last_good(session, pilot)
    known: dict[str, Figure] = {}
    for goal in pilot.terms.goals:
        if goal.source == "evaluation" and last is not None and last.figure is not None:
            known[goal.metric] = replace(last.figure, metric=goal.metric)
    for one in list_evidence(session, pilot.id):
        if one.value is not None and one.confirmed_at is not None:
            known[one.goal] = Figure(one.goal, one.value)
    return rules.judge(pilot.terms, known)


def leader_board(session: Session, store: LocalStore, opportunity_id: int) -> Sequence[Place]:
    """The pilots of an opportunity that were evaluated on the same data, best first; entrants are pilot codes."""
    runs = [(pilot, run) for pilot in list_pilots_of(session, opportunity_id) if (run := _last_good(session, pilot))]
    if not runs:
        return []
    newest = max(runs, key=lambda one: one[1].attempt.id)[0].terms.bench
    same = [(pilot.code, run) for pilot, run in runs if pilot.terms.bench == newest]
    figures = {code: run.figure for code, run in same if run.figure is not None}
    items = {
        code: [item["score"] for item in compute.iter_items(store, run.job) if "score" in item] for code, run in same
    }
    higher_wins = newest is None or compute.METRICS.get(newest.metric, True)
    return rules.rank(figures, items, higher_wins=higher_wins)


def missing_papers(session: Session, pilot: Pilot) -> Sequence[str]:
    """The agreed papers that nobody has handed in and had confirmed."""
    there = {one.goal for one in list_evidence(session, pilot.id) if one.confirmed_at is not None}
    return [paper for paper in pilot.terms.papers if paper not in there]


def list_chain(session: Session, pilot: Pilot) -> Sequence[Fact]:
    """What led to the present state of a pilot, from the first fact to the last, each caused by the one before."""
    return list(reversed(events.list_causes(session, pilot.event_id)))


def _last_good(session: Session, pilot: Pilot) -> Run | None:
    return next((run for run in reversed(list_runs(session, pilot)) if run.figure), None)


def _pilot(row: sa.Row[Any]) -> Pilot:
    fields = dict(row._mapping)
    return Pilot(**fields | {"terms": msgspec.convert(fields["terms"], Terms)})
