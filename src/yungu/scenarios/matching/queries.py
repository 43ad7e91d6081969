"""Every SELECT of matching."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import owners
from yungu.kernel.db import Session, columns
from yungu.scenarios.matching.errors import DayNotFound, MatchNotFound, RunNotFound
from yungu.scenarios.matching.market import Listed
from yungu.scenarios.matching.models import Day, Match, Run, calibrations, days, deeds, matches, runs, states, vectors
from yungu.scenarios.models import Confidentiality, Side, Status, items, versions
from yungu.scenarios.rules import contents, workflow
from yungu.scenarios.rules.calibration import FIXED, Calibration

_AT_ONCE = 400
STATUSES: Mapping[Side, Collection[Status]] = {
    "opportunity": workflow.OPEN,
    "capability": ("published", "promoted"),
}
"""Which items take part."""
_demand, _supply = items.alias("demand"), items.alias("supply")
_demand_owner, _supply_owner = owners.alias("demand_owner"), owners.alias("supply_owner")


Head = tuple[int, int, str, int, int]
"""What tells whether an item has to be read again: id, version, code, owner id, pilots taken."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A match with the names of both sides. ``state``: of its run."""

    match: Match
    state: str
    opportunity_code: str
    opportunity_title: Mapping[str, str]
    opportunity_owner_id: int
    opportunity_owner: str
    opportunity_confidentiality: Confidentiality
    capability_code: str
    capability_title: Mapping[str, str]
    capability_owner_id: int
    capability_owner: str
    capability_confidentiality: Confidentiality
    provider: str


_PROPOSAL: sa.Select[Any] = (
    sa.select(
        *columns(Match, matches), runs.c.state, _demand.c.code, _demand.c.content["title"], _demand.c.owner_id,
        _demand_owner.c.name, _demand.c.confidentiality, _supply.c.code, _supply.c.content["title"], _supply.c.owner_id,
        _supply_owner.c.name, _supply.c.confidentiality, _supply.c.content["provider"].as_string(),
    )
    .join(runs, runs.c.id == matches.c.run_id)
    .join(_demand, _demand.c.id == matches.c.opportunity_id)
    .join(_supply, _supply.c.id == matches.c.capability_id)
    .join(_demand_owner, _demand_owner.c.id == _demand.c.owner_id)
    .join(_supply_owner, _supply_owner.c.id == _supply.c.owner_id)
)  # fmt: skip
_MATCH_FIELDS = len(columns(Match, matches))


def list_heads(session: Session, side: Side) -> Sequence[Head]:
    """Of every item that takes part, by id."""
    query = sa.select(items.c.id, items.c.version, items.c.code, items.c.owner_id, items.c.taken_count)
    query = query.where(items.c.side == side, items.c.status.in_(sorted(STATUSES[side]))).order_by(items.c.id)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in session.execute(query)]


def newest_change(session: Session) -> int:
    """Grows with every fact about an item: the number of the newest."""
    return int(session.scalar(sa.select(sa.func.max(items.c.last_event_id))) or 0)


def read_listed(session: Session, side: Side, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], Listed]:
    """Items as they were in these versions, by (id, version), with all their room free; those that are there."""
    found: dict[tuple[int, int], Listed] = {}
    numbers = sorted({number for number, _ in wanted})
    keys = set(wanted)
    for start in range(0, len(numbers), _AT_ONCE):
        query = sa.select(versions.c.item_id, versions.c.version, versions.c.content, items.c.code, items.c.owner_id)
        query = query.join(items, items.c.id == versions.c.item_id)
        query = query.where(versions.c.item_id.in_(numbers[start : start + _AT_ONCE]))
        for number, version, packed, code, owner_id in session.execute(query):
            if (number, version) in keys:
                content = contents.masked(contents.unpack(side, packed))
                found[number, version] = Listed(number, code, version, content, content.capacity, owner_id)
    return found


def count_vectors(session: Session, model: str) -> int:
    return int(session.scalar(sa.select(sa.func.count()).where(vectors.c.model == model)) or 0)


def latest_calibration(session: Session) -> Calibration:
    """The one that was learnt last, else the fixed one."""
    return get_calibration(session, None)


def get_calibration(session: Session, version: int | None) -> Calibration:
    """The fixed one for version 0, and where that version is gone."""
    c = calibrations.c
    query = sa.select(c.kind, c.knots, c["values"], c.id, c.outcome_count).order_by(c.id.desc()).limit(1)
    row = session.execute(query if version is None else query.where(c.id == version)).first()
    return Calibration(row[0], tuple(row[1]), tuple(row[2]), row[3], row[4]) if row else FIXED


def list_outcomes(session: Session) -> Sequence[tuple[float, bool]]:
    """Score of each match that was answered, and whether both sides said yes."""
    query = sa.select(matches.c.score, matches.c.status).where(matches.c.status.in_(("accepted", "declined")))
    return [(float(score), status == "accepted") for score, status in session.execute(query.order_by(matches.c.id))]


def count_outcomes(session: Session) -> int:
    answered = matches.c.status.in_(("accepted", "declined"))
    return int(session.scalar(sa.select(sa.func.count()).select_from(matches).where(answered)) or 0)


def find_state(session: Session, digest: str) -> bytes | None:
    return session.scalar(sa.select(states.c.content).where(states.c.hash == digest))


def get_run(session: Session, number: int) -> Run:
    """Raises RunNotFound."""
    row = session.execute(sa.select(*columns(Run, runs)).where(runs.c.id == number)).first()
    if row is None:
        raise RunNotFound(number)
    return Run(*row)


def list_runs(session: Session, *, kind: str | None = None, limit: int = 20) -> Sequence[Run]:
    """Newest first."""
    query = sa.select(*columns(Run, runs)).order_by(runs.c.id.desc()).limit(limit)
    return [Run(*row) for row in session.execute(query.where(runs.c.kind == kind) if kind else query)]


def has_shortlist_since(session: Session, opportunity_id: int, moment: datetime) -> bool:
    """Whether one was made and published for the opportunity at or after ``moment``."""
    query = sa.select(runs.c.id).where(runs.c.subject_id == opportunity_id, runs.c.kind == "opportunity")
    query = query.where(runs.c.state == "published", runs.c.made_at >= moment)
    return session.scalar(query.limit(1)) is not None


def list_matches(session: Session, run_id: int) -> Sequence[Match]:
    query = sa.select(*columns(Match, matches)).where(matches.c.run_id == run_id)
    return [Match(*row) for row in session.execute(query.order_by(matches.c.opportunity_id, matches.c.rank))]


def list_open(session: Session, opportunity_ids: Collection[int]) -> Sequence[Match]:
    """Published and waiting for an answer."""
    query = sa.select(*columns(Match, matches)).join(runs, runs.c.id == matches.c.run_id)
    query = query.where(runs.c.state == "published", matches.c.status == "proposed")
    found: list[Match] = []
    numbers = sorted(opportunity_ids)
    for start in range(0, len(numbers), _AT_ONCE):
        part = query.where(matches.c.opportunity_id.in_(numbers[start : start + _AT_ONCE]))
        found += [Match(*row) for row in session.execute(part)]
    return found


def count_open_of_capabilities(session: Session) -> Mapping[int, int]:
    """How many proposals wait at each capability."""
    query = sa.select(matches.c.capability_id, sa.func.count()).join(runs, runs.c.id == matches.c.run_id)
    query = query.where(runs.c.state == "published", matches.c.status == "proposed").group_by(matches.c.capability_id)
    return {row[0]: row[1] for row in session.execute(query)}


def list_accepted_pairs(session: Session) -> set[tuple[int, int]]:
    """Opportunity and capability of what both have said yes or one has said no to: not proposed again."""
    query = sa.select(matches.c.opportunity_id, matches.c.capability_id)
    return {(a, b) for a, b in session.execute(query.where(matches.c.status.in_(("accepted", "declined"))))}


def list_accepted(session: Session, opportunity_id: int) -> Sequence[int]:
    """The matches of an opportunity to which both sides have said yes."""
    query = sa.select(matches.c.id).where(matches.c.opportunity_id == opportunity_id, matches.c.status == "accepted")
    return list(session.scalars(query.order_by(matches.c.id)))


def list_seen(session: Session, match_ids: Collection[int], what: str) -> set[tuple[int, str]]:
    """(match, side) for which ``what`` is logged."""
    query = sa.select(deeds.c.match_id, deeds.c.side).where(deeds.c.what == what)
    found: set[tuple[int, str]] = set()
    numbers = sorted(match_ids)
    for start in range(0, len(numbers), _AT_ONCE):
        part = deeds.c.match_id.in_(numbers[start : start + _AT_ONCE])
        found |= {(row[0], row[1]) for row in session.execute(query.where(part))}
    return found


def count_deeds(session: Session) -> Mapping[str, int]:
    """How many matches were shown to a side, opened, written about, wanted by one, and ended in a pilot well or not."""
    query = sa.select(deeds.c.what, sa.func.count(sa.distinct(deeds.c.match_id))).group_by(deeds.c.what)
    return {row[0]: row[1] for row in session.execute(query)}


def get_proposal(session: Session, number: int) -> Proposal:
    """Nobody's eyes. Raises MatchNotFound."""
    row = session.execute(_PROPOSAL.where(matches.c.id == number)).first()
    if row is None:
        raise MatchNotFound(number)
    return _proposal(row)


def list_proposals(
    session: Session, *, item_id: int | None = None, run_id: int | None = None, match_ids: Collection[int] = ()
) -> Sequence[Proposal]:
    """Of an item of either list (published ones that have not lapsed), of a run, or these; best first for each
    opportunity."""
    query = _PROPOSAL.order_by(matches.c.opportunity_id, matches.c.rank, matches.c.id.desc())
    if item_id is not None:
        of_item = sa.or_(matches.c.opportunity_id == item_id, matches.c.capability_id == item_id)
        query = query.where(of_item, runs.c.state == "published", matches.c.status != "lapsed")
    if run_id is not None:
        query = query.where(matches.c.run_id == run_id)
    if match_ids:
        query = query.where(matches.c.id.in_(sorted(match_ids)))
    return [_proposal(row) for row in session.execute(query)]


def get_day(session: Session, number: int) -> Day:
    """Raises DayNotFound."""
    row = session.execute(sa.select(*columns(Day, days)).where(days.c.id == number)).first()
    if row is None:
        raise DayNotFound(number)
    return Day(*row)


def list_days(session: Session) -> Sequence[Day]:
    """The latest first."""
    return [Day(*row) for row in session.execute(sa.select(*columns(Day, days)).order_by(days.c.starts_at.desc()))]


def _proposal(row: Any) -> Proposal:
    return Proposal(Match(*row[:_MATCH_FIELDS]), *row[_MATCH_FIELDS:])
