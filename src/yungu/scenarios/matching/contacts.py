"""What the two sides of a match write to each other before they answer, or after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from yungu.accounts.errors import SignInRequired
from yungu.accounts.models import Actor, owners
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record
from yungu.scenarios import queries as lists
from yungu.scenarios.matching.errors import (
    ContactImpossible,
    ContactInvalid,
    ContactNotFound,
    MatchClosed,
    MatchNotFound,
)
from yungu.scenarios.matching.events import ContactWithdrawn, MatchContacted
from yungu.scenarios.matching.models import Contact, MatchSide, contacts, deeds
from yungu.scenarios.matching.queries import Proposal
from yungu.scenarios.matching.service import log, may_see, visible_proposal
from yungu.scenarios.rules import workflow

MOST_LETTERS = 4000
MOST_MESSAGES = 50
_c = contacts.c
_CONTACT = sa.select(_c.id, _c.match_id, _c.side, owners.c.name, _c.text, _c.contact, _c.at, _c.withdrawn_at).outerjoin(
    owners, owners.c.id == _c.by_id
)
OTHER: Mapping[MatchSide, MatchSide] = {"demand": "provider", "provider": "demand"}


def list_contacts(session: Session, match_id: int) -> Sequence[Contact]:
    """Oldest first; for whoever may see the match."""
    return [Contact(*row) for row in session.execute(_CONTACT.where(_c.match_id == match_id).order_by(_c.id))]


def own_side(sides: Collection[str]) -> MatchSide | None:
    return next((side for side in OTHER if side in sides), None)


def may_write(proposal: Proposal, side: MatchSide) -> bool:
    """Whether the match is not over, and the other side may know of it."""
    is_on = proposal.state == "published" and proposal.match.status in ("proposed", "accepted")
    return is_on and may_see(proposal, {OTHER[side]})


def own_contact(session: Session, proposal: Proposal, side: MatchSide, actor: Actor) -> str:
    """How to reach a side, as its item says."""
    match = proposal.match
    number = match.opportunity_id if side == "demand" else match.capability_id
    return lists.view(session, lists.get_item_by_id(session, number), actor).item.content.contact


def write(session: Session, number: int, text: str, actor: Actor, *, shows_contact: bool) -> Contact:
    """Write to the other side of a match; ``shows_contact``: with the contact that stands in one's own item.

    Raises SignInRequired, MatchNotFound, MatchClosed, ContactImpossible, ContactInvalid."""
    if not workflow.may_act(actor):
        raise SignInRequired
    proposal, sides = visible_proposal(session, number, actor)
    side, match = own_side(sides), proposal.match
    if side is None:
        raise MatchNotFound(number)
    _check(session, proposal, side, text.strip())
    row = {"match_id": number, "side": side, "by_id": actor.id, "text": text.strip(), "at": clock.now()}
    row["contact"] = own_contact(session, proposal, side, actor)[:500] if shows_contact else ""
    made = new_id(session.execute(sa.insert(contacts).values(row)))
    told = MatchContacted(
        match_id=number,
        opportunity_id=match.opportunity_id,
        capability_id=match.capability_id,
        side=side,
        contact_id=made,
    )
    record(session, told, actor_id=actor.id, caused_by=match.event_id or None)
    log(session, number, "contacted", side, actor)
    return _get(session, number, made)


def withdraw(session: Session, number: int, contact_id: int, actor: Actor) -> Contact:
    """Take back what one's own side wrote: nobody can read it any more.

    Raises SignInRequired, MatchNotFound, ContactNotFound."""
    if not workflow.may_act(actor):
        raise SignInRequired
    side = own_side(visible_proposal(session, number, actor)[1])
    gone = sa.update(contacts).where(_c.id == contact_id, _c.match_id == number, _c.side == side)
    gone = gone.where(_c.withdrawn_at.is_(None)).values(text="", contact="", withdrawn_at=clock.now())
    if side is None or not session.execute(gone).rowcount:
        raise ContactNotFound(contact_id)
    record(session, ContactWithdrawn(match_id=number, side=side, contact_id=contact_id), actor_id=actor.id)
    if not any(one.side == side and one.withdrawn_at is None for one in list_contacts(session, number)):
        undone = sa.delete(deeds).where(deeds.c.match_id == number, deeds.c.what == "contacted", deeds.c.side == side)
        session.execute(undone)
    return _get(session, number, contact_id)


def _check(session: Session, proposal: Proposal, side: MatchSide, text: str) -> None:
    if proposal.match.status not in ("proposed", "accepted"):
        raise MatchClosed(proposal.match.id, f"it is {proposal.match.status}")
    if not may_write(proposal, side):
        raise ContactImpossible(proposal.match.id)
    query = sa.select(sa.func.count()).select_from(contacts)
    written = session.scalar(query.where(_c.match_id == proposal.match.id, _c.side == side)) or 0
    if not 1 <= len(text) <= MOST_LETTERS or written >= MOST_MESSAGES:
        raise ContactInvalid(MOST_LETTERS, MOST_MESSAGES)


def _get(session: Session, number: int, contact_id: int) -> Contact:
    return next(one for one in list_contacts(session, number) if one.id == contact_id)
