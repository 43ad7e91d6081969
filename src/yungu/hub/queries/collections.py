"""Collections, as far as an actor may know of them and of what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from yungu.accounts.errors import SignInRequired
from yungu.accounts.models import Actor, members, owners
from yungu.hub import rules
from yungu.hub.errors import CollectionDenied, CollectionItemNotFound, CollectionNotFound
from yungu.hub.models import Collection, CollectionItem, Repo, Skill, collection_items, collections, repos, skills
from yungu.hub.queries.registries import SKILL
from yungu.hub.queries.repos import REPO
from yungu.kernel.db import Session
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

_c, _i = collections.c, collection_items.c
_COLUMNS = (
    _c.id, _c.owner_id, owners.c.name, _c.title, _c.description, _c.is_private, _c.theme, _c.position, _c.updated_at,
)  # fmt: skip
_COLLECTION = sa.select(*_COLUMNS).join(owners, owners.c.id == _c.owner_id)
_NUMBER = re.compile(r"(?:^|[/-])([0-9a-f]{24})$")


def visible_collection(session: Session, slug: str, actor: Actor) -> Collection:
    """The collection that the number at the end of ``slug`` means. Raises CollectionNotFound alike for the missing and
    the hidden."""
    found = _NUMBER.search(slug)
    number = int(found[1], 16) if found else 0
    row = session.execute(_COLLECTION.where(_c.id == number)).first() if 0 < number < 2**63 else None
    if row is None or not rules.may_see_collection(actor, Collection(*row)):
        raise CollectionNotFound(slug)
    return Collection(*row)


def curated_collection(session: Session, slug: str, actor: Actor) -> Collection:
    """A collection that the actor may change. Raises CollectionNotFound, SignInRequired, CollectionDenied."""
    collection = visible_collection(session, slug, actor)
    if actor.user is None:
        raise SignInRequired
    if not rules.may_curate(actor, collection.owner_id, collection.owner):
        raise CollectionDenied(collection.owner)
    return collection


def find_titled_collection(session: Session, owner_id: int, title: str) -> Collection | None:
    """The owner's collection of that title, whatever its case."""
    row = session.execute(_COLLECTION.where(_c.owner_id == owner_id, _c.key == title.casefold())).first()
    return Collection(*row) if row else None


def list_collections(
    session: Session,
    actor: Actor,
    *,
    namespaces: Sequence[str] = (),
    holding: Sequence[int] | None = None,
    search: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Collection]:
    """Collections that the actor may know of, the latest changed first. ``holding``: that have one of these repos (by
    number)."""
    query = _matching(actor, namespaces, search)
    if holding is not None:
        query = query.where(_c.id.in_(sa.select(_i.collection_id).where(_i.repo_id.in_(holding))))
    if cursor:
        moment, last = decode_cursor(cursor, datetime, int)
        query = query.where(sa.or_(_c.updated_at < moment, sa.and_(_c.updated_at == moment, _c.id < last)))
    rows = session.execute(query.order_by(_c.updated_at.desc(), _c.id.desc()).limit(limit + 1)).all()
    shown = [Collection(*row) for row in rows[:limit]]
    more = encode_cursor(shown[-1].updated_at, shown[-1].id) if len(rows) > limit else None
    return Page([item for item in shown if rules.may_see_collection(actor, item)], more)


def search_collections(
    session: Session, actor: Actor, *, namespaces: Sequence[str] = (), search: str = "", skip: int, limit: int
) -> tuple[Sequence[Collection], int]:
    """For clients that ask for pages by number: the same, and how many match in all."""
    matching = _matching(actor, namespaces, search)
    rows = session.execute(matching.order_by(_c.updated_at.desc(), _c.id.desc()).offset(skip).limit(limit))
    total = session.scalar(sa.select(sa.func.count()).select_from(matching.subquery()))
    return [found for row in rows if rules.may_see_collection(actor, found := Collection(*row))], int(total or 0)


def list_collection_items(
    session: Session, of: Iterable[Collection], actor: Actor, *, first: int | None = None
) -> Mapping[int, Sequence[CollectionItem]]:
    """Collection id to what is in it, in order, as far as the actor may know of it. ``first``: of the first so many."""
    numbers = [collection.id for collection in of]
    where: list[sa.ColumnElement[bool]] = [_i.collection_id.in_(numbers)]
    if first is not None:
        where.append(_i.position < first)
    entry = (_i.id, _i.collection_id, _i.position, _i.note)
    held = sa.select(*entry, *REPO).join(repos, repos.c.id == _i.repo_id).where(*where)
    found = [_item(row, Repo) for row in session.execute(held)]
    inner = sa.select(*entry, *_COLUMNS).join(collections, _c.id == _i.inner_id)
    inner = inner.join(owners, owners.c.id == _c.owner_id).where(*where)
    found += [_item(row, Collection) for row in session.execute(inner)]
    known = sa.select(*entry, *SKILL).join(skills, skills.c.id == _i.skill_id)
    known = known.join(owners, owners.c.id == skills.c.owner_id).where(*where)
    found += [_item(row, Skill) for row in session.execute(known)]
    grouped: dict[int, list[CollectionItem]] = {number: [] for number in numbers}
    for item in sorted(found, key=lambda item: item.position):
        if _may_see(actor, item.target):
            grouped[item.collection_id].append(item)
    return grouped


def get_collection_item(session: Session, collection: Collection, number: int, actor: Actor) -> CollectionItem:
    """Raises CollectionItemNotFound."""
    for item in list_collection_items(session, [collection], actor)[collection.id]:
        if item.id == number:
            return item
    raise CollectionItemNotFound(f"#{number}")


def _matching(actor: Actor, namespaces: Sequence[str], search: str) -> sa.Select[Any]:
    query = _COLLECTION.where(_visible_to(actor))
    if namespaces:
        query = query.where(owners.c.key.in_([name.casefold() for name in namespaces]))
    if search:
        query = query.where(_c.key.contains(search.casefold(), autoescape=True))
    return query


def _item(row: Sequence[Any], target: type[Repo | Collection | Skill]) -> CollectionItem:
    number, collection_id, position, note, *fields = row
    return CollectionItem(number, collection_id, position, note, target(*fields))


def _may_see(actor: Actor, target: Repo | Collection | Skill) -> bool:
    match target:
        case Repo():
            return rules.may_read(actor, target)
        case Skill():
            return rules.may_see_skill(actor, target)
        case Collection():
            return rules.may_see_collection(actor, target)


def _visible_to(actor: Actor) -> sa.ColumnElement[bool]:
    """The same rule as ``rules.may_see_collection``, as SQL, for everything but the token's own limits."""
    if actor.user is None:
        return _c.is_private.is_(False)
    if actor.is_site_admin:
        return sa.true()
    shared = sa.select(members.c.organization_id).where(members.c.user_id == actor.id)
    return sa.or_(_c.is_private.is_(False), _c.owner_id == actor.id, _c.owner_id.in_(shared))
