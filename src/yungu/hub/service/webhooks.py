"""Webhooks as their owners set them up. What goes to them: `yungu.hub.service.deliveries`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from yungu.accounts.errors import SignInRequired
from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.errors import SettingsDenied, WebhookInvalid
from yungu.hub.models import Watched, Webhook, webhook_places, webhooks
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.trust import seal

MAX_WEBHOOKS = 100
MAX_WATCHED = 100
MAX_URL_LENGTH = 2000
MAX_SECRET_LENGTH = 200


def check_configuring(actor: Actor) -> int:
    """The number of the user whose settings these are. Raises SignInRequired, SettingsDenied."""
    if actor.id is None:
        raise SignInRequired
    if not rules.may_configure(actor):
        raise SettingsDenied
    return actor.id


def create_webhook(
    session: Session,
    site_secret: bytes,
    actor: Actor,
    *,
    url: str,
    watched: Sequence[Watched],
    domains: Sequence[str],
    secret: str | None = None,
) -> Webhook:
    """``domains``: "repo" (refs and settings), "discussion", or both. The secret is kept sealed with the server's own
    key. Raises SignInRequired, SettingsDenied, WebhookInvalid."""
    owner_id = check_configuring(actor)
    if len(queries.list_webhooks(session, owner_id)) >= MAX_WEBHOOKS:
        raise WebhookInvalid(f"There can be at most {MAX_WEBHOOKS} webhooks.")
    row = _checked(url=url, watched=watched, domains=domains) | _sealed(site_secret, owner_id, secret)
    row |= {"owner_id": owner_id, "created_at": clock.now()}
    number = session.execute(sa.insert(webhooks).values(row).returning(webhooks.c.id)).scalar_one()
    _place(session, number, watched)
    return queries.get_webhook(session, owner_id, number)


def change_webhook(
    session: Session,
    site_secret: bytes,
    webhook: Webhook,
    *,
    url: str | None = None,
    watched: Sequence[Watched] | None = None,
    domains: Sequence[str] | None = None,
    secret: str | None = None,
    is_disabled: bool | None = None,
) -> Webhook:
    """Change what is given. Raises WebhookInvalid."""
    values = _checked(url=url, watched=watched, domains=domains) | _sealed(site_secret, webhook.owner_id, secret)
    if is_disabled is not None:
        values["is_disabled"] = is_disabled
    if values:
        session.execute(sa.update(webhooks).where(webhooks.c.id == webhook.id).values(values))
    if watched is not None:
        _place(session, webhook.id, watched)
    return queries.get_webhook(session, webhook.owner_id, webhook.id)


def delete_webhook(session: Session, webhook: Webhook) -> None:
    session.execute(sa.delete(webhooks).where(webhooks.c.id == webhook.id))


def webhook_secret_place(owner_id: int) -> str:
    """Where alone the sealed secret of a user's webhook opens; see `yungu.trust`."""
    return f"webhook of {owner_id}"


def _checked(*, url: str | None, watched: Sequence[Watched] | None, domains: Sequence[str] | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if url is not None:
        values["url"] = _check_url(url)
    if watched is not None:
        if not 0 < len(watched) <= MAX_WATCHED:
            raise WebhookInvalid(f"A webhook watches 1 to {MAX_WATCHED} things.")
        values["watched"] = [asdict(item) for item in watched]
    if domains is not None:
        values["domains"] = sorted(set(domains))
    return values


def _place(session: Session, number: int, watched: Sequence[Watched]) -> None:
    """Let the webhook be found by what it watches now."""
    session.execute(sa.delete(webhook_places).where(webhook_places.c.webhook_id == number))
    rows = [{"webhook_id": number, "place": place} for place in sorted(rules.watched_places(watched))]
    session.execute(sa.insert(webhook_places), rows)


def _sealed(site_secret: bytes, owner_id: int, secret: str | None) -> dict[str, Any]:
    if secret is None:
        return {}
    if len(secret) > MAX_SECRET_LENGTH:
        raise WebhookInvalid(f"The secret is longer than {MAX_SECRET_LENGTH} characters.")
    return {"sealed_secret": seal(site_secret, webhook_secret_place(owner_id), secret)}


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= MAX_URL_LENGTH
    except ValueError:
        is_good = False
    if not is_good or any(ord(c) <= 0x20 for c in url):
        raise WebhookInvalid("The address of a webhook must begin with http:// or https:// and a host.")
    return url
