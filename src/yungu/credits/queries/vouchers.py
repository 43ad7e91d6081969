"""Reading vouchers and what an owner has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu.credits.errors import VoucherNotFound
from yungu.credits.models import Account, Fund, Scope, Voucher, Wallet, accounts, vouchers
from yungu.kernel.db import Session, columns
from yungu.kernel.prepared import Prepared

_VOUCHER = columns(Voucher, vouchers)
_ACCOUNT = columns(Account, accounts)
_c = vouchers.c
_has_some = (
    sa.or_(accounts.c.kind == "issued", accounts.c.kind == "cash")
    & (accounts.c.owner_id == sa.bindparam("owner"))
    & (accounts.c.credits_posted > accounts.c.debits_posted)
)
# Made once: building them takes longer than SQLite does.
_FUNDS = sa.select(*_ACCOUNT).where(_has_some).order_by(accounts.c.id)
_LOCK_FUNDS = Prepared(
    sa.select(*_ACCOUNT)
    .where(sa.or_(_has_some, accounts.c.code == sa.bindparam("redeemed")))
    .order_by(accounts.c.id)
    .with_for_update()
)
_VOUCHERS_WITH_SOME = Prepared(sa.select(*_VOUCHER).join(accounts, accounts.c.id == _c.account_id).where(_has_some))
_VOUCHERS_OF = sa.select(*_VOUCHER).where(_c.account_id.in_(sa.bindparam("accounts", expanding=True)))
_has_rest = accounts.c.credits_posted > accounts.c.debits_posted + accounts.c.debits_pending


def get_voucher(session: Session, number: int) -> Voucher:
    """Raises VoucherNotFound."""
    row = session.execute(sa.select(*_VOUCHER).where(_c.id == number)).first()
    if row is None:
        raise VoucherNotFound(number)
    return read_voucher(row)


def find_voucher(session: Session, key: str) -> Voucher | None:
    row = session.execute(sa.select(*_VOUCHER).where(_c.key == key)).first()
    return read_voucher(row) if row else None


def get_decision(session: Session, number: int) -> Any:
    """The verdict by which a voucher was granted, with its proof; None when it was granted by hand."""
    return session.scalar(sa.select(_c.decision).where(_c.id == number))


def list_vouchers(session: Session, owner_id: int) -> Sequence[Voucher]:
    """All vouchers of an owner, also those that are over; the newest first."""
    rows = session.execute(sa.select(*_VOUCHER).where(_c.owner_id == owner_id).order_by(_c.id.desc()))
    return [read_voucher(row) for row in rows]


def lock_funds(session: Session, spender_id: int, redeemed: str) -> tuple[list[Fund], Account | None]:
    """Where a spender's credits can come from and the account, by its code, that they go to; all locked in everybody's
    order."""
    asked = {"owner": spender_id, "redeemed": redeemed}
    found = [Account(*row) for row in _LOCK_FUNDS.all(session, asked)]
    # read after the lock, so that the caps are as they are now
    vouchers_now = [read_voucher(row) for row in _VOUCHERS_WITH_SOME.all(session, {"owner": spender_id})]
    by_account = {voucher.account_id: voucher for voucher in vouchers_now}
    funds = [Fund(account, by_account.get(account.id)) for account in found if account.code != redeemed]
    return funds, next((account for account in found if account.code == redeemed), None)


def get_wallet(session: Session, owner_id: int) -> Wallet:
    """What an owner has, vouchers that are over included as long as something is on them."""
    found = [Account(*row) for row in session.execute(_FUNDS, {"owner": owner_id})]
    by_account = _vouchers_of(session, [account.id for account in found])
    funds = [Fund(account, by_account.get(account.id)) for account in found]
    return Wallet(
        cash=sum(fund.account.available for fund in funds if fund.voucher is None),
        vouchers=sum(fund.account.available for fund in funds if fund.voucher is not None),
        held=sum(fund.account.debits_pending for fund in funds),
        funds=funds,
    )


def list_expiring(session: Session, now: datetime, until: datetime) -> Sequence[tuple[Voucher, int]]:
    """Vouchers with something left that are over before ``until``, of which nobody was warned, and what is left."""
    left = (accounts.c.credits_posted - accounts.c.debits_posted).label("left")
    query = sa.select(*_VOUCHER, left).join(accounts, accounts.c.id == _c.account_id).where(left > 0)
    soon = (_c.expires_at > now) & (_c.expires_at <= until) & _c.warned_at.is_(None) & _c.closed_at.is_(None)
    return [
        (read_voucher(row[:-1]), int(row[-1])) for row in session.execute(query.where(soon).order_by(_c.account_id))
    ]


def list_closed_with_rest(session: Session, now: datetime) -> Sequence[int]:
    """Vouchers that are over or clawed back and have something on them that is not held."""
    query = sa.select(_c.id).join(accounts, accounts.c.id == _c.account_id).where(_has_rest)
    closed = sa.or_(_c.expires_at <= now, _c.closed_at.is_not(None))
    return list(session.scalars(query.where(closed).order_by(_c.id)))


def _vouchers_of(session: Session, account_ids: Sequence[int]) -> dict[int, Voucher]:
    if not account_ids:
        return {}
    rows = session.execute(_VOUCHERS_OF, {"accounts": account_ids})
    return {row.account_id: read_voucher(row) for row in rows}


def read_voucher(row: Any) -> Voucher:
    values = list(row)
    values[_SCOPE] = msgspec.convert(values[_SCOPE], Scope)
    return Voucher(*values)


_SCOPE = [column.name for column in _VOUCHER].index("scope")
