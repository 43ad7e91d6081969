"""Webhooks, of their owner only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from yungu.hub.errors import WebhookNotFound
from yungu.hub.models import Watched, Webhook, webhooks
from yungu.kernel.db import Session, columns

_WEBHOOK = columns(Webhook, webhooks)


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


def _read(row: sa.Row[Any]) -> Webhook:
    values = row._asdict()
    return Webhook(**(values | {"watched": tuple(Watched(**item) for item in values["watched"])}))
