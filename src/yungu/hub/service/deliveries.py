"""Facts on their way to webhooks: queued once for each webhook that watches, tried until the address answers.

The first try comes at once, the others after the pauses of ``RETRY_AFTER_SECONDS``. A try whose process died is made
again when its claim has run out, so an address may hear the same delivery twice; its number tells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

import sqlalchemy as sa

from yungu.accounts import TokenInvalid, actor_for_user, get_owner_by_id
from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.errors import DeliveryNotFound
from yungu.hub.events import RepoDeleted
from yungu.hub.models import Delivery, Kind, Repo, Webhook, webhook_deliveries
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.events import Fact

RETRY_AFTER_SECONDS = (10, 60, 300, 1800, 7200, 21600)
KEPT_DELIVERIES = 200
MAX_ANSWER_LENGTH = 2000
_CLAIM_SECONDS = 120
_d = webhook_deliveries.c

Describe = Callable[[Session, Fact, Repo | None, Webhook], str | None]
"""The body that tells a webhook of a fact; None where there is nothing to tell."""


def queue_deliveries(session: Session, facts: Sequence[Fact], describe: Describe) -> None:
    """Queue the facts for every webhook that watches their repo and whose owner may know of it now."""
    watching, owner_of = cache(partial(queries.list_watching, session)), cache(partial(_owner, session))
    rows = [row for fact in facts for row in _deliveries_of(session, fact, watching, owner_of, describe)]
    if rows:
        session.execute(sa.insert(webhook_deliveries), rows)


def claim_deliveries(session: Session, *, limit: int, per_owner: int, busy: Collection[int] = ()) -> Sequence[Delivery]:
    """Deliveries to be tried now, at most one for each webhook and none of those that are ``busy``, and at most
    ``per_owner`` at work for one owner. Nobody else gets them for the next two minutes."""
    due = queries.list_due_deliveries(session, clock.now(), limit=limit, per_owner=per_owner, busy=busy)
    claim = {"next_try_at": clock.now() + timedelta(seconds=_CLAIM_SECONDS)}
    session.execute(sa.update(webhook_deliveries).where(_d.id.in_([found.id for found in due])).values(claim))
    return due


def note_answer(session: Session, delivery: Delivery, *, status: int | None, text: str, seconds: float) -> None:
    """What came of a try. An answer of 2xx ends the delivery; so does the last try."""
    is_good = status is not None and 200 <= status < 300
    tries = delivery.tries_count + 1
    is_over = is_good or tries > len(RETRY_AFTER_SECONDS)
    pause = None if is_over else timedelta(seconds=RETRY_AFTER_SECONDS[tries - 1])
    values = {
        "status": "delivered" if is_good else "failed" if is_over else "waiting",
        "tries_count": tries,
        "answer_status": status,
        "answer_text": text[:MAX_ANSWER_LENGTH].replace("\0", ""),
        "answer_seconds": seconds,
        "tried_at": clock.now(),
        "next_try_at": clock.now() + pause if pause else None,
    }
    session.execute(sa.update(webhook_deliveries).where(_d.id == delivery.id).values(values))
    _forget_old(session, delivery.webhook_id)


def redeliver(session: Session, webhook: Webhook, number: int) -> None:
    """Begin a delivery anew, now. Raises DeliveryNotFound."""
    again = {"status": "waiting", "tries_count": 0, "next_try_at": clock.now()}
    changed = sa.update(webhook_deliveries).where(_d.id == number, _d.webhook_id == webhook.id).values(again)
    if session.execute(changed).rowcount == 0:
        raise DeliveryNotFound


def _deliveries_of(
    session: Session,
    fact: Fact,
    watching: Callable[[Kind, str], Sequence[Webhook]],
    owner_of: Callable[[int], Actor | None],
    describe: Describe,
) -> Iterator[dict[str, Any]]:
    repo = queries.find_repo_by_id(session, fact.repo_id) if fact.repo_id else None
    for webhook in watching(*named) if (named := _named(fact, repo)) else ():
        if (owner := owner_of(webhook.owner_id)) is None:
            continue
        if _may_hear(session, fact, repo, owner) and (body := describe(session, fact, repo, webhook)):
            yield _row(fact, webhook, body, clock.now())


def _row(fact: Fact, webhook: Webhook, body: str, now: datetime) -> dict[str, Any]:
    told = {"webhook_id": webhook.id, "event_id": fact.id, "kind": fact.kind, "body": body}
    return told | {"status": "waiting", "created_at": now, "next_try_at": now}


def _named(fact: Fact, repo: Repo | None) -> tuple[Kind, str] | None:
    """The repo of a fact, also one that is gone."""
    if repo is not None:
        return repo.kind, repo.repo_id
    return (fact.payload["kind"], fact.payload["repo"]) if fact.kind == RepoDeleted.__name__ else None


def _may_hear(session: Session, fact: Fact, repo: Repo | None, owner: Actor) -> bool:
    """What is said in discussions is for those who may read the files, as on the repo's own pages."""
    if repo is None:
        return fact.payload["owner_id"] == owner.id or fact.payload["owner_id"] in owner.roles
    if fact.kind.startswith("Discussion"):
        return queries.is_readable(session, repo, owner)
    return rules.may_read(owner, repo)


def _owner(session: Session, owner_id: int) -> Actor | None:
    try:
        return actor_for_user(session, get_owner_by_id(session, owner_id))
    except TokenInvalid:  # the account is disabled
        return None


def _forget_old(session: Session, webhook_id: int) -> None:
    kept = sa.select(_d.id).where(_d.webhook_id == webhook_id).order_by(_d.id.desc()).offset(KEPT_DELIVERIES).limit(1)
    oldest = session.scalar(kept)
    if oldest is not None:
        old = sa.delete(webhook_deliveries).where(_d.webhook_id == webhook_id, _d.id <= oldest)
        session.execute(old.where(_d.next_try_at.is_(None)))
