"""Reading holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from yungu.credits.errors import HoldNotFound
from yungu.credits.models import Hold, Part, hold_parts, holds
from yungu.kernel.db import Session, columns
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

_HOLD = columns(Hold, holds)
_PART = columns(Part, hold_parts)
_c = holds.c


def get_hold(session: Session, number: int, *, lock: bool = False) -> Hold:
    """Raises HoldNotFound."""
    query = sa.select(*_HOLD).where(_c.id == number)
    row = session.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise HoldNotFound(number)
    return Hold(*row)


def find_hold(session: Session, spender_id: int, request_id: str) -> Hold | None:
    query = sa.select(*_HOLD).where(_c.spender_id == spender_id, _c.request_id == request_id)
    row = session.execute(query).first()
    return Hold(*row) if row else None


def list_parts(session: Session, hold_id: int) -> Sequence[Part]:
    """Which voucher pays what of a hold, in the order of spending."""
    query = sa.select(*_PART).where(hold_parts.c.hold_id == hold_id).order_by(hold_parts.c.place)
    return [Part(*row) for row in session.execute(query)]


def list_holds(session: Session, spender_id: int, *, limit: int, cursor: str | None = None) -> Page[Hold]:
    """A spender's holds, the newest first."""
    query = sa.select(*_HOLD).where(_c.spender_id == spender_id).order_by(_c.id.desc()).limit(limit + 1)
    if cursor:
        query = query.where(_c.id < decode_cursor(cursor, int)[0])
    found = [Hold(*row) for row in session.execute(query)]
    return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)


def list_expired_holds(session: Session, now: datetime, *, limit: int) -> Sequence[int]:
    """Open holds whose time is over, oldest first."""
    query = sa.select(_c.id).where(_c.state == "open", _c.expires_at <= now).order_by(_c.expires_at, _c.id)
    return list(session.scalars(query.limit(limit)))
