"""Money comes in, vouchers are granted, expire and are clawed back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from yungu.credits import queries
from yungu.credits.errors import BudgetNotFound, VoucherClosed, VoucherReused
from yungu.credits.events import (
    BudgetFunded,
    CashAdded,
    VoucherClawedBack,
    VoucherExpired,
    VoucherExpiring,
    VoucherGranted,
)
from yungu.credits.models import Account, Move, Terms, Transfer, Voucher, vouchers
from yungu.credits.rules import ledger as ledger_rules, vouchers as rules
from yungu.credits.service.ledger import book, open_account
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record

WARNED_AHEAD = timedelta(days=7)


def fund_budget(session: Session, budget: str, amount: int, *, key: str, by: int | None) -> Transfer:
    """Put credits into the pot from which vouchers are granted. Raises AmountInvalid, KeyInvalid, TransferReused."""
    ledger_rules.check_key(budget, "name of the budget")
    pot = open_account(session, "budget", f"budget:{budget}")
    told = BudgetFunded(budget=budget, amount=amount)
    return _bring_in(session, pot, amount, key, told, by)


def add_cash(session: Session, owner_id: int, amount: int, *, key: str, by: int | None) -> Transfer:
    """Add to what an owner has paid in. Raises AmountInvalid, KeyInvalid, TransferReused."""
    purse = open_account(session, "cash", f"cash:{owner_id}", owner_id=owner_id)
    return _bring_in(session, purse, amount, key, CashAdded(owner_id=owner_id, amount=amount), by)


def grant(
    session: Session,
    owner_id: int,
    amount: int,
    *,
    budget: str,
    key: str,
    terms: Terms | None = None,
    by: int | None,
    caused_by: int | None = None,
) -> Voucher:
    """Grant a voucher from a budget; with a ``key`` that was used for the same grant, that voucher.

    Raises BudgetNotFound, Overdrawn when the pot is empty, VoucherReused, VoucherInvalid, AmountInvalid, KeyInvalid."""
    terms, now = terms or Terms(), clock.now()
    ledger_rules.check_amount(amount)
    ledger_rules.check_key(key)
    rules.check_terms(terms, now)
    pot = queries.find_account(session, f"budget:{budget}")
    if pot is None:
        raise BudgetNotFound(budget)
    queries.lock_accounts(session, [pot.id])
    known = queries.find_voucher(session, key)
    if known is not None:
        return _same_voucher(known, owner_id, amount, budget, terms)
    account = open_account(session, "issued", f"issued:{owner_id}:{key}", owner_id=owner_id)
    book(session, [Move(f"grant:{key}", pot.id, account.id, amount)])
    return _insert(session, account, pot, amount, key, terms, now, by, caused_by)


def claw_back(session: Session, number: int, *, reason: str, by: int | None) -> Voucher:
    """Close a voucher; what is left returns to its budget, what is held may still be settled.

    Raises VoucherNotFound, VoucherClosed."""
    voucher = queries.get_voucher(session, number)
    way = _lock_way_back(session, voucher, "clawed_back")
    if queries.get_voucher(session, number).closed_at is not None:
        raise VoucherClosed(number)
    closed = {"closed_at": clock.now(), "closed_reason": reason[:300]}
    session.execute(sa.update(vouchers).where(vouchers.c.id == number).values(closed))
    amount = _return_rest(session, voucher, way, reason[:300])
    told = VoucherClawedBack(voucher_id=number, owner_id=voucher.owner_id, amount=amount, reason=reason[:300])
    record(session, told, actor_id=by, caused_by=voucher.event_id)
    return queries.get_voucher(session, number)


def collect(session: Session, number: int, now: datetime) -> int:
    """Return what is left, and not held, on a voucher that is over or clawed back to its budget; how much."""
    voucher = queries.get_voucher(session, number)
    if voucher.closed_at is not None:
        way = _lock_way_back(session, voucher, "clawed_back")
        return _return_rest(session, voucher, way, voucher.closed_reason)
    if voucher.expires_at is None or voucher.expires_at > now:
        return 0
    amount = _return_rest(session, voucher, _lock_way_back(session, voucher, "expired"), "")
    if amount:
        told = VoucherExpired(voucher_id=number, owner_id=voucher.owner_id, amount=amount)
        record(session, told, actor_id=None, caused_by=voucher.event_id)
    return amount


def warn(session: Session, now: datetime, ahead: timedelta = WARNED_AHEAD) -> int:
    """Tell once of every voucher that will be over soon with something left on it; how many."""
    count = 0
    for voucher, left in queries.list_expiring(session, now, now + ahead):
        unwarned = (vouchers.c.id == voucher.id) & vouchers.c.warned_at.is_(None)
        if session.execute(sa.update(vouchers).where(unwarned).values(warned_at=now)).rowcount:
            told = VoucherExpiring(voucher_id=voucher.id, owner_id=voucher.owner_id, amount=left)
            record(session, told, actor_id=None, caused_by=voucher.event_id)
            count += 1
    return count


def _bring_in(
    session: Session, target: Account, amount: int, key: str, told: BudgetFunded | CashAdded, by: int | None
) -> Transfer:
    ledger_rules.check_amount(amount)
    ledger_rules.check_key(key)
    source = open_account(session, "source", "source")
    queries.lock_accounts(session, [source.id, target.id])
    known = queries.find_transfer(session, f"fund:{key}")
    [made] = book(session, [Move(f"fund:{key}", source.id, target.id, amount)])
    if known is None:
        record(session, told, actor_id=by)
    return made


def _same_voucher(known: Voucher, owner_id: int, amount: int, budget: str, terms: Terms) -> Voucher:
    """Raises VoucherReused."""
    begins = terms.not_before or known.not_before
    asked = (owner_id, amount, budget, begins, terms.expires_at, terms.day_cap, terms.total_cap, terms.policy)
    given = (
        *(known.owner_id, known.amount, known.budget, known.not_before),
        *(known.expires_at, known.day_cap, known.total_cap, known.policy),
    )
    if asked != given or msgspec.json.encode(terms.scope) != msgspec.json.encode(known.scope):
        raise VoucherReused(known.key)
    return known


def _insert(
    session: Session,
    account: Account,
    pot: Account,
    amount: int,
    key: str,
    terms: Terms,
    now: datetime,
    by: int | None,
    caused_by: int | None,
) -> Voucher:
    row: dict[str, Any] = {
        "key": key,
        "account_id": account.id,
        "owner_id": account.owner_id,
        "budget": pot.code.removeprefix("budget:"),
        "amount": amount,
        "scope": msgspec.to_builtins(terms.scope),
        "not_before": terms.not_before or now,
        "expires_at": terms.expires_at,
        "day_cap": terms.day_cap,
        "total_cap": terms.total_cap,
        "policy": terms.policy,
        "decision": terms.decision,
        "granted_at": now,
        "event_id": 0,
    }
    number = new_id(session.execute(sa.insert(vouchers).values(row)))
    assert account.owner_id is not None
    told = VoucherGranted(voucher_id=number, owner_id=account.owner_id, budget=row["budget"], amount=amount)
    event_id = record(session, told, actor_id=by, caused_by=caused_by)
    session.execute(sa.update(vouchers).where(vouchers.c.id == number).values(event_id=event_id))
    return queries.get_voucher(session, number)


Way = tuple[Account, Account, Account]


def _lock_way_back(session: Session, voucher: Voucher, kind: Literal["expired", "clawed_back"]) -> Way:
    """The voucher's account, one that adds up why credits came back, and the budget: all locked in one go."""
    pot = queries.get_account(session, f"budget:{voucher.budget}")
    passed = open_account(session, kind, f"{kind}:{voucher.budget}")
    locked = queries.lock_accounts(session, [voucher.account_id, passed.id, pot.id])
    return locked[voucher.account_id], locked[passed.id], locked[pot.id]


def _return_rest(session: Session, voucher: Voucher, way: Way, reason: str) -> int:
    """Move what is not held from a voucher back to its budget; how much."""
    account, passed, pot = way
    amount = account.available
    if amount:
        key = f"{passed.kind}:{voucher.id}:{account.debits_posted}"  # posted debits grow each time: always a new id
        there = Move(key, account.id, passed.id, amount, reason)
        back = Move(f"{key}:back", passed.id, pot.id, amount, reason)
        book(session, [there, back])
    return amount
