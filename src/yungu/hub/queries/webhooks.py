"""Webhooks, of their owner only, and what is on its way to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from yungu.hub import rules
from yungu.hub.errors import DeliveryNotFound, WebhookNotFound
from yungu.hub.models import Delivery, Kind, Watched, Webhook, webhook_deliveries, webhook_places, webhooks
from yungu.kernel import clock
from yungu.kernel.db import Session, columns

_WEBHOOK = columns(Webhook, webhooks)
_DELIVERY = columns(Delivery, webhook_deliveries)
_d = webhook_deliveries.c


def list_webhooks(session: Session, owner_id: int) -> Sequence[Webhook]:
    rows = session.execute(sa.select(*_WEBHOOK).where(webhooks.c.owner_id == owner_id).order_by(webhooks.c.id))
    return [_read(row) for row in rows]


def get_webhook(session: Session, owner_id: int, number: int) -> Webhook:
    """Raises WebhookNotFound, also for somebody else's."""
    where = (webhooks.c.id == number) & (webhooks.c.owner_id == owner_id)
    row = session.execute(sa.select(*_WEBHOOK).where(where)).first()
    if row is None:
        raise WebhookNotFound
    return _read(row)


def list_watching(session: Session, kind: Kind, repo_id: str) -> Sequence[Webhook]:
    """The enabled webhooks, of everybody, that watch the repo or whoever owns it."""
    places = webhook_places.c.place.in_(rules.places_of(kind, repo_id))
    found = sa.select(webhook_places.c.webhook_id).where(places)
    query = sa.select(*_WEBHOOK).where(webhooks.c.id.in_(found), webhooks.c.is_disabled.is_(False))
    return [_read(row) for row in session.execute(query.order_by(webhooks.c.id))]


def find_enabled_webhook(session: Session, number: int) -> Webhook | None:
    """Whoever owns it; None also for one that is disabled."""
    where = (webhooks.c.id == number) & webhooks.c.is_disabled.is_(False)
    row = session.execute(sa.select(*_WEBHOOK).where(where)).first()
    return _read(row) if row else None


def list_deliveries(session: Session, webhook: Webhook, *, limit: int = 50) -> Sequence[Delivery]:
    """The latest first."""
    query = sa.select(*_DELIVERY).where(_d.webhook_id == webhook.id).order_by(_d.id.desc()).limit(limit)
    return [Delivery(*row) for row in session.execute(query)]


def get_delivery(session: Session, webhook: Webhook, number: int) -> Delivery:
    """Raises DeliveryNotFound."""
    row = session.execute(sa.select(*_DELIVERY).where(_d.id == number, _d.webhook_id == webhook.id)).first()
    if row is None:
        raise DeliveryNotFound
    return Delivery(*row)


def has_due_delivery(session: Session) -> bool:
    """Whether any is due, of enabled webhooks or not."""
    return session.scalar(sa.select(_d.id).where(_d.next_try_at <= clock.now()).limit(1)) is not None


def list_due_deliveries(
    session: Session, now: datetime, *, limit: int, per_owner: int, busy: Collection[int]
) -> Sequence[Delivery]:
    """The oldest that is due of each enabled webhook but those that are ``busy``, not held by another transaction: at
    most ``per_owner`` of the webhooks of one owner, busy ones counted, the first of every owner before all second."""
    owner_id = webhooks.c.owner_id
    counted = sa.select(owner_id, sa.func.count()).where(webhooks.c.id.in_(busy)).group_by(owner_id)
    at_work: dict[int, int] = {row[0]: row[1] for row in session.execute(counted)}
    waiting = sa.select(sa.func.min(_d.id).label("id"), owner_id).join(webhooks, webhooks.c.id == _d.webhook_id)
    due = waiting.where(_d.next_try_at <= now, _d.webhook_id.not_in(busy), webhooks.c.is_disabled.is_(False))
    first = due.group_by(_d.webhook_id, owner_id).subquery()
    turn: sa.ColumnElement[int] = sa.func.row_number().over(partition_by=first.c.owner_id, order_by=first.c.id)
    if at_work:
        turn = turn + sa.case(at_work, value=first.c.owner_id, else_=0)
    turns = sa.select(first.c.id, turn.label("turn")).subquery()
    query = sa.select(*_DELIVERY).join(turns, turns.c.id == _d.id).where(turns.c.turn <= per_owner)
    locked = query.order_by(turns.c.turn, _d.id).limit(limit).with_for_update(skip_locked=True, of=webhook_deliveries)
    return [Delivery(*row) for row in session.execute(locked)]


def _read(row: sa.Row[Any]) -> Webhook:
    values = row._asdict()
    return Webhook(**(values | {"watched": tuple(Watched(**item) for item in values["watched"])}))
