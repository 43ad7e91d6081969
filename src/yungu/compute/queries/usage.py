"""Reading what calls used: lists, receipts, sums."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from yungu import credits
from yungu.compute.errors import CallNotFound
from yungu.compute.models import CallRecord, Paid, Prices, Receipt, Total, usages
from yungu.credits.models import holds
from yungu.credits.rules.vouchers import charge
from yungu.kernel.db import Session, columns
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

_CALL = columns(CallRecord, usages)
_c = usages.c
_PRICES = [column.name for column in _CALL].index("prices")
_SUMS = (
    sa.func.count().label("calls"),
    sa.func.sum(_c.prompt_tokens),
    sa.func.sum(_c.completion_tokens),
    sa.func.sum(_c.device_seconds),
    sa.func.sum(_c.amount),
)


def list_calls(
    session: Session,
    *,
    payer_id: int | None = None,
    user_id: int | None = None,
    deployment_id: int | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[CallRecord]:
    """The calls that somebody paid or made, or that a deployment answered, the newest first. Raises CursorInvalid."""
    query = sa.select(*_CALL).order_by(_c.id.desc()).limit(limit + 1)
    for column, value in ((_c.payer_id, payer_id), (_c.user_id, user_id), (_c.deployment_id, deployment_id)):
        if value is not None:
            query = query.where(column == value)
    if cursor:
        query = query.where(_c.id < decode_cursor(cursor, int)[0])
    found = [_call(row) for row in session.execute(query)]
    return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)


def get_call(session: Session, number: int) -> CallRecord:
    """Raises CallNotFound."""
    row = session.execute(sa.select(*_CALL).where(_c.id == number)).first()
    if row is None:
        raise CallNotFound(number)
    return _call(row)


def find_call_of_hold(session: Session, hold_id: int) -> CallRecord | None:
    """The call that a hold was for, None as long as it runs, or when nothing was heard of it again."""
    row = session.execute(sa.select(*_CALL).where(_c.hold_id == hold_id)).first()
    return _call(row) if row else None


def get_receipt(session: Session, number: int) -> Receipt:
    """Raises CallNotFound."""
    call = get_call(session, number)
    if call.hold_id is None:
        return Receipt(call, 0, [])
    held = credits.get_hold(session, call.hold_id)
    shares = zip(held.parts, charge(held.parts, call.amount), strict=True)
    return Receipt(call, held.amount, [Paid(part.voucher_id, amount) for part, amount in shares if amount])


def list_wrong_receipts(session: Session) -> Sequence[tuple[int, int, int]]:
    """Calls whose amount is not what was paid from their hold: (call, amount, paid). There should be none."""
    paid = sa.func.coalesce(holds.c.settled_amount, 0)
    query = sa.select(_c.id, _c.amount, paid).outerjoin(holds, holds.c.id == _c.hold_id).where(_c.amount != paid)
    return [(row[0], row[1], row[2]) for row in session.execute(query.order_by(_c.id).limit(1000))]


def sum_by_day(session: Session, payer_id: int, since: datetime) -> Sequence[Total]:
    """What was used and paid on each UTC day with calls, the oldest first."""
    day = (
        sa.func.date(_c.ended_at)
        if session.dialect.name == "sqlite"
        else sa.cast(sa.func.timezone("UTC", _c.ended_at), sa.Date)
    )
    rows = session.execute(_sums(payer_id, since, day).order_by(day))
    return [Total(_day(row[0]), None, *row[1:]) for row in rows]


def sum_by_model(session: Session, payer_id: int, since: datetime) -> Sequence[Total]:
    """The same for each model, the dearest first."""
    rows = session.execute(_sums(payer_id, since, _c.model).order_by(sa.func.sum(_c.amount).desc(), _c.model))
    return [Total(None, row[0], *row[1:]) for row in rows]


def _sums(payer_id: int, since: datetime, key: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return sa.select(key, *_SUMS).where(_c.payer_id == payer_id, _c.ended_at >= since).group_by(key)


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _call(row: Any) -> CallRecord:
    values = list(row)
    values[_PRICES] = Prices(**values[_PRICES])
    return CallRecord(*values)
