"""Collections come, change and go. Positions count from 0 and have no gaps after a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from yungu import accounts
from yungu.accounts.models import Actor, owners
from yungu.hub import queries, rules
from yungu.hub.errors import (
    CollectionDenied,
    CollectionExists,
    CollectionItemExists,
    CollectionItemInvalid,
    TextMissing,
    TextTooLong,
)
from yungu.hub.events import CollectionCreated, CollectionDeleted, CollectionItemAdded
from yungu.hub.models import Collection, CollectionItem, Repo, Skill, collection_items, collections
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.events import record

MAX_TITLE_LENGTH = 120
MAX_TEXT_LENGTH = 1000
MAX_ITEMS = 1000
_COLUMNS: Mapping[type, str] = {Repo: "repo_id", Collection: "inner_id", Skill: "skill_id"}


def create_collection(
    session: Session, namespace: str, title: str, actor: Actor, *, description: str = "", is_private: bool = False
) -> Collection:
    """Raises SignInRequired, CollectionDenied, TextMissing, TextTooLong, CollectionExists (a title is there once)."""
    if actor.user is None:
        raise accounts.SignInRequired
    owner = accounts.find_owner(session, namespace)
    if owner is None or not rules.may_curate(actor, owner.id, owner.name):
        raise CollectionDenied(namespace)
    title, now = _free_title(session, owner.id, title), clock.now()
    row = {
        "owner_id": owner.id, "title": title, "key": title.casefold(), "description": _text("description", description),
        "is_private": is_private, "created_at": now, "updated_at": now,
    }  # fmt: skip
    number = session.execute(sa.insert(collections).values(row).returning(collections.c.id)).scalar_one()
    record(session, CollectionCreated(collection_id=number, owner_id=owner.id), actor_id=actor.id)
    return queries.visible_collection(session, f"{number:024x}", actor)


def change_collection(
    session: Session,
    collection: Collection,
    actor: Actor,
    *,
    title: str | None = None,
    description: str | None = None,
    is_private: bool | None = None,
    theme: str | None = None,
    position: int | None = None,
) -> Collection:
    """Change what is given. The slug changes with the title, the former one still leads here. Raises TextMissing,
    TextTooLong, CollectionExists."""
    values: dict[str, Any] = {"is_private": is_private, "theme": theme, "position": position}
    if description is not None:
        values["description"] = _text("description", description)
    if title is not None:
        values["title"] = _free_title(session, collection.owner_id, title, but=collection.id)
        values["key"] = values["title"].casefold()
    _update(session, collection, {name: value for name, value in values.items() if value is not None})
    return queries.visible_collection(session, collection.slug, actor)


def delete_collection(session: Session, collection: Collection, actor: Actor) -> None:
    session.execute(sa.delete(collections).where(collections.c.id == collection.id))
    event = CollectionDeleted(collection_id=collection.id, owner_id=collection.owner_id)
    record(session, event, actor_id=actor.id)


def add_collection_item(
    session: Session, collection: Collection, target: Repo | Collection | Skill, actor: Actor, *, note: str = ""
) -> None:
    """Put a repo, another collection or a skill, visible to the actor, at the end. Raises CollectionItemExists,
    CollectionItemInvalid for the collection itself or the 1001st item, TextTooLong."""
    note = _text("note", note)
    if isinstance(target, Collection) and target.id == collection.id:
        raise CollectionItemInvalid("A collection cannot hold itself.")
    order = _lock(session, collection)
    if len(order) >= MAX_ITEMS:
        raise CollectionItemInvalid(f"A collection holds at most {MAX_ITEMS} items.")
    row = {"collection_id": collection.id, _COLUMNS[type(target)]: target.id, "position": len(order), "note": note}
    try:
        with session.begin_nested():
            session.execute(sa.insert(collection_items).values(row))
    except sa.exc.IntegrityError:
        raise CollectionItemExists(target.repo_id if isinstance(target, Repo) else target.slug) from None
    _reorder(session, order)
    _update(session, collection, {})
    repo_id = target.id if isinstance(target, Repo) else None
    record(session, CollectionItemAdded(collection_id=collection.id), actor_id=actor.id, repo_id=repo_id)


def change_collection_item(
    session: Session,
    collection: Collection,
    item: CollectionItem,
    *,
    note: str | None = None,
    position: int | None = None,
) -> None:
    """Change an item's note, or move it to a position; beyond the end means to the end. Raises TextTooLong."""
    if note is not None:
        changed = sa.update(collection_items).where(collection_items.c.id == item.id)
        session.execute(changed.values(note=_text("note", note)))
    if position is not None:
        order = [number for number in _lock(session, collection) if number != item.id]
        order.insert(max(0, position), item.id)
        _reorder(session, order)
    _update(session, collection, {})


def remove_collection_item(session: Session, collection: Collection, item: CollectionItem) -> None:
    order = [number for number in _lock(session, collection) if number != item.id]
    session.execute(sa.delete(collection_items).where(collection_items.c.id == item.id))
    _reorder(session, order)
    _update(session, collection, {})


def _lock(session: Session, collection: Collection) -> list[int]:
    """The numbers of the items in order; on PostgreSQL nobody else can change it until this transaction ends."""
    session.execute(sa.select(collections.c.id).where(collections.c.id == collection.id).with_for_update())
    c = collection_items.c
    return list(session.scalars(sa.select(c.id).where(c.collection_id == collection.id).order_by(c.position, c.id)))


def _reorder(session: Session, order: Sequence[int]) -> None:
    """Write the positions where they differ: a repo that was deleted leaves a gap."""
    for position, number in enumerate(order):
        here = (collection_items.c.id == number) & (collection_items.c.position != position)
        session.execute(sa.update(collection_items).where(here).values(position=position))


def _update(session: Session, collection: Collection, values: dict[str, Any]) -> None:
    here = collections.c.id == collection.id
    session.execute(sa.update(collections).where(here).values(updated_at=clock.now(), **values))


def _free_title(session: Session, owner_id: int, text: str, *, but: int | None = None) -> str:
    """The cleaned title, if no collection of the owner ``but`` this one has it. The owner's row is locked so that this
    stays true."""
    title = " ".join(text.split())
    if not title:
        raise TextMissing("title")
    if len(title) > MAX_TITLE_LENGTH:
        raise TextTooLong("title", MAX_TITLE_LENGTH)
    session.execute(sa.select(owners.c.id).where(owners.c.id == owner_id).with_for_update(key_share=True))
    held = queries.find_titled_collection(session, owner_id, title)
    if held is not None and held.id != but:
        raise CollectionExists(title, held.slug)
    return title


def _text(what: str, text: str) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        raise TextTooLong(what, MAX_TEXT_LENGTH)
    return text
