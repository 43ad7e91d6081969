"""Booking: the only place that writes accounts and transfers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from yungu.credits.errors import AccountTaken, NotReversible, TransferReused
from yungu.credits.events import TransferReversed
from yungu.credits.models import (
    SIDES,
    Account,
    AccountKind,
    Move,
    Post,
    Step,
    Transfer,
    Void,
    accounts,
    transfers,
)
from yungu.credits.queries import ledger as queries
from yungu.credits.rules import ledger as rules
from yungu.kernel import clock
from yungu.kernel.db import Session, upsert
from yungu.kernel.events import record
from yungu.kernel.prepared import Prepared

_SET_BALANCES = Prepared(
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("number"))
    .values({side: sa.bindparam(side) for side in SIDES})
)
_CHANGE_BALANCES = Prepared(
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("number"))
    .values({side: accounts.c[side] + sa.bindparam(side, type_=sa.BigInteger) for side in SIDES})
)
_FIELDS = ("key", "kind", "debit_id", "credit_id", "amount", "pending_id", "reverses_id", "expires_at", "reason", "at")
_INSERT = Prepared(sa.insert(transfers).returning(transfers.c.id), columns=_FIELDS)


def open_account(
    session: Session, kind: AccountKind, code: str, *, owner_id: int | None = None, provider_id: int | None = None
) -> Account:
    """The account of that code, made if need be. Raises AccountTaken."""
    account = queries.find_account(session, code)
    if account is None:
        row = {"code": code, "kind": kind, "owner_id": owner_id, "provider_id": provider_id}
        upsert(session, accounts, row | {"is_bounded": kind != "source"}, keys=["code"], update=[])
        account = queries.get_account(session, code)
    if (account.kind, account.owner_id, account.provider_id) != (kind, owner_id, provider_id):
        raise AccountTaken(code)
    return account


def book(session: Session, steps: Sequence[Step]) -> list[Transfer]:
    """Book linked steps, all of them or none, and move the balances with them.

    Steps that were all booked before with the same fields give the same answer and change nothing.

    Raises AccountNotFound, TransferNotFound, TransferReused, TransferEnded, NotPending, Overdrawn, AmountInvalid,
    SameAccount, PostTooMuch."""
    for step in steps:
        rules.check_step(step)
    ends = {step.pending_id for step in steps if isinstance(step, Post | Void)}
    pending = queries.list_pending(session, ends)
    fields = rules.fields_of_all(steps, pending)
    locked = queries.lock_accounts(session, rules.accounts_of(fields))
    booked = _find_booked(session, fields)
    if booked is not None:
        return booked
    ended = queries.list_ended(session, ends)
    return _write(session, rules.fold(locked, steps, fields, pending, ended), fields)


def book_new(
    session: Session, steps: Sequence[Step], locked: Mapping[int, Account], pending: Mapping[int, Transfer]
) -> list[Transfer]:
    """The same for a caller that holds all accounts locked, and knows from a row that it holds locked as well that the
    ids are new and the pending transfers open; the database would refuse it otherwise. Two statements."""
    for step in steps:
        rules.check_step(step)
    fields = rules.fields_of_all(steps, pending)
    return _write(session, rules.fold(locked, steps, fields, pending, set()), fields)


def end_pending(session: Session, ends: Sequence[Post | Void], pending: Mapping[int, Transfer]) -> None:
    """Post or void pending transfers, for a caller that holds a row locked by which it knows that they are open; the
    database would refuse it otherwise. Nothing is read: what is not held any more can only return or arrive.

    Raises NotPending, PostTooMuch, AmountInvalid."""
    for step in ends:
        rules.check_step(step)
        rules.check_ends(step, pending[step.pending_id], ended=False)
    fields = rules.fields_of_all(ends, pending)
    _CHANGE_BALANCES.run_each(session, rules.changes(fields, pending))
    _insert(session, fields)


def reverse(session: Session, number: int, *, key: str, reason: str, by: int | None) -> Transfer:
    """Correct a transfer by one in the opposite direction, which names it.

    Raises TransferNotFound, NotReversible, TransferReused, Overdrawn when the receiver has spent it."""
    rules.check_key(key)
    wrong = queries.get_transfer(session, number)
    rules.check_reversible(wrong)
    queries.lock_accounts(session, [wrong.debit_id, wrong.credit_id])
    known = queries.find_transfer(session, key)
    if known is None and queries.is_reversed(session, number):
        raise NotReversible(number, "it was reversed already")
    step = Move(key, wrong.credit_id, wrong.debit_id, wrong.amount, reason, reverses_id=number)
    [made] = book(session, [step])
    if known is None:
        told = TransferReversed(transfer_id=number, reversal_id=made.id, reason=reason)
        record(session, told, actor_id=by)
    return made


def _find_booked(session: Session, fields: Sequence[Mapping[str, Any]]) -> list[Transfer] | None:
    """What was booked under the keys already, None for nothing. Raises TransferReused."""
    keys = [row["key"] for row in fields]
    known = queries.list_transfers_by_key(session, keys)
    if not known and len(set(keys)) == len(keys):
        return None
    for row in fields:
        if row["key"] not in known or not rules.is_same(known[row["key"]], row):
            raise TransferReused(row["key"])
    return [known[key] for key in keys]


def _write(session: Session, after: Mapping[int, Account], fields: Sequence[Mapping[str, Any]]) -> list[Transfer]:
    made = _insert(session, fields)
    _SET_BALANCES.run_each(session, queries.balances([after[number] for number in rules.accounts_of(fields)]))
    return made


def _insert(session: Session, fields: Sequence[Mapping[str, Any]]) -> list[Transfer]:
    now = clock.now()
    try:
        numbers = [_INSERT.all(session, {**row, "at": now})[0][0] for row in fields]
    except sa.exc.IntegrityError as error:  # the same new id at the same moment, between other accounts
        raise TransferReused(str(fields[0]["key"])) from error
    return [Transfer(id=number, at=now, **row) for number, row in zip(numbers, fields, strict=True)]
