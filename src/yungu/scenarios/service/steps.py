"""The way of an item through its statuses: each step is checked by the one table, and is a fact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.kernel import clock
from yungu.kernel.db import Database, Session
from yungu.scenarios import events, queries
from yungu.scenarios.errors import (
    ApprovalMissing,
    ItemDenied,
    ObjectionOpen,
    OwnReview,
    RoleNeeded,
    StepImpossible,
    Unready,
)
from yungu.scenarios.models import Item, Opinion, RoleName, Status, claims, items, reviews
from yungu.scenarios.queries import Viewed
from yungu.scenarios.rules import lint, workflow
from yungu.scenarios.service.items import lock, locked, named, note

_EVENTS: Mapping[str, type[events.OnItem]] = {
    "submit": events.ItemSubmitted,
    "review": events.ReviewStarted,
    "return": events.ItemReturned,
    "open": events.ClaimingOpened,
    "match": events.OpportunityMatched,
    "validate": events.ValidationStarted,
    "accept": events.OpportunityAccepted,
    "fail": events.ValidationFailed,
    "promote": events.ItemPromoted,
    "expire": events.ItemExpired,
    "withdraw": events.ItemWithdrawn,
}
_REVIEWING: tuple[RoleName, ...] = ("compliance", "expert", "operator")
_AT_ONCE = 200


def move_item(
    session: Session, code: str, step: str, actor: Actor, *, reason: str = "", caused_by: int | None = None
) -> Item:
    """Take a step of `yungu.scenarios.rules.workflow`. ``caused_by``: the fact that led to it, if not the item's last.

    Raises ItemNotFound, ItemDenied, OwnReview, StepImpossible, ReasonMissing; on handing in Unready; on publishing
    ObjectionOpen, ApprovalMissing; ``supersede`` has a function of its own."""
    viewed = locked(session, code, actor)
    item = viewed.item
    if step == "supersede":
        raise StepImpossible(item.code, step, item.status)
    taken = workflow.check_step(item, step, viewed.parts, reason, is_applicant=viewed.is_applicant)
    _check(session, viewed, step)
    return take(session, item, step, taken.after, actor, reason=reason.strip(), caused_by=caused_by)


def take(
    session: Session,
    item: Item,
    step: str,
    after: Status,
    actor: Actor | None,
    *,
    reason: str = "",
    caused_by: int | None = None,
) -> Item:
    """Write a step that was allowed."""
    event = _event(item, step)(**named(item), reason=reason[:2000])
    note(session, item, step, after, event, actor, caused_by=caused_by)
    now = clock.now()
    row: dict[str, Any] = {"status": after, "moved_at": now}
    if step == "submit":
        row |= {"submitted_by": actor.id if actor else None, "confirmed_at": now}
    if after == "published":
        row |= {"confirmed_at": now, "stale_told_at": None}
    if after in ("failed", "withdrawn", "superseded", "expired"):
        _end_claims(session, item, now)
        row["taken_count"] = 0
    session.execute(sa.update(items).where(items.c.id == item.id).values(row))
    if after in ("accepted", "failed"):
        _free_capabilities(session, item)
    return queries.get_item_by_id(session, item.id)


def review_item(
    session: Session, code: str, actor: Actor, opinion: Opinion, text: str = "", *, role: RoleName | None = None
) -> Item:
    """Say what one thinks of the present version, in a role that one has. Raises ItemNotFound, RoleNeeded, OwnReview,
    StepImpossible, ItemDenied for an objection without words."""
    viewed = locked(session, code, actor)
    item = viewed.item
    role = role or next((one for one in _REVIEWING if one in viewed.parts), None)
    if role not in _REVIEWING or role not in viewed.parts:
        raise RoleNeeded(role or "expert")
    if viewed.is_applicant:
        raise OwnReview(item.code)
    if item.status not in ("submitted", "reviewing"):
        raise StepImpossible(item.code, "opinion", item.status)
    if opinion == "object" and not text.strip():
        raise ItemDenied(item.code, "an objection says why")
    if item.status == "submitted":
        item = take(session, item, "review", "reviewing", actor)
    row = {"item_id": item.id, "version": item.version, "reviewer_id": actor.id, "role": role, "opinion": opinion}
    session.execute(sa.insert(reviews).values(row | {"text": text.strip()[:4000], "at": clock.now()}))
    event = events.ItemReviewed(**named(item), role=role, opinion=opinion, reason=text.strip()[:2000])
    note(session, item, "opinion", item.status, event, actor)
    return queries.get_item_by_id(session, item.id)


def supersede_item(session: Session, code: str, actor: Actor, *, by: str, reason: str) -> Item:
    """Put the item ``by`` in its place: of two that mean the same one stays. Raises ItemNotFound, ItemDenied,
    StepImpossible, ReasonMissing."""
    other = queries.visible_item(session, by, actor).item
    viewed = locked(session, code, actor)
    item = viewed.item
    workflow.check_step(item, "supersede", viewed.parts, reason, is_applicant=viewed.is_applicant)
    if other.side != item.side or other.id == item.id or other.status in ("withdrawn", "superseded"):
        raise StepImpossible(other.code, "supersede", other.status)
    event = events.ItemSuperseded(**named(item), reason=reason.strip()[:2000], superseded_by=other.id)
    note(session, item, "supersede", "superseded", event, actor)
    now = clock.now()
    _end_claims(session, item, now)
    row = {"status": "superseded", "superseded_by": other.id, "moved_at": now, "taken_count": 0}
    session.execute(sa.update(items).where(items.c.id == item.id).values(row))
    return queries.get_item_by_id(session, item.id)


def expire_due(database: Database, now: datetime) -> int:
    """Let items expire whose last day is over, or that nobody has confirmed for half a year; tell once of those that
    nobody has confirmed for long. How many were touched."""
    with database.read() as session:
        numbers = list(session.scalars(sa.select(items.c.id).where(_due(now)).limit(_AT_ONCE)))
    for number in numbers:
        with database.write() as session:
            _expire(session, number, now)
    return len(numbers)


def _due(now: datetime) -> sa.ColumnElement[bool]:
    published = items.c.status.in_(("published", "claiming"))
    over = items.c.ends_on < now.astimezone(workflow.CHINA).date()
    silent = items.c.confirmed_at <= now - workflow.EXPIRES_UNCONFIRMED_AFTER
    stale = sa.and_(items.c.confirmed_at <= now - workflow.STALE_AFTER, items.c.stale_told_at.is_(None))
    return sa.and_(published, sa.or_(over, silent, stale))


def _expire(session: Session, number: int, now: datetime) -> None:
    lock(session, number)
    if session.scalar(sa.select(items.c.id).where(items.c.id == number, _due(now))) is None:
        return
    item = queries.get_item_by_id(session, number)
    ends_on = session.scalar(sa.select(items.c.ends_on).where(items.c.id == number))
    if workflow.is_over(ends_on, now):
        take(session, item, "expire", "expired", None, reason="deadline")
    elif now - item.confirmed_at >= workflow.EXPIRES_UNCONFIRMED_AFTER:
        take(session, item, "expire", "expired", None, reason="unconfirmed")
    else:
        note(session, item, "stale", item.status, events.ItemGoneStale(**named(item)), None)
        session.execute(sa.update(items).where(items.c.id == number).values(stale_told_at=now))


def _event(item: Item, step: str) -> type[events.OnItem]:
    if step in ("publish", "republish"):
        return events.OpportunityPublished if item.side == "opportunity" else events.CapabilityPublished
    return _EVENTS[step]


def _check(session: Session, viewed: Viewed, step: str) -> None:
    item = viewed.item
    if step == "submit" and (missing := lint.errors(item.content)):
        raise Unready(item.code, [one.message for one in missing], [one.code for one in missing])
    if step == "publish":
        _check_opinions(session, item)
    if step == "match" and not item.taken_count:
        raise StepImpossible(item.code, "match", item.status)


def _check_opinions(session: Session, item: Item) -> None:
    """The last word of each reviewer on this version counts."""
    last = {one.reviewer: one for one in queries.list_reviews(session, item.id) if one.version == item.version}
    for one in last.values():
        if one.opinion == "object":
            raise ObjectionOpen(item.code, one.reviewer)
    if not last:
        raise ApprovalMissing(item.code)


def _end_claims(session: Session, item: Item, now: datetime) -> None:
    """What was claimed or under way is over; the capabilities are free again."""
    _free_capabilities(session, item)
    waiting = sa.update(claims).where(claims.c.opportunity_id == item.id, claims.c.status == "declared")
    session.execute(waiting.values(status="declined", reason="The opportunity is over.", decided_at=now))


def _free_capabilities(session: Session, item: Item) -> None:
    """The accepted claims take up no more of their capabilities' capacity."""
    if item.side != "opportunity" or not item.taken_count:
        return
    used = sa.select(claims.c.capability_id).where(claims.c.opportunity_id == item.id, claims.c.status == "accepted")
    for number in sorted(session.scalars(used)):
        less = sa.update(items).where(items.c.id == number, items.c.taken_count > 0)
        session.execute(less.values(taken_count=items.c.taken_count - 1))
