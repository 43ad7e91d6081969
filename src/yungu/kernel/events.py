"""What happened: immutable rows written in the transaction of the change itself (an outbox).

Lower floors record, upper floors listen by reading the rows in order; nobody below knows who listens.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from yungu.kernel import clock
from yungu.kernel.db import BigId, Json, Moment, Session, metadata, new_id


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all facts; a subclass is named in the past tense and its fields are its payload."""


events = sa.Table(
    "events",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor_id", BigId),
    sa.Column("repo_id", BigId, index=True),
    sa.Column("caused_by", BigId),
    sa.Column("payload", Json, nullable=False),
    sa.Index("ix_events_kind_id", "kind", "id"),
)


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
    }
    return new_id(session.execute(sa.insert(events).values(row)))
