"""Reading holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu.credits.errors import HoldNotFound
from yungu.credits.models import Hold, Part, holds
from yungu.kernel.db import Session, columns
from yungu.kernel.pages import Page, decode_cursor, encode_cursor
from yungu.kernel.prepared import Prepared

_HOLD = columns(Hold, holds)
_c = holds.c
_BY_ID = sa.select(*_HOLD).where(_c.id == sa.bindparam("number"))
_GET = Prepared(_BY_ID)
_LOCK = Prepared(_BY_ID.with_for_update())
_OF_SPENDER = (_c.spender_id == sa.bindparam("spender")) & (_c.request_id == sa.bindparam("request"))
_FIND = Prepared(sa.select(*_HOLD).where(_OF_SPENDER))


def get_hold(session: Session, number: int, *, lock: bool = False) -> Hold:
    """Raises HoldNotFound."""
    row = (_LOCK if lock else _GET).first(session, {"number": number})
    if row is None:
        raise HoldNotFound(number)
    return _hold(row)


def find_hold(session: Session, spender_id: int, request_id: str) -> Hold | None:
    row = _FIND.first(session, {"spender": spender_id, "request": request_id})
    return _hold(row) if row else None


def list_holds(session: Session, spender_id: int, *, limit: int, cursor: str | None = None) -> Page[Hold]:
    """A spender's holds, the newest first."""
    query = sa.select(*_HOLD).where(_c.spender_id == spender_id).order_by(_c.id.desc()).limit(limit + 1)
    if cursor:
        query = query.where(_c.id < decode_cursor(cursor, int)[0])
    found = [_hold(row) for row in session.execute(query)]
    return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)


def list_expired_holds(session: Session, now: datetime, *, limit: int) -> Sequence[int]:
    """Open holds whose time is over, oldest first."""
    is_open = _c.state == sa.literal_column("'open'")  # as the index of open holds says it
    query = sa.select(_c.id).where(is_open, _c.expires_at <= now).order_by(_c.expires_at, _c.id)
    return list(session.scalars(query.limit(limit)))


def _hold(row: Any) -> Hold:
    values = list(row)
    values[_PARTS] = msgspec.convert(values[_PARTS], list[Part])
    return Hold(*values)


_PARTS = [column.name for column in _HOLD].index("parts")
