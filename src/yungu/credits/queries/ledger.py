"""Reading the ledger, and recomputing it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from yungu.credits.errors import AccountNotFound, TransferNotFound
from yungu.credits.models import SIDES, Account, Audit, Difference, Transfer, accounts, transfers
from yungu.credits.rules import ledger as rules
from yungu.kernel.db import Session, columns
from yungu.kernel.errors import YunguError
from yungu.kernel.prepared import Prepared

_ACCOUNT = columns(Account, accounts)
_TRANSFER = columns(Transfer, transfers)
_LOCK = Prepared(sa.select(*_ACCOUNT).where(accounts.c.id == sa.bindparam("number")).with_for_update())


def find_account(session: Session, code: str) -> Account | None:
    row = session.execute(sa.select(*_ACCOUNT).where(accounts.c.code == code)).first()
    return Account(*row) if row else None


def get_account(session: Session, code: str) -> Account:
    """Raises AccountNotFound."""
    account = find_account(session, code)
    if account is None:
        raise AccountNotFound(code)
    return account


def lock_accounts(session: Session, numbers: Collection[int]) -> dict[int, Account]:
    """These accounts, which nobody else changes until this transaction ends, in an order that is everybody's.

    Raises AccountNotFound."""
    found = dict[int, Account]()
    for number in sorted(numbers):
        row = _LOCK.first(session, {"number": number})
        if row is None:
            raise AccountNotFound(f"#{number}")
        found[number] = Account(*row)
    return found


def iter_accounts(session: Session) -> Iterator[Account]:
    for row in session.execute(sa.select(*_ACCOUNT).order_by(accounts.c.id).execution_options(yield_per=500)):
        yield Account(*row)


def find_transfer(session: Session, key: str) -> Transfer | None:
    return list_transfers_by_key(session, [key]).get(key)


def get_transfer(session: Session, number: int) -> Transfer:
    """Raises TransferNotFound."""
    row = session.execute(sa.select(*_TRANSFER).where(transfers.c.id == number)).first()
    if row is None:
        raise TransferNotFound(number)
    return Transfer(*row)


def list_transfers_by_key(session: Session, keys: Collection[str]) -> dict[str, Transfer]:
    rows = session.execute(sa.select(*_TRANSFER).where(transfers.c.key.in_(keys)))
    return {row.key: Transfer(*row) for row in rows}


def list_pending(session: Session, numbers: Collection[int]) -> dict[int, Transfer]:
    """Transfers by number. Raises TransferNotFound."""
    rows = session.execute(sa.select(*_TRANSFER).where(transfers.c.id.in_(numbers))) if numbers else ()
    found = {row.id: Transfer(*row) for row in rows}
    for number in numbers:
        if number not in found:
            raise TransferNotFound(number)
    return found


def list_ended(session: Session, numbers: Collection[int]) -> set[int]:
    """Which of these pending transfers have ended."""
    if not numbers:
        return set()
    return set(session.scalars(sa.select(transfers.c.pending_id).where(transfers.c.pending_id.in_(numbers))))


def is_reversed(session: Session, number: int) -> bool:
    return session.execute(sa.select(transfers.c.id).where(transfers.c.reverses_id == number)).first() is not None


def iter_transfers(session: Session) -> Iterator[Transfer]:
    """The whole log, in the order in which the transfers of each account were booked."""
    for row in session.execute(sa.select(*_TRANSFER).order_by(transfers.c.id).execution_options(yield_per=500)):
        yield Transfer(*row)


def find_period(session: Session) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment in the log."""
    first, last = session.execute(sa.select(sa.func.min(transfers.c.at), sa.func.max(transfers.c.at))).one()
    return first, last


def replay(session: Session) -> Audit:
    """Recompute every balance from the log, from nothing, and compare. In a transaction that sees one moment:
    ``database.snapshot()``."""
    stored = {account.id: account for account in iter_accounts(session)}
    played = {number: _emptied(account) for number, account in stored.items()}
    found, count = list[Difference](), 0
    open_holds = dict[int, Transfer]()
    for transfer in iter_transfers(session):
        count += 1
        try:
            _play(played, open_holds, transfer)
        except YunguError as error:
            found.append(Difference(f"transfer {transfer.key}", error.message, transfer.amount, 0))
    for number, account in stored.items():
        found += _compare(account, played[number])
    if stored and not rules.is_even(stored.values()):
        found.append(Difference("all accounts", "debits are not equal to credits", 0, 0))
    return Audit(len(stored), count, found)


def _emptied(account: Account) -> Account:
    return replace(account, debits_pending=0, debits_posted=0, credits_pending=0, credits_posted=0)


def _play(played: dict[int, Account], open_holds: dict[int, Transfer], transfer: Transfer) -> None:
    held = 0
    if transfer.pending_id is not None:
        pending = open_holds.pop(transfer.pending_id, None)
        if pending is None or pending.amount < transfer.amount:
            raise TransferNotFound(transfer.pending_id)
        held = pending.amount
    if transfer.kind == "pending":
        open_holds[transfer.id] = transfer
    pair = played[transfer.debit_id], played[transfer.credit_id]
    debit, credit = rules.apply(*pair, rules.change(transfer.kind, transfer.amount, held))
    played |= {debit.id: debit, credit.id: credit}


def _compare(stored: Account, played: Account) -> Iterator[Difference]:
    for side in SIDES:
        have, want = getattr(stored, side), getattr(played, side)
        if have != want:
            yield Difference(stored.code, side, have, want)


def balances(found: Sequence[Account]) -> Sequence[dict[str, int]]:
    """The figures of accounts as an UPDATE takes them."""
    return [{"number": account.id, **{side: getattr(account, side) for side in SIDES}} for account in found]
