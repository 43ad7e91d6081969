"""Imports, what was in them, and the names of firms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import owners
from yungu.kernel.db import Session
from yungu.scenarios.errors import BatchNotFound
from yungu.scenarios.models import Batch, BatchState, Entry, Side, batches, entries, firm_aliases
from yungu.scenarios.rules import contents

_b = batches.c
_BATCH: sa.Select[Any] = sa.select(
    _b.id, _b.side, _b.name, _b.file_name, _b.owner_id, owners.c.name.label("owner"), _b.made_by, _b.state, _b.sheets,
    _b.mapping, _b.created_at, _b.confirmed_at,
).join(owners, owners.c.id == _b.owner_id)  # fmt: skip


def get_batch(session: Session, number: int) -> Batch:
    """Raises BatchNotFound."""
    row = session.execute(_BATCH.where(_b.id == number)).first()
    if row is None:
        raise BatchNotFound(number)
    return Batch(*row)


def list_batches(
    session: Session, *, side: Side | None = None, name: str | None = None, state: BatchState | None = None
) -> Sequence[Batch]:
    """Newest first, without what was in their files."""
    lean = [column for column in _BATCH.selected_columns if column.key != "sheets"]
    query: sa.Select[Any] = _BATCH.with_only_columns(*lean)
    conditions = [
        _b.side == side if side else sa.true(),
        _b.name == name if name else sa.true(),
        _b.state == state if state else sa.true(),
    ]
    rows = session.execute(query.where(*conditions).order_by(_b.id.desc()).limit(200))
    return [Batch(*[*row[:8], (), *row[8:]]) for row in rows]


def list_entries(session: Session, batch: Batch) -> Mapping[str, Entry]:
    """Key to what a confirmed batch had there."""
    e = entries.c
    query = sa.select(e.key, e.item_id, e.content, e.outcome).where(e.batch_id == batch.id)
    return {
        row[0]: Entry(row[0], row[1], contents.unpack(batch.side, row[2]), row[3]) for row in session.execute(query)
    }


def list_aliases(session: Session) -> Mapping[str, str]:
    """Squeezed name of a firm to the name that it has here."""
    return {row[0]: row[1] for row in session.execute(sa.select(firm_aliases.c.key, firm_aliases.c.name))}
