"""Looking back over what happened, newest first: who did what, when, and from where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from yungu.kernel.db import Session, columns
from yungu.kernel.events import events
from yungu.kernel.pages import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact. ``origin``: the address that the request came from, None for what happened here."""

    id: int
    kind: str
    at: datetime
    actor_id: int | None
    repo_id: int | None
    origin: str | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which facts; None filters nothing. ``since`` is included, ``until`` is not."""

    kinds: Sequence[str]
    actor_id: int | None = None
    repo_ids: Sequence[int] | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_entries(session: Session, wanted: AuditFilter, *, limit: int, cursor: str | None = None) -> Page[Entry]:
    """Newest first."""
    query = _query(wanted)
    if cursor:
        query = query.where(events.c.id < decode_cursor(cursor, int)[0])
    rows = session.execute(query.limit(limit + 1)).all()
    shown = [Entry(*row) for row in rows[:limit]]
    return Page(shown, encode_cursor(shown[-1].id) if len(rows) > limit else None)


def iter_entries(session: Session, wanted: AuditFilter, *, limit: int) -> Iterator[Entry]:
    """Newest first, in memory that does not grow."""
    for row in session.execute(_query(wanted).limit(limit).execution_options(yield_per=500)):
        yield Entry(*row)


def _query(wanted: AuditFilter) -> sa.Select[Any]:
    query = sa.select(*columns(Entry, events)).where(events.c.kind.in_(wanted.kinds))
    if wanted.actor_id is not None:
        query = query.where(events.c.actor_id == wanted.actor_id)
    if wanted.repo_ids is not None:
        query = query.where(events.c.repo_id.in_(wanted.repo_ids))
    if wanted.since is not None:
        query = query.where(events.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(events.c.at < wanted.until)
    return query.order_by(events.c.id.desc())
