"""Reading budgets and claims: what whoever runs the hub wants to know of all credits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from yungu.credits.models import Budget, Due, Earned, Voucher, accounts, transfers, vouchers
from yungu.credits.queries.vouchers import read_voucher
from yungu.kernel.db import Session, columns
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

_VOUCHER = columns(Voucher, vouchers)
_c = accounts.c


def list_budgets(session: Session) -> Sequence[Budget]:
    """All pots, by name."""
    pots = session.execute(sa.select(_c.code, _c.credits_posted, _c.debits_posted).where(_c.kind == "budget"))
    grants = _grants(session)
    back = {row.code: row.credits_posted for row in session.execute(_BACK)}
    found = list[Budget]()
    for code, came, went in pots:
        name = code.removeprefix("budget:")
        count, granted, left, held, gone = grants.get(name, (0, 0, 0, 0, 0))
        expired, clawed_back = back.get(f"expired:{name}", 0), back.get(f"clawed_back:{name}", 0)
        redeemed = gone - expired - clawed_back
        found.append(Budget(name, came - went, granted, count, left, held, redeemed, expired, clawed_back))
    return sorted(found, key=lambda budget: budget.name)


def list_granted(
    session: Session, *, budget: str | None = None, limit: int, cursor: str | None = None
) -> Page[tuple[Voucher, int]]:
    """Vouchers, of one pot or all, the newest first, and what is left on each."""
    left = (_c.credits_posted - _c.debits_posted - _c.debits_pending).label("left")
    query = sa.select(*_VOUCHER, left).join(accounts, _c.id == vouchers.c.account_id).order_by(vouchers.c.id.desc())
    if budget is not None:
        query = query.where(vouchers.c.budget == budget)
    if cursor:
        query = query.where(vouchers.c.id < decode_cursor(cursor, int)[0])
    found = [(read_voucher(row[:-1]), int(row[-1])) for row in session.execute(query.limit(limit + 1))]
    return Page(found[:limit], encode_cursor(found[limit - 1][0].id) if len(found) > limit else None)


def list_earned(session: Session, *, limit: int) -> Sequence[Earned]:
    """What was redeemed and is not claimed yet, the largest first."""
    rest = (_c.credits_posted - _c.debits_posted).label("rest")
    query = sa.select(_c.provider_id, _c.owner_id, rest).where(_c.kind == "redeemed", rest > 0)
    return [Earned(*row) for row in session.execute(query.order_by(rest.desc(), _c.id).limit(limit))]


def list_due(session: Session) -> Sequence[Due]:
    """What each provider has claimed, to be paid and paid."""
    rest = _c.credits_posted - _c.debits_posted
    query = sa.select(_c.provider_id, _c.kind, rest).where(_c.kind.in_(("payable", "paid"))).order_by(_c.id)
    found: dict[int | None, Due] = {}
    for provider_id, kind, amount in session.execute(query):
        before = found.get(provider_id, Due(provider_id, 0, 0))
        payable, paid = (amount, before.paid) if kind == "payable" else (before.payable, amount)
        found[provider_id] = Due(provider_id, payable, paid)
    return list(found.values())


_BACK = sa.select(_c.code, _c.credits_posted).where(_c.kind.in_(("expired", "clawed_back")))


def _grants(session: Session) -> dict[str, tuple[int, int, int, int, int]]:
    """Of each pot: how many vouchers, how much on them in all, what is left, of that held, what has left them."""
    count = sa.func.count()
    held, gone = sa.func.sum(_c.debits_pending), sa.func.sum(_c.debits_posted)
    granted, left = sa.func.sum(vouchers.c.amount), sa.func.sum(_c.credits_posted - _c.debits_posted)
    query = sa.select(vouchers.c.budget, count, granted, left, held, gone)
    rows = session.execute(query.join(accounts, _c.id == vouchers.c.account_id).group_by(vouchers.c.budget))
    return {row[0]: (int(row[1]), int(row[2]), int(row[3]), int(row[4]), int(row[5])) for row in rows}


def spent_by_fund(session: Session, owner_id: int, since: datetime) -> dict[int | None, int]:
    """What an owner has paid with each voucher, and with cash (None), since a moment."""
    query = (
        sa.select(vouchers.c.id, sa.func.sum(transfers.c.amount))
        .select_from(transfers)
        .join(accounts, _c.id == transfers.c.debit_id)
        .outerjoin(vouchers, vouchers.c.account_id == _c.id)
        .where(_c.owner_id == owner_id, _c.kind.in_(("issued", "cash")))
        .where(transfers.c.kind == sa.literal_column("'post'"), transfers.c.at >= since)
        .group_by(vouchers.c.id)
    )
    return {row[0]: int(row[1]) for row in session.execute(query)}
