"""What people have done on the hub of late, as far as the reader may know of it: read from the recorded facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import Actor, follows, owners
from yungu.hub import rules
from yungu.hub.models import Repo, repos
from yungu.hub.queries.lists import visible_to
from yungu.hub.queries.repos import REPO
from yungu.kernel.db import Session
from yungu.kernel.events import events
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

TOLD = ("RepoCreated", "CommitPushed", "DiscussionOpened", "RepoLiked")
"""The kinds of facts that lists of activities tell."""
COUNTED = (*TOLD[:3], "DiscussionCommented")
"""The kinds of facts that the days of a calendar count."""

_NUMBERS = sa.select(events.c.id).join(repos, repos.c.id == events.c.repo_id)


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that ``who`` did to a repo. ``kind`` and ``payload``: of the recorded fact."""

    id: int
    kind: str
    at: datetime
    who: str
    payload: Mapping[str, Any]
    repo: Repo


def count_daily(session: Session, user_id: int, reader: Actor, *, since: datetime) -> Mapping[date, int]:
    """How much a user did on each day (UTC) since then; days without anything are left out."""
    day = sa.func.date(events.c.at if session.dialect.name == "sqlite" else sa.func.timezone("UTC", events.c.at))
    query = (
        sa.select(day, sa.func.count())
        .join(repos, repos.c.id == events.c.repo_id)
        .where(events.c.actor_id == user_id, events.c.at >= since, events.c.kind.in_(COUNTED), visible_to(reader))
        .group_by(day)
    )
    return {
        row[0] if isinstance(row[0], date) else date.fromisoformat(row[0]): row[1] for row in session.execute(query)
    }


def list_activities(
    session: Session, owner_id: int, reader: Actor, *, limit: int, cursor: str | None = None
) -> Page[Activity]:
    """What a user did, and what was done to repos of an organization, the latest first."""
    before = decode_cursor(cursor, int)[0] if cursor else None
    found = _by_and_on(session, [owner_id], reader, limit=limit + 1, before=before)
    more = encode_cursor(found[limit - 1].id) if len(found) > limit else None
    return Page(found[:limit], more)


def list_followed_activities(session: Session, user_id: int, reader: Actor, *, limit: int) -> Sequence[Activity]:
    """The latest of what those did whom a user follows, and of what was done to their repos."""
    followed = session.scalars(sa.select(follows.c.followed_id).where(follows.c.follower_id == user_id)).all()
    found = _by_and_on(session, followed, reader, limit=limit) if followed else []
    return [activity for activity in found if activity.who != (reader.name or "")]


def _by_and_on(
    session: Session, owner_ids: Sequence[int], reader: Actor, *, limit: int, before: int | None = None
) -> list[Activity]:
    people = sa.select(owners.c.id).where(owners.c.id.in_(owner_ids))
    owned = sa.select(repos.c.id).where(repos.c.owner_id.in_(owner_ids), visible_to(reader))
    told = [events.c.kind.in_(TOLD), sa.exists().where(owners.c.id == events.c.actor_id), visible_to(reader)]
    told += [] if before is None else [events.c.id < before]
    by = _latest(session, people, events.c.actor_id, told, limit)
    on = _latest(session, owned, events.c.repo_id, told, limit)
    return _read(session, sorted({*by, *on}, reverse=True)[:limit], reader)


def _latest(
    session: Session,
    keys: sa.Select[tuple[int]],
    column: sa.ColumnElement[int | None],
    told: Sequence[sa.ColumnElement[bool]],
    limit: int,
) -> Sequence[int]:
    """The numbers of the latest facts in whose ``column`` one of the keys stands.

    Each key is asked for its last one, and those with the latest for as many as are wanted: each question is answered
    in order by an index, while one about all of them at once would sort everything that ever happened."""
    key = keys.subquery()
    of_key = _NUMBERS.where(column == key.c.id, *told).order_by(events.c.id.desc())
    last = of_key.limit(1).correlate(key).scalar_subquery()
    ends = sa.select(key.c.id, last.label("last")).subquery()
    query = sa.select(ends.c.id).where(ends.c.last.is_not(None)).order_by(ends.c.last.desc()).limit(limit)
    newest = [
        sa.select(_NUMBERS.where(column == number, *told).order_by(events.c.id.desc()).limit(limit).subquery())
        for number in session.scalars(query)
    ]
    return session.scalars(sa.union_all(*newest)).all() if newest else []


def _read(session: Session, numbers: Sequence[int], reader: Actor) -> list[Activity]:
    e = events.c
    query = (
        sa.select(e.id, e.kind, e.at, owners.c.name, e.payload, *REPO)
        .select_from(events.join(owners, owners.c.id == e.actor_id).join(repos, repos.c.id == e.repo_id))
        .where(e.id.in_(numbers))
    )
    rows = session.execute(query.order_by(e.id.desc()))
    found = [Activity(number, kind, at, who, payload, Repo(*of)) for number, kind, at, who, payload, *of in rows]
    return [activity for activity in found if rules.may_read(reader, activity.repo)]
