"""Matchmaking days: who meets whom, when and at which table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record
from yungu.scenarios.matching import queries, service
from yungu.scenarios.matching.errors import DayImpossible
from yungu.scenarios.matching.events import DayPlanned
from yungu.scenarios.matching.models import Day, days
from yungu.scenarios.matching.queries import Proposal
from yungu.scenarios.rules import schedule

_MOST_MEETINGS = 20_000


@dataclass(frozen=True, slots=True)
class Seat:
    """One meeting of a day. ``round`` and ``table`` count from 1."""

    proposal: Proposal
    round: int
    table: int
    starts_at: datetime
    ends_at: datetime


def plan_day(
    session: Session,
    title: str,
    match_ids: Collection[int],
    actor: Actor,
    *,
    starts_at: datetime,
    tables: int,
    minutes: int = 8,
    pause: int = 2,
    breaks: Sequence[tuple[datetime, datetime]] = (),
) -> Day:
    """A day on which the two sides of these matches meet, in as few rounds as there can be. Raises RoleNeeded,
    DayImpossible."""
    service.check_operator(session, actor)
    proposals = queries.list_proposals(session, match_ids=match_ids) if match_ids else []
    _check(title, proposals, tables, minutes, pause)
    by_pair = {(one.match.opportunity_id, one.match.capability_id): one.match.id for one in proposals}
    closed = [schedule.Break(start, end) for start, end in breaks]
    met = schedule.timetable(
        list(by_pair), tables=tables, starts_at=starts_at, minutes=minutes, pause=pause, breaks=closed
    )
    row = {"title": title.strip()[:200], "starts_at": starts_at, "tables": tables, "minutes": minutes, "pause": pause}
    meetings = [[by_pair[one.opportunity, one.capability], one.round, one.table, _after(starts_at, one)] for one in met]
    spans = [[int((end - starts_at).total_seconds()) for end in span] for span in breaks]
    kept = row | {"breaks": spans, "meetings": meetings, "made_by": actor.id, "made_at": clock.now()}
    number = new_id(session.execute(sa.insert(days).values(kept)))
    rounds = 1 + max((one.round for one in met), default=-1)
    record(session, DayPlanned(day_id=number, meetings=len(met), rounds=rounds), actor_id=actor.id)
    return queries.get_day(session, number)


def list_seats(session: Session, day: Day) -> Sequence[Seat]:
    """All meetings in the order of time, then of tables; of matches that are gone none."""
    known = {one.match.id: one for one in queries.list_proposals(session, match_ids=[row[0] for row in day.meetings])}
    length = timedelta(minutes=day.minutes)
    return [
        Seat(known[match], number + 1, table + 1, start, start + length)
        for match, number, table, seconds in sorted(day.meetings, key=lambda row: (row[1], row[2]))
        if match in known and (start := day.starts_at + timedelta(seconds=seconds))
    ]


def _after(starts_at: datetime, meeting: schedule.Meeting) -> int:
    return int((meeting.starts_at - starts_at).total_seconds())


def _check(title: str, proposals: Sequence[Proposal], tables: int, minutes: int, pause: int) -> None:
    if not title.strip():
        raise DayImpossible("A day needs a title.")
    if not 0 < len(proposals) <= _MOST_MEETINGS:
        raise DayImpossible("Choose the matches that are to meet.")
    if not (1 <= tables <= 500 and 1 <= minutes <= 240 and 0 <= pause <= 120):
        raise DayImpossible("A day needs 1 to 500 tables, meetings of 1 to 240 minutes and pauses of at most 120.")
