"""What happened: immutable rows written in the transaction of the change itself (an outbox).

Lower floors record, upper floors listen by reading the rows in order; nobody below knows who listens.

    def welcome(session, facts):            # in the transaction that moves the listener on: exactly once for rows
        for fact in facts:
            ...

    while events.listen(database, "welcome", welcome, kinds=["UserJoined"]):
        pass

A listener with a memory of its own (a search index) keeps the position itself and asks ``read_after``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu.kernel import clock
from yungu.kernel.db import OF_THIS_DATABASE, BigId, Database, Json, Moment, Session, metadata, remember, upsert
from yungu.kernel.prepared import Prepared


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all facts; a subclass is named in the past tense and its fields are its payload."""


# Indexes hold only the rows that are looked for: each page that a call of a model changes is written twice.
_OF_REPO, _OF_TURN = sa.text("repo_id IS NOT NULL"), sa.text("turn > 0")

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor_id", BigId),
    sa.Column("repo_id", BigId),
    sa.Column("caused_by", BigId),
    sa.Column("payload", Json, nullable=False),
    sa.Column("origin", sa.String(64)),
    sa.Column("turn", sa.BigInteger, nullable=False, server_default="0", info=OF_THIS_DATABASE),
    sa.Index("ix_events_kind_id", "kind", "id"),
    sa.Index("ix_events_turn_id", "turn", "id", sqlite_where=_OF_TURN, postgresql_where=_OF_TURN),
    sa.Index("ix_events_actor_id", "actor_id", "id", sqlite_where=_OF_REPO, postgresql_where=_OF_REPO),
    sa.Index("ix_events_repo_id", "repo_id", sqlite_where=_OF_REPO, postgresql_where=_OF_REPO),
)
"""``turn``: the number of the writing transaction on PostgreSQL, where a later id may be committed first; 0 on SQLite,
which has one writer."""

listeners = sa.Table(
    "event_listeners",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("turn", sa.BigInteger, nullable=False, server_default="0", info=OF_THIS_DATABASE),
    sa.Column("event_id", sa.BigInteger, nullable=False),
)

_FIELDS = ("kind", "at", "actor_id", "repo_id", "caused_by", "payload", "origin")


def _insert(dialect: str) -> sa.Executable:
    turn = sa.text("0" if dialect == "sqlite" else "pg_current_xact_id()::text::bigint")
    return sa.insert(events).values(turn=turn).returning(events.c.id)


_INSERT = Prepared(_insert, columns=_FIELDS)

_CERTAIN = (_OF_TURN, events.c.turn < sa.text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))

Position = tuple[int, int]
"""How far a listener has read: (turn, event id)."""

START: Position = (0, 0)


@dataclass(frozen=True, slots=True)
class Fact:
    """One recorded event. ``payload``: the fields of the event class that ``kind`` names."""

    id: int
    kind: str
    at: datetime
    actor_id: int | None
    repo_id: int | None
    caused_by: int | None
    payload: dict[str, Any]
    turn: int

    @property
    def position(self) -> Position:
        return self.turn, self.id


_origin: ContextVar[str | None] = ContextVar("origin", default=None)


@contextmanager
def coming_from(origin: str) -> Iterator[None]:
    """Facts recorded inside, in this thread or task, say that what led to them came from this address."""
    token = _origin.set(origin[:64])
    try:
        yield
    finally:
        _origin.reset(token)


def record(
    session: Session, event: Event, *, actor_id: int | None, repo_id: int | None = None, caused_by: int | None = None
) -> int:
    """Write ``event`` as a fact of this transaction and return its id.

    ``caused_by`` is the id of the event that led to this one; None means that it came from outside."""
    row = {
        "kind": type(event).__name__,
        "at": clock.now(),
        "actor_id": actor_id,
        "repo_id": repo_id,
        "caused_by": caused_by,
        "payload": msgspec.to_builtins(event),
        "origin": _origin.get(),
    }
    made = _INSERT.first(session, row)
    assert made is not None
    return int(made[0])


def read_after(session: Session, position: Position, *, limit: int, kinds: Sequence[str] = ()) -> Sequence[Fact]:
    """The next facts in an order that never grows in its past, oldest first; of every kind where none is named.

    On PostgreSQL a fact waits until no transaction older than its own is open, so none can appear before it later
    (``pg_snapshot_xmin``, https://www.postgresql.org/docs/15/functions-info.html)."""
    turn, event_id = position
    query = sa.select(*(events.c[name] for name in Fact.__slots__))
    if kinds:
        query = query.where(events.c.kind.in_(kinds))
    if session.dialect.name == "postgresql":
        later = sa.or_(events.c.turn > turn, sa.and_(events.c.turn == turn, events.c.id > event_id))
        query = query.where(later, *_CERTAIN).order_by(events.c.turn, events.c.id)
    else:
        query = query.where(events.c.id > event_id).order_by(events.c.id)
    return [Fact(*row) for row in session.execute(query.limit(limit))]


def list_causes(session: Session, event_id: int, *, most: int = 200) -> Sequence[Fact]:
    """A fact and what led to it, step by step, back to what came from outside or to ``most`` facts."""
    first = sa.select(events.c.id, events.c.caused_by, sa.literal(1).label("step")).where(events.c.id == event_id)
    chain = first.cte("chain", recursive=True)
    before = sa.select(events.c.id, events.c.caused_by, chain.c.step + 1).where(events.c.id == chain.c.caused_by)
    chain = chain.union_all(before.where(chain.c.step < most))
    query = sa.select(*(events.c[name] for name in Fact.__slots__)).join(chain, chain.c.id == events.c.id)
    return [Fact(*row) for row in session.execute(query.order_by(chain.c.step))]


def find_end(session: Session) -> Position:
    """The position of the newest fact that ``read_after`` would give: where a listener begins that minds no past."""
    newest = sa.select(events.c.turn, events.c.id).limit(1)
    if session.dialect.name == "postgresql":
        newest = newest.where(*_CERTAIN).order_by(events.c.turn.desc(), events.c.id.desc())
    else:
        newest = newest.order_by(events.c.id.desc())
    row = session.execute(newest).first()
    return (row[0], row[1]) if row else START


def newest_id(session: Session) -> int:
    """The number of the fact that was written last, 0 before the first: cheap enough to be asked all the time. On
    PostgreSQL ``read_after`` may give it a moment later."""
    return remember(session, (newest_id,), lambda: int(session.scalar(sa.select(sa.func.max(events.c.id))) or 0))


def newest_heard_id(session: Session, after: int, *, but: Sequence[str]) -> int:
    """The number of the newest fact beyond ``after`` that is not of the kinds ``but``; 0 when there is none."""
    newest = sa.select(sa.func.max(events.c.id)).where(events.c.id > after, events.c.kind.not_in(but))
    return int(session.scalar(newest) or 0)


def listen(
    database: Database,
    name: str,
    handle: Callable[[Session, Sequence[Fact]], None],
    *,
    kinds: Sequence[str],
    limit: int = 200,
) -> int:
    """Hand the next facts to ``handle`` and remember, in the same transaction, that ``name`` has had them; how many.

    What ``handle`` writes happens once for each fact, whatever dies in between and however many processes listen."""
    with database.read() as session:
        position, end = _find_position(session, name), find_end(session)
        known, looked = database.looked_through.get(name, (position, position))
        start = looked if known == position else position  # other facts since then were looked through before
        if end <= start:
            return 0
        if not read_after(session, start, limit=1, kinds=kinds):
            database.looked_through[name] = position, end
            return 0
    with database.write() as session:
        upsert(session, listeners, {"name": name, "turn": 0, "event_id": 0}, keys=["name"], update=[])
        facts = read_after(session, _find_position(session, name, lock=True), limit=limit, kinds=kinds)
        if facts:
            handle(session, facts)
            turn, event_id = facts[-1].position
            moved = sa.update(listeners).where(listeners.c.name == name).values(turn=turn, event_id=event_id)
            session.execute(moved)
    return len(facts)


def _find_position(session: Session, name: str, *, lock: bool = False) -> Position:
    query = sa.select(listeners.c.turn, listeners.c.event_id).where(listeners.c.name == name)
    row = session.execute(query.with_for_update() if lock else query).first()
    return (row[0], row[1]) if row else START
