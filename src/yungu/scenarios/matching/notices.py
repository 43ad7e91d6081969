"""Who hears of what happens to matches: those who act for the items of both sides, as far as they may see it.

All proposals for an item are one notice, made new by the next; an item can be muted, and then only what the other side
writes or answers is heard."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import sqlalchemy as sa

from yungu import hub
from yungu.hub.models import Reason
from yungu.kernel.db import Session, upsert
from yungu.kernel.events import Fact
from yungu.scenarios.matching import queries
from yungu.scenarios.matching.contacts import OTHER
from yungu.scenarios.matching.models import MatchSide, mutes
from yungu.scenarios.matching.queries import Proposal
from yungu.scenarios.matching.service import may_see
from yungu.scenarios.models import Side

_LISTS: Mapping[MatchSide, Side] = {"demand": "opportunity", "provider": "capability"}


def notify(session: Session, facts: Sequence[Fact]) -> None:
    """Tell both sides: the listener of ``events.NOTIFIED``."""
    known = _proposals(session, {int(fact.payload["match_id"]) for fact in facts})
    keepers, muted = dict[int, Sequence[int]](), dict[int, set[int]]()
    for fact in facts:
        proposal = known.get(int(fact.payload["match_id"]))
        for side, reason in _calls(fact, proposal):
            assert proposal is not None
            item_id, owner_id = _item_of(proposal, side)
            if owner_id not in keepers:
                keepers[owner_id] = hub.list_acting_for(session, owner_id, "admin", "write")
            if item_id not in muted:
                muted[item_id] = list_muting(session, item_id)
            silent = muted[item_id] if reason == "proposed" else set()
            for user_id in keepers[owner_id]:
                if user_id not in silent:
                    _tell(session, user_id, reason, proposal, side, fact)


def place_of_item(side: Side, code: str) -> str:
    """Where all that is proposed for an item is told."""
    return f"matches {side} {code}"


def place_of_match(number: int, side: MatchSide) -> str:
    """Where one side of a match hears of the other."""
    return f"match {number} {side}"


def mute(session: Session, user_id: int, item_id: int) -> None:
    """Let the user hear nothing of what is proposed for an item."""
    upsert(session, mutes, {"user_id": user_id, "item_id": item_id}, keys=["user_id", "item_id"], update=[])


def unmute(session: Session, user_id: int, item_id: int) -> None:
    session.execute(sa.delete(mutes).where(mutes.c.user_id == user_id, mutes.c.item_id == item_id))


def list_muting(session: Session, item_id: int) -> set[int]:
    """The numbers of those who want to hear of no proposals for an item."""
    return set(session.scalars(sa.select(mutes.c.user_id).where(mutes.c.item_id == item_id)))


def _proposals(session: Session, numbers: Collection[int]) -> Mapping[int, Proposal]:
    found = queries.list_proposals(session, match_ids=numbers) if numbers else []
    return {one.match.id: one for one in found}


def _calls(fact: Fact, proposal: Proposal | None) -> Iterator[tuple[MatchSide, Reason]]:
    """Which sides hear of a fact, and as what."""
    if proposal is None:
        return
    if fact.kind == "MatchProposed":
        heard: list[tuple[MatchSide, Reason]] = [(side, "proposed") for side in OTHER]
        heard = heard if proposal.match.status == "proposed" else []
    elif fact.kind == "MatchContacted":
        heard = [(OTHER[fact.payload["side"]], "wrote")]
    else:
        heard = [(OTHER[fact.payload["side"]], "agreed" if fact.payload["answer"] == "yes" else "declined")]
    yield from ((side, reason) for side, reason in heard if may_see(proposal, {side}))


def _item_of(proposal: Proposal, side: MatchSide) -> tuple[int, int]:
    """Its number and its owner's."""
    match = proposal.match
    if side == "demand":
        return match.opportunity_id, proposal.opportunity_owner_id
    return match.capability_id, proposal.capability_owner_id


def _tell(session: Session, user_id: int, reason: Reason, proposal: Proposal, side: MatchSide, fact: Fact) -> None:
    titles = {"demand": proposal.opportunity_title, "provider": proposal.capability_title}
    codes = {"demand": proposal.opportunity_code, "provider": proposal.capability_code}
    if reason == "proposed":
        hub.tell(session, user_id, reason, place_of_item(_LISTS[side], codes[side]), subject=titles[side], fact=fact)
    else:
        place = place_of_match(proposal.match.id, side)
        hub.tell(session, user_id, reason, place, subject=titles[OTHER[side]], fact=fact)
