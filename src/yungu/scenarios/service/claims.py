"""Claiming (揭榜): a provider declares intent with a capability, the owner of the opportunity accepts or declines.

Every change of a claim holds the rows of its opportunity and its capability, so that what it counts stays true until
it is committed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record
from yungu.scenarios import queries
from yungu.scenarios.errors import (
    CapacityFull,
    ClaimNotFound,
    ClaimRefused,
    ClaimTaken,
    DeadlinePassed,
    ItemDenied,
    StepImpossible,
)
from yungu.scenarios.events import ClaimAccepted, ClaimDeclined, ClaimMade, ClaimWithdrawn
from yungu.scenarios.models import Claim, ClaimStatus, Item, OpportunityContent, claims, items
from yungu.scenarios.rules import workflow
from yungu.scenarios.service.items import lock, locked
from yungu.scenarios.service.steps import take

_CLAIMABLE = ("published", "claiming", "matched")
_OFFERABLE = ("published", "promoted")


def make_claim(
    session: Session,
    opportunity: str,
    capability: str,
    actor: Actor,
    *,
    statement: str = "",
    caused_by: int | None = None,
) -> Claim:
    """Declare intent, with a capability of one's own. Whether the deadline has passed is decided by the clock once the
    rows are held. Raises ItemNotFound, ItemDenied, StepImpossible, DeadlinePassed, CapacityFull, ClaimTaken."""
    wanted = locked(session, opportunity, actor)
    demand, supply = wanted.item, queries.visible_item(session, capability, actor, side="capability").item
    if "owner" not in queries.view(session, supply, actor).parts:
        raise ItemDenied(supply.code, "claim with it")
    if wanted.is_applicant:
        raise ClaimRefused("Nobody claims what they have posted themselves.")
    lock(session, supply.id)
    supply = queries.get_item_by_id(session, supply.id)
    _check_open(demand, supply)
    _check_first(session, demand, supply)
    now = clock.now()
    if workflow.is_over(_deadline(demand), now):
        raise DeadlinePassed(demand.code)
    row: dict[str, Any] = {"opportunity_id": demand.id, "capability_id": supply.id, "provider_id": supply.owner_id}
    row |= {"by_id": actor.id, "statement": statement.strip()[:2000], "status": "declared", "at": now, "event_id": 0}
    number = new_id(session.execute(sa.insert(claims).values(row)))
    fact = ClaimMade(claim_id=number, opportunity_id=demand.id, capability_id=supply.id, provider_id=supply.owner_id)
    event_id = record(session, fact, actor_id=actor.id, caused_by=caused_by or demand.last_event_id or None)
    session.execute(sa.update(claims).where(claims.c.id == number).values(event_id=event_id))
    return queries.get_claim(session, number)


def accept_claim(session: Session, number: int, actor: Actor) -> Claim:
    """The owner of the opportunity, or an operator, takes the provider on; the opportunity is matched then. Raises
    ClaimNotFound, ItemDenied, ClaimRefused, StepImpossible, CapacityFull."""
    claim, demand = _decided_by(session, number, actor)
    return _take_on(session, claim, demand, actor, caused_by=claim.event_id)


def seal_claim(session: Session, number: int, actor: Actor, *, caused_by: int) -> Claim:
    """Accept a claim to which the owner of the opportunity has said yes elsewhere, as ``caused_by`` tells; ``actor``
    is whoever spoke last. Raises ClaimNotFound, ClaimRefused, StepImpossible, CapacityFull."""
    claim = queries.get_claim(session, number)
    lock(session, claim.opportunity_id)
    claim = queries.get_claim(session, number)
    _check_waiting(claim)
    demand = queries.get_item_by_id(session, claim.opportunity_id)
    return _take_on(session, claim, demand, actor, caused_by=caused_by)


def _take_on(session: Session, claim: Claim, demand: Item, actor: Actor, *, caused_by: int) -> Claim:
    lock(session, claim.capability_id)
    supply = queries.get_item_by_id(session, claim.capability_id)
    _check_open(demand, supply)
    for item in (demand, supply):
        if item.taken_count >= item.content.capacity:
            raise CapacityFull(item.code)
        session.execute(sa.update(items).where(items.c.id == item.id).values(taken_count=items.c.taken_count + 1))
    fact = ClaimAccepted(
        claim_id=claim.id, opportunity_id=demand.id, capability_id=supply.id, provider_id=claim.provider_id
    )
    event_id = record(session, fact, actor_id=actor.id, caused_by=caused_by)
    _decide(session, claim, "accepted", event_id)
    if demand.status != "matched":
        take(session, demand, "match", "matched", actor, caused_by=event_id)
    return queries.get_claim(session, claim.id)


def decline_claim(session: Session, number: int, actor: Actor, *, reason: str) -> Claim:
    """Raises ClaimNotFound, ItemDenied, ClaimRefused."""
    claim, _ = _decided_by(session, number, actor)
    if not reason.strip():
        raise ClaimRefused("Say why: the provider will read it.")
    fact = ClaimDeclined(claim_id=claim.id, opportunity_id=claim.opportunity_id, reason=reason.strip()[:2000])
    event_id = record(session, fact, actor_id=actor.id, caused_by=claim.event_id)
    _decide(session, claim, "declined", event_id, reason=reason.strip()[:2000])
    return queries.get_claim(session, number)


def withdraw_claim(session: Session, number: int, actor: Actor) -> Claim:
    """The provider takes back what was not decided yet; there is no second one. Raises ClaimNotFound, ClaimRefused."""
    claim = queries.get_claim(session, number)
    lock(session, claim.opportunity_id)
    claim = queries.get_claim(session, number)
    supply = queries.get_item_by_id(session, claim.capability_id)
    workflow.check_may_act(actor)
    if "owner" not in queries.view(session, supply, actor).parts:
        raise ClaimNotFound(number)
    _check_waiting(claim)
    fact = ClaimWithdrawn(claim_id=claim.id, opportunity_id=claim.opportunity_id)
    _decide(session, claim, "withdrawn", record(session, fact, actor_id=actor.id, caused_by=claim.event_id))
    return queries.get_claim(session, number)


def _decided_by(session: Session, number: int, actor: Actor) -> tuple[Claim, Item]:
    claim = queries.get_claim(session, number)
    viewed = locked(session, claim.opportunity_code, actor)
    if not {"owner", "operator"} & viewed.parts:
        raise ItemDenied(viewed.item.code, "decide on claims")
    claim = queries.get_claim(session, number)
    _check_waiting(claim)
    return claim, viewed.item


def _check_waiting(claim: Claim) -> None:
    if claim.status != "declared":
        raise ClaimRefused(f"This claim is {claim.status} already.")


def _check_open(demand: Item, supply: Item) -> None:
    if demand.side != "opportunity" or demand.status not in _CLAIMABLE:
        raise StepImpossible(demand.code, "claim", demand.status)
    if supply.status not in _OFFERABLE:
        raise StepImpossible(supply.code, "claim", supply.status)
    if demand.taken_count >= demand.content.capacity:
        raise CapacityFull(demand.code)


def _check_first(session: Session, demand: Item, supply: Item) -> None:
    if any(claim.provider_id == supply.owner_id for claim in queries.list_claims(session, demand.id)):
        raise ClaimTaken(supply.owner, demand.code)


def _deadline(demand: Item) -> Any:
    return demand.content.deadline if isinstance(demand.content, OpportunityContent) else None


def _decide(session: Session, claim: Claim, status: ClaimStatus, event_id: int, *, reason: str = "") -> None:
    row = {"status": status, "reason": reason, "decided_at": clock.now(), "event_id": event_id}
    session.execute(sa.update(claims).where(claims.c.id == claim.id).values(row))
