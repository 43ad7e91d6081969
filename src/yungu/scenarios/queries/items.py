"""Items of both lists, as far as an actor may know of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import Actor, owners
from yungu.kernel.db import Session
from yungu.kernel.pages import Page, decode_cursor, encode_cursor
from yungu.scenarios.errors import ItemNotFound
from yungu.scenarios.models import (
    Capability,
    CapabilityContent,
    HistoryLine,
    Item,
    Opportunity,
    OpportunityContent,
    Part,
    Review,
    RoleName,
    Side,
    Status,
    Version,
    claims,
    facets,
    history,
    items,
    reviews,
    versions,
)
from yungu.scenarios.queries.people import roles_of
from yungu.scenarios.rules import contents, likeness, workflow
from yungu.search.words import query_words

_COLUMNS = (
    items.c.id, items.c.side, items.c.code, items.c.version, items.c.owner_id, owners.c.name.label("owner"),
    items.c.status, items.c.content, items.c.batch, items.c.submitted_by, items.c.superseded_by, items.c.taken_count,
    items.c.score, items.c.created_at, items.c.changed_at, items.c.confirmed_at, items.c.moved_at,
    items.c.last_event_id,
)  # fmt: skip
_ITEM = sa.select(*_COLUMNS).join(owners, owners.c.id == items.c.owner_id)
_AT_ONCE = 500
_MOST_ALIKE = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is asked for. ``facets``: name to value; ``words``: every one must be met; ``statuses`` empty: those
    that are shown to all, but neither expired nor superseded."""

    side: Side
    words: str = ""
    facets: Mapping[str, str] = field(default_factory=dict)
    statuses: Sequence[Status] = ()
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Viewed:
    """An item as one actor sees it: what they are to it, and whether their claim on it was accepted."""

    item: Item
    parts: frozenset[Part]
    is_partner: bool
    is_applicant: bool


def get_item_by_id(session: Session, number: int) -> Item:
    """For other domains and jobs: nobody's eyes. Raises ItemNotFound."""
    row = session.execute(_ITEM.where(items.c.id == number)).first()
    if row is None:
        raise ItemNotFound(f"#{number}")
    return read_item(row)


def get_item(session: Session, code: str) -> Item:
    """Raises ItemNotFound."""
    row = session.execute(_ITEM.where(items.c.code == code.upper()[:40])).first()
    if row is None:
        raise ItemNotFound(code)
    return read_item(row)


def visible_item(session: Session, code: str, actor: Actor, *, side: Side | None = None) -> Viewed:
    """The item, without its contact where the actor may not see that. Raises ItemNotFound alike for the missing and
    the hidden."""
    item = get_item(session, code)
    if side is not None and item.side != side:
        raise ItemNotFound(code)
    viewed = view(session, item, actor)
    if not workflow.may_see(actor, item, viewed.parts, is_partner=viewed.is_partner):
        raise ItemNotFound(code)
    return viewed


def view(session: Session, item: Item, actor: Actor) -> Viewed:
    parts = workflow.parts_of(actor, item, roles_of(session, actor.id))
    is_partner = actor.id is not None and item.id in _partnered(session, actor)
    shown = workflow.may_see_contact(parts, is_partner=is_partner)
    item = item if shown else replace(item, content=contents.masked(item.content))
    return Viewed(item, parts, is_partner, workflow.is_applicant(actor, item))


def list_items(session: Session, asked: Asked, actor: Actor, *, limit: int, cursor: str | None = None) -> Page[Item]:
    """Newest first, without contacts."""
    query = _matching(session, asked, actor)
    if cursor:
        moment, last = decode_cursor(cursor, datetime, int)
        query = query.where(sa.or_(items.c.moved_at < moment, sa.and_(items.c.moved_at == moment, items.c.id < last)))
    rows = session.execute(query.order_by(items.c.moved_at.desc(), items.c.id.desc()).limit(limit + 1)).all()
    found = [_masked(read_item(row)) for row in rows[:limit]]
    more = encode_cursor(found[-1].moved_at, found[-1].id) if len(rows) > limit else None
    return Page(found, more)


def count_facets(session: Session, asked: Asked, actor: Actor) -> Mapping[str, Sequence[tuple[str, int]]]:
    """For each facet its values and how many items have them, most first; of a facet that is itself asked for, as if
    it were not. ``status`` is one of them."""
    counted: dict[str, list[tuple[str, int]]] = {}
    names = {"domain", "region", "mode", "unit_kind", "budget", "provider_kind", "form", "maturity"}
    for group in [names - asked.facets.keys(), *({name} for name in asked.facets)]:
        others = {name: value for name, value in asked.facets.items() if name not in group}
        within = _ids(session, replace(asked, facets=others), actor)
        query = sa.select(facets.c.name, facets.c.value, sa.func.count()).where(
            facets.c.item_id.in_(within), facets.c.name.in_(sorted(group))
        )
        for name, value, count in session.execute(query.group_by(facets.c.name, facets.c.value)):
            counted.setdefault(name, []).append((value, count))
    within = _ids(session, replace(asked, statuses=sorted(workflow.SHOWN)), actor)
    by_status = sa.select(items.c.status, sa.func.count()).where(items.c.id.in_(within)).group_by(items.c.status)
    counted["status"] = [(row[0], row[1]) for row in session.execute(by_status)]
    return {name: sorted(values, key=lambda one: (-one[1], one[0])) for name, values in counted.items()}


def count_items(session: Session, asked: Asked, actor: Actor) -> int:
    within = _ids(session, asked, actor).subquery()
    return int(session.scalar(sa.select(sa.func.count()).select_from(within)) or 0)


def list_owned(session: Session, actor: Actor) -> Sequence[Item]:
    """The actor's own items and those of the organizations that they write for, whatever their status."""
    mine = [actor.id or 0, *(number for number, role in actor.roles.items() if role in ("write", "admin"))]
    query = _ITEM.where(sa.or_(items.c.owner_id.in_(mine), items.c.submitted_by == (actor.id or 0)))
    return [read_item(row) for row in session.execute(query.order_by(items.c.changed_at.desc()).limit(_AT_ONCE))]


def list_waiting(session: Session, statuses: Collection[Status], *, limit: int = 200) -> Sequence[Item]:
    """Items in these statuses, the longest waiting first: for those with a role."""
    query = _ITEM.where(items.c.status.in_(list(statuses))).order_by(items.c.moved_at, items.c.id).limit(limit)
    return [read_item(row) for row in session.execute(query)]


def list_featured(session: Session, *, limit: int) -> Sequence[Item]:
    """Public opportunities that look for somebody now, the best described and newest first."""
    open_now = _ITEM.where(
        items.c.side == "opportunity", items.c.status.in_(sorted(workflow.OPEN)), items.c.confidentiality == "public"
    )
    rows = session.execute(open_now.order_by(items.c.score.desc(), items.c.id.desc()).limit(limit))
    return [_masked(read_item(row)) for row in rows]


def iter_items(session: Session, asked: Asked, actor: Actor) -> Iterator[Item]:
    """All that match, by code, without contacts."""
    query = _matching(session, asked, actor).order_by(items.c.id)
    for row in session.execute(query.execution_options(yield_per=_AT_ONCE)):
        yield _masked(read_item(row))


def list_opportunities(
    session: Session, *, statuses: Collection[Status] = workflow.OPEN, ids: Collection[int] | None = None
) -> Sequence[Opportunity]:
    """For matching and jobs: nobody's eyes, no contacts."""
    return [as_opportunity(item) for item in _by_status(session, "opportunity", statuses, ids)]


def list_capabilities(
    session: Session,
    *,
    statuses: Collection[Status] = ("published", "promoted"),
    ids: Collection[int] | None = None,
) -> Sequence[Capability]:
    """For matching and jobs: nobody's eyes, no contacts."""
    return [as_capability(item) for item in _by_status(session, "capability", statuses, ids)]


def list_history(session: Session, item_id: int, *, is_public: bool = False) -> Sequence[HistoryLine]:
    """Everything that happened to an item, oldest first. ``is_public``: without names and reasons."""
    h = history.c
    query = sa.select(h.what, h.before, h.after, h.version, owners.c.name, h.reason, h.at, h.event_id)
    query = query.outerjoin(owners, owners.c.id == h.by_id).where(h.item_id == item_id).order_by(h.id)
    lines = [HistoryLine(*row) for row in session.execute(query)]
    return [replace(line, by=None, reason="") for line in lines] if is_public else lines


def list_public_versions(session: Session, item: Item, viewed: Viewed, *, is_signed_in: bool) -> Sequence[Version]:
    """Those that were published and that such a reader may read, oldest first, without names."""
    lines = list_history(session, item.id)
    first = min((line.version for line in lines if line.after == "published"), default=item.version)
    return [
        replace(one, by=None)
        for one in list_versions(session, item)
        if one.version >= first
        and workflow.may_read(one.content.confidentiality, is_signed_in=is_signed_in, is_partner=viewed.is_partner)
    ]


def list_versions(session: Session, item: Item) -> Sequence[Version]:
    """Oldest first, without contacts."""
    v = versions.c
    query = sa.select(v.version, v.content, owners.c.name, v.at).outerjoin(owners, owners.c.id == v.by_id)
    rows = session.execute(query.where(v.item_id == item.id).order_by(v.version))
    return [Version(row[0], contents.masked(contents.unpack(item.side, row[1])), row[2], row[3]) for row in rows]


def list_reviews(session: Session, item_id: int) -> Sequence[Review]:
    """Oldest first."""
    r = reviews.c
    query = sa.select(r.version, owners.c.name, r.role, r.opinion, r.text, r.at)
    query = query.outerjoin(owners, owners.c.id == r.reviewer_id).where(r.item_id == item_id).order_by(r.id)
    return [Review(row[0], row[1] or "", *row[2:]) for row in session.execute(query)]


def find_alike(session: Session, item_id: int) -> Sequence[tuple[Item, float]]:
    """Items of the same list that say nearly the same in one of the languages, and how alike they are, 0 to 1."""
    row = session.execute(
        sa.select(items.c.side, items.c.sketch_zh, items.c.sketch_en).where(items.c.id == item_id)
    ).one()
    best: dict[int, float] = {}
    for own, column in ((row.sketch_zh, items.c.sketch_zh), (row.sketch_en, items.c.sketch_en)):
        if own is None:
            continue
        live = sa.select(items.c.id, column).where(
            items.c.side == row.side, column.is_not(None), items.c.id != item_id,
            items.c.status.not_in(("withdrawn", "superseded")),
        )  # fmt: skip
        found = session.execute(live).all()
        for (number, _), share in zip(found, likeness.likeness(own, [other for _, other in found]), strict=True):
            if share >= likeness.ALIKE:
                best[number] = max(share, best.get(number, 0.0))
    nearest = sorted(best.items(), key=lambda one: -one[1])[:_MOST_ALIKE]
    return [(get_item_by_id(session, number), share) for number, share in nearest]


def count_alike(session: Session, side: Side, item_ids: Collection[int]) -> Mapping[int, int]:
    """Of each of these items of one list, how many others say nearly the same; those without any are left out."""
    live = items.c.status.not_in(("withdrawn", "superseded"))
    found: dict[int, set[int]] = {}
    for column in (items.c.sketch_zh, items.c.sketch_en):
        query = sa.select(items.c.id, column).where(items.c.side == side, column.is_not(None), live)
        sketched = {row[0]: row[1] for row in session.execute(query)}
        numbers, sketches = list(sketched), list(sketched.values())
        for own in sketched.keys() & set(item_ids):
            shares = likeness.likeness(sketched[own], sketches)
            near = {number for number, share in zip(numbers, shares, strict=True) if share >= likeness.ALIKE}
            found[own] = found.get(own, set()) | near - {own}
    return {number: len(others) for number, others in found.items() if others}


def count_by_status(session: Session) -> Mapping[Side, Mapping[Status, int]]:
    counted: dict[Side, dict[Status, int]] = {"opportunity": {}, "capability": {}}
    query = sa.select(items.c.side, items.c.status, sa.func.count()).group_by(items.c.side, items.c.status)
    for side, status, count in session.execute(query):
        counted[side][status] = count
    return counted


def list_stale(session: Session, now: datetime, *, limit: int = 100) -> Sequence[Item]:
    """Published and not confirmed for long, the longest first."""
    query = _ITEM.where(
        items.c.status.in_(("published", "claiming")), items.c.confirmed_at <= now - workflow.STALE_AFTER
    )
    return [read_item(row) for row in session.execute(query.order_by(items.c.confirmed_at).limit(limit))]


def list_ending(session: Session, until: datetime, *, limit: int = 100) -> Sequence[Item]:
    """Published items whose last day comes before ``until``, the nearest first."""
    query = _ITEM.where(items.c.status.in_(("published", "claiming")), items.c.ends_on <= until.date())
    return [read_item(row) for row in session.execute(query.order_by(items.c.ends_on).limit(limit))]


def time_in_review(session: Session) -> Mapping[int, float]:
    """Of the latest 500 reviews that ended: item id to seconds from being handed in to being published or returned."""
    h = history.c
    query = sa.select(h.item_id, h.what, h.at).where(h.what.in_(("submit", "publish", "return")))
    begun: dict[int, datetime] = {}
    taken: dict[int, float] = {}
    for number, what, at in reversed(session.execute(query.order_by(h.id.desc()).limit(3 * _AT_ONCE)).all()):
        if what == "submit":
            begun[number] = at
        elif number in begun:
            taken[number] = (at - begun.pop(number)).total_seconds()
    return taken


# --- rows to values


def read_item(row: Sequence[Any]) -> Item:
    values = list(row)
    values[7] = contents.unpack(row[1], row[7])
    return Item(*values)


def as_opportunity(item: Item) -> Opportunity:
    content = item.content
    assert isinstance(content, OpportunityContent)
    return Opportunity(**_identity(item), **_fields_of(content))


def as_capability(item: Item) -> Capability:
    content = item.content
    assert isinstance(content, CapabilityContent)
    return Capability(**_identity(item), **_fields_of(content))


def _identity(item: Item) -> dict[str, Any]:
    names = "id code version owner_id status batch created_at changed_at confirmed_at taken_count".split()
    return {name: getattr(item, name) for name in names}


def _fields_of(content: OpportunityContent | CapabilityContent) -> dict[str, Any]:
    return {name: getattr(content, name) for name in content.__slots__}


def _masked(item: Item) -> Item:
    return replace(item, content=contents.masked(item.content))


def _by_status(
    session: Session, side: Side, statuses: Collection[Status], ids: Collection[int] | None
) -> Iterator[Item]:
    query = _ITEM.where(items.c.side == side, items.c.status.in_(sorted(statuses)))
    if ids is not None:
        query = query.where(items.c.id.in_(sorted(ids)))
    return (_masked(read_item(row)) for row in session.execute(query.order_by(items.c.id)))


# --- who may see what, as SQL


def _matching(session: Session, asked: Asked, actor: Actor) -> sa.Select[Any]:
    return _ITEM.where(items.c.id.in_(_ids(session, asked, actor)))


def _ids(session: Session, asked: Asked, actor: Actor) -> sa.Select[Any]:
    query = sa.select(items.c.id).where(items.c.side == asked.side, _visible(session, actor))
    shown = asked.statuses or sorted(workflow.SHOWN - {"expired", "superseded", "failed"})
    query = query.where(items.c.status.in_(list(shown)))
    if asked.batch:
        query = query.where(items.c.batch == asked.batch)
    for name, value in asked.facets.items():
        having = sa.select(facets.c.item_id).where(facets.c.name == name, facets.c.value == value)
        query = query.where(items.c.id.in_(having))
    for word in query_words(asked.words):
        query = query.where(items.c.words.contains(f" {word.text} ", autoescape=True))
    return query


def _visible(session: Session, actor: Actor) -> sa.ColumnElement[bool]:
    """The same as ``workflow.may_see``."""
    roles: set[RoleName] = roles_of(session, actor.id)
    if actor.scope != "fine-grained" and (roles or actor.is_site_admin):
        return sa.true()
    readable = ["public"] if actor.user is None else ["public", "internal"]
    shown = sa.and_(items.c.status.in_(sorted(workflow.SHOWN)), items.c.confidentiality.in_(readable))
    if actor.id is None or actor.scope == "fine-grained":
        return shown
    mine = [actor.id, *(number for number, role in actor.roles.items() if role in ("write", "admin"))]
    partnered = sa.and_(items.c.status.in_(sorted(workflow.SHOWN)), items.c.id.in_(_partnered(session, actor)))
    return sa.or_(shown, items.c.owner_id.in_(mine), items.c.submitted_by == actor.id, partnered)


def _partnered(session: Session, actor: Actor) -> set[int]:
    """The opportunities on which a claim of the actor was accepted, and the capabilities accepted for theirs."""
    mine = [actor.id, *(number for number, role in actor.roles.items() if role in ("write", "admin"))]
    asked = claims.join(items, items.c.id == claims.c.opportunity_id)
    ours = sa.select(claims.c.opportunity_id, claims.c.capability_id, items.c.owner_id, claims.c.provider_id)
    accepted = ours.select_from(asked).where(
        claims.c.status == "accepted", sa.or_(claims.c.provider_id.in_(mine), items.c.owner_id.in_(mine))
    )
    found: set[int] = set()
    for opportunity, capability, owner, provider in session.execute(accepted):
        found |= ({opportunity} if provider in mine else set()) | ({capability} if owner in mine else set())
    return found
