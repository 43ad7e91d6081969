"""Every SELECT of validation, and the door to pilots."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.kernel.db import Session, columns
from yungu.scenarios import queries as lists
from yungu.scenarios.models import Item
from yungu.scenarios.rules import workflow
from yungu.scenarios.validation.errors import EvidenceNotFound, PilotNotFound
from yungu.scenarios.validation.models import Attempt, Evidence, Party, Pilot, Terms, attempts, evidence, pilots

_PILOT = sa.select(*columns(Pilot, pilots))
_EVIDENCE = sa.select(*columns(Evidence, evidence))
_ATTEMPT = sa.select(*columns(Attempt, attempts))


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


def _pilot(row: sa.Row[Any]) -> Pilot:
    fields = dict(row._mapping)
    return Pilot(**fields | {"terms": msgspec.convert(fields["terms"], Terms)})
