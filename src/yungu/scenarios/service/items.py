"""Writing items: each change is a new version, and nobody overwrites what they have not seen."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import Actor, Owner
from yungu.accounts.rules import includes
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record
from yungu.scenarios import queries
from yungu.scenarios.errors import ItemDenied, StepImpossible, VersionOutdated
from yungu.scenarios.events import ItemConfirmed, ItemDrafted, ItemEdited, OnItem
from yungu.scenarios.models import (
    CapabilityContent,
    Content,
    Item,
    OpportunityContent,
    Side,
    Status,
    facets,
    history,
    items,
    versions,
)
from yungu.scenarios.queries import Viewed
from yungu.scenarios.rules import contents, likeness, lint, workflow
from yungu.search.words import text_words

_LETTERS: Mapping[Side, str] = {"opportunity": "O", "capability": "C"}


def create_item(
    session: Session,
    side: Side,
    content: Content,
    actor: Actor,
    owner: Owner,
    *,
    batch: str = "",
    caused_by: int | None = None,
) -> Item:
    """A draft that belongs to ``owner``: the actor, or an organization that they write for; an operator writes for
    anybody. Raises SignInRequired, ItemDenied, ContentInvalid."""
    workflow.check_may_act(actor)
    is_own = owner.id == actor.id or includes(actor.roles.get(owner.id), "write")
    if not (is_own or actor.is_site_admin or "operator" in queries.roles_of(session, actor.id)):
        raise ItemDenied(owner.name, "write for this owner")
    content, now = contents.check(content), clock.now()
    row: dict[str, Any] = {"side": side, "code": secrets.token_hex(8), "owner_id": owner.id, "status": "draft"}
    row |= {"version": 1, "batch": batch, "created_at": now, "changed_at": now, "confirmed_at": now, "moved_at": now}
    number = new_id(session.execute(sa.insert(items).values(**row, **_told(content))))
    code = f"{_LETTERS[side]}-{now:%Y}-{number:04d}"
    session.execute(sa.update(items).where(items.c.id == number).values(code=code))
    _keep_version(session, number, 1, content, actor, now)
    item = queries.get_item_by_id(session, number)
    note(session, item, "draft", "draft", ItemDrafted(**named(item)), actor, caused_by=caused_by)
    return queries.get_item_by_id(session, number)


def edit_item(
    session: Session, code: str, content: Content, actor: Actor, *, based_on: int, caused_by: int | None = None
) -> Item:
    """A new version in place of version ``based_on``; unchanged content makes none. What its owner changes after
    publication is handed in anew.

    Raises ItemNotFound, ItemDenied, StepImpossible, VersionOutdated, ContentInvalid."""
    viewed = locked(session, code, actor)
    item = viewed.item
    if item.status not in workflow.EDITABLE:
        raise StepImpossible(item.code, "edit", item.status)
    if not workflow.may_edit(item, viewed.parts):
        raise ItemDenied(item.code, "edit")
    content = contents.check(content)
    changed = contents.differences(item.content, content)
    if based_on != item.version:
        raise VersionOutdated(item.code, based_on, item.version, item.content, changed)
    if not changed:
        return item
    after = workflow.status_after_edit(item, viewed.parts, is_applicant=viewed.is_applicant)
    now, version = clock.now(), item.version + 1
    row: dict[str, Any] = {"version": version, "changed_at": now, "confirmed_at": now, "status": after}
    row |= {"stale_told_at": None, "submitted_by": actor.id if after == "submitted" else item.submitted_by}
    row |= {"moved_at": now if after != item.status else item.moved_at}
    session.execute(sa.update(items).where(items.c.id == item.id).values(**row, **_told(content)))
    _keep_version(session, item.id, version, content, actor, now)
    event = ItemEdited(**(named(item) | {"version": version}), reason=", ".join(changed))
    note(session, item, "edit", after, event, actor, caused_by=caused_by)
    return queries.get_item_by_id(session, item.id)


def confirm_item(session: Session, code: str, actor: Actor) -> Item:
    """Its owner says that it is still real. Raises ItemNotFound, ItemDenied, StepImpossible."""
    viewed = locked(session, code, actor)
    item = viewed.item
    if not {"owner", "operator"} & viewed.parts:
        raise ItemDenied(item.code, "confirm")
    if item.status not in ("published", "claiming", "matched", "promoted"):
        raise StepImpossible(item.code, "confirm", item.status)
    session.execute(sa.update(items).where(items.c.id == item.id).values(confirmed_at=clock.now(), stale_told_at=None))
    note(session, item, "confirm", item.status, ItemConfirmed(**named(item)), actor)
    return queries.get_item_by_id(session, item.id)


def locked(session: Session, code: str, actor: Actor) -> Viewed:
    """The item as it is now; nobody else changes it until this transaction ends. Raises SignInRequired,
    ItemNotFound."""
    viewed = queries.visible_item(session, code, actor)
    workflow.check_may_act(actor)
    lock(session, viewed.item.id)
    item = queries.get_item_by_id(session, viewed.item.id)
    return Viewed(item, viewed.parts, viewed.is_partner, viewed.is_applicant)


def lock(session: Session, *numbers: int) -> None:
    """In the order of their numbers, so that two who want the same never wait for each other."""
    wanted = sa.select(items.c.id).where(items.c.id.in_(numbers)).order_by(items.c.id)
    session.execute(wanted.with_for_update())


def named(item: Item) -> dict[str, Any]:
    """The fields that every fact about an item has."""
    return {"item_id": item.id, "side": item.side, "code": item.code, "version": item.version}


def note(
    session: Session,
    item: Item,
    what: str,
    after: Status,
    event: OnItem,
    actor: Actor | None,
    *,
    caused_by: int | None = None,
) -> int:
    """Record a fact, as one that the item's last fact led to unless another is named, and a line of its history."""
    by = actor.id if actor else None
    number = record(session, event, actor_id=by, caused_by=caused_by or item.last_event_id or None)
    line: dict[str, Any] = {"item_id": item.id, "what": what, "before": item.status, "after": after, "by_id": by}
    line |= {"version": event.version, "reason": event.reason[:2000], "at": clock.now(), "event_id": number}
    session.execute(sa.insert(history).values(line))
    session.execute(sa.update(items).where(items.c.id == item.id).values(last_event_id=number))
    return number


def _told(content: Content) -> dict[str, Any]:
    """The columns that follow from the content."""
    match content:
        case OpportunityContent(budget_most=budget, deadline=ends_on):
            pass
        case CapabilityContent(expires_on=ends_on):
            budget = None
    return {
        "content": contents.pack(content),
        "title": contents.title_of(content)[:400],
        "words": f" {text_words(contents.all_text(content))} ",
        "confidentiality": content.confidentiality,
        "budget": budget,
        "ends_on": ends_on,
        "score": lint.score(lint.lint(content)),
        "sketch_zh": likeness.sketch(content, "zh"),
        "sketch_en": likeness.sketch(content, "en"),
    }


def _keep_version(session: Session, number: int, version: int, content: Content, actor: Actor, now: datetime) -> None:
    row = {"item_id": number, "version": version, "content": contents.pack(content), "by_id": actor.id, "at": now}
    session.execute(sa.insert(versions).values(row))
    session.execute(sa.delete(facets).where(facets.c.item_id == number))
    found = contents.facets_of(content)
    rows = [{"item_id": number, "name": name, "value": value} for name, values in found.items() for value in values]
    if rows:
        session.execute(sa.insert(facets), rows)
