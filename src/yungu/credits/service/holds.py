"""Paying for a request: held before, settled or released afterwards, whatever happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu.credits import queries
from yungu.credits.errors import HoldEnded, HoldInvalid, RequestReused
from yungu.credits.events import CreditsHeld, HoldReleased, HoldTimedOut, UsageSettled
from yungu.credits.models import (
    Account,
    Fund,
    Hold,
    HoldState,
    Move,
    Part,
    Post,
    Reserve,
    Step,
    Transfer,
    Use,
    Void,
    Voucher,
    holds,
    vouchers,
)
from yungu.credits.rules import ledger as ledger_rules, vouchers as rules
from yungu.credits.service.ledger import book_new, end_pending, open_account
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.events import record
from yungu.kernel.prepared import Prepared

_INSERT = Prepared(sa.insert(holds), columns=[column.name for column in holds.c])
_LESSEN = Prepared(
    sa.update(holds)
    .where(holds.c.id == sa.bindparam("number"))
    .values({name: sa.bindparam(name) for name in ("amount", "parts")})
)
_CLOSE = Prepared(
    sa.update(holds)
    .where(holds.c.id == sa.bindparam("number"), holds.c.amount == sa.bindparam("held"))
    .where(holds.c.state == sa.literal_column("'open'"))
    .values({name: sa.bindparam(name) for name in ("state", "settled_amount", "usage", "ended_at")})
)


def hold(
    session: Session,
    spender_id: int,
    amount: int,
    use: Use,
    request_id: str,
    expires_at: datetime,
    *,
    provider_id: int | None = None,
    caused_by: int | None = None,
    is_first: bool = False,
) -> Hold:
    """Hold the most that a request can cost: from vouchers that cover the use, first to expire first, then from cash.

    The same request id with the same amount, use and provider gives the same hold. ``provider_id``: who will earn it,
    None for the house; ``is_first``: refuse a request id that was used before, whatever for. Raises CreditsShort,
    RequestReused, HoldInvalid, AmountInvalid, KeyInvalid."""
    now = clock.now()
    _check(amount, use, request_id, expires_at, now)
    funds, redeemed = _lock(session, spender_id, provider_id)
    known = queries.find_hold(session, spender_id, request_id)
    if known is not None:
        if is_first:
            raise RequestReused(request_id)
        return _same_hold(known, amount, use, provider_id)
    shares = rules.split(amount, funds, use, now)
    told = CreditsHeld(spender_id=spender_id, amount=amount, request_id=request_id)
    number = record(session, told, actor_id=spender_id, caused_by=caused_by)
    parts = _reserve(session, number, shares, funds, redeemed, expires_at, now)
    row: dict[str, Any] = {
        "id": number,
        "request_id": request_id,
        "spender_id": spender_id,
        "provider_id": provider_id,
        "redeemed_id": redeemed.id,
        "amount": amount,
        "use": msgspec.to_builtins(use),
        "state": "open",
        "expires_at": expires_at,
        "created_at": now,
        "settled_amount": 0,
        "usage": None,
        "ended_at": None,
    }
    _INSERT.run(session, row | {"parts": msgspec.to_builtins(parts)})
    return Hold(**row, parts=parts)


def settle(session: Session, number: int, actual: int, usage: Mapping[str, Any] | None = None) -> Hold:
    """Pay what a request did cost, at most what is held; the rest returns, to the last vouchers of the hold first.

    Settling again with the same amount gives the same answer. It may be late: a hold whose time is over can be settled
    until it is swept. Raises HoldNotFound, HoldEnded, SettleTooMuch, AmountInvalid."""
    found = queries.get_hold(session, number, lock=True)
    if found.state == "settled" and found.settled_amount == actual:
        return found
    _check_open(found)
    return settle_open(session, found, actual, usage)


def settle_open(session: Session, held: Hold, actual: int, usage: Mapping[str, Any] | None = None) -> Hold:
    """The same with a hold as `hold` gave it, which is not read again. Raises HoldEnded, also when it was settled, and
    HoldInvalid when something was drawn from it."""
    charged = rules.charge(held.parts, actual)
    ended = _end(session, held, charged, state="settled", usage=usage)
    told = UsageSettled(hold_id=held.id, spender_id=held.spender_id, provider_id=held.provider_id, amount=actual)
    record(session, told, actor_id=held.spender_id, caused_by=held.id)
    return ended


def draw(
    session: Session,
    number: int,
    amount: int,
    request_id: str,
    *,
    provider_id: int | None = None,
    usage: Mapping[str, Any] | None = None,
) -> Hold:
    """Pay some of what is held at once, and go on holding the rest: nobody else can have it in between, as the calls of
    a job need it. The hold is ``amount`` less afterwards; the answer is what was paid, a hold of its own that is
    settled, under a request id that is used once.

    Raises HoldNotFound, HoldEnded, SettleTooMuch, AmountInvalid, RequestReused, KeyInvalid."""
    ledger_rules.check_key(request_id, "request id")
    found = queries.get_hold(session, number, lock=True)
    _check_open(found)
    charged = rules.charge(found.parts, amount)
    if queries.find_hold(session, found.spender_id, request_id) is not None:
        raise RequestReused(request_id)
    redeemed = _redeemed(session, found.spender_id, provider_id)
    told = CreditsHeld(spender_id=found.spender_id, amount=amount, request_id=request_id)
    event = record(session, told, actor_id=found.spender_id, caused_by=number)
    paid, left = _pay_parts(session, found, charged, redeemed.id, event)
    _LESSEN.run(session, {"number": number, "amount": found.amount - amount, "parts": msgspec.to_builtins(left)})
    now = clock.now()
    row: dict[str, Any] = {
        "id": event,
        "request_id": request_id,
        "spender_id": found.spender_id,
        "provider_id": provider_id,
        "redeemed_id": redeemed.id,
        "amount": amount,
        "use": found.use,
        "state": "settled",
        "expires_at": found.expires_at,
        "created_at": now,
        "settled_amount": amount,
        "usage": usage,
        "ended_at": now,
    }
    _INSERT.run(session, row | {"parts": msgspec.to_builtins(paid)})
    settled = UsageSettled(hold_id=event, spender_id=found.spender_id, provider_id=provider_id, amount=amount)
    record(session, settled, actor_id=found.spender_id, caused_by=event)
    return Hold(**row, parts=paid)


def release(session: Session, number: int) -> Hold:
    """Return all that is held; of a released hold nothing more. Raises HoldNotFound, HoldEnded."""
    found = queries.get_hold(session, number, lock=True)
    if found.state == "released":
        return found
    _check_open(found)
    ended = _end(session, found, [0] * len(found.parts), state="released")
    told = HoldReleased(hold_id=number, spender_id=found.spender_id)
    record(session, told, actor_id=found.spender_id, caused_by=number)
    return ended


def time_out(session: Session, number: int, now: datetime) -> bool:
    """Return what is held by a hold whose time is over; whether it was still open. Raises HoldNotFound."""
    found = queries.get_hold(session, number, lock=True)
    if found.state != "open" or found.expires_at > now:
        return False
    _end(session, found, [0] * len(found.parts), state="timed_out")
    told = HoldTimedOut(hold_id=number, spender_id=found.spender_id)
    record(session, told, actor_id=None, caused_by=number)
    return True


def _check(amount: int, use: Use, request_id: str, expires_at: datetime, now: datetime) -> None:
    ledger_rules.check_amount(amount)
    ledger_rules.check_key(request_id, "request id")
    rules.check_expiry(expires_at, now)
    if not 0 < len(use.kind) <= 100 or len(use.model or "") > 300:
        raise HoldInvalid("its use has no kind, or a name that is too long")


def _check_open(found: Hold) -> None:
    if found.state != "open":
        raise HoldEnded(found.id, found.state.replace("_", " "))


def _same_hold(known: Hold, amount: int, use: Use, provider_id: int | None) -> Hold:
    """Raises RequestReused."""
    asked = (amount, msgspec.to_builtins(use), provider_id)
    if asked != (known.amount, known.use, known.provider_id):
        raise RequestReused(known.request_id)
    return known


def _lock(session: Session, spender_id: int, provider_id: int | None) -> tuple[list[Fund], Account]:
    """Where the credits can come from, and the account that earns them."""
    funds, redeemed = queries.lock_funds(session, spender_id, _redeemed_code(spender_id, provider_id))
    if redeemed is None:
        made = _redeemed(session, spender_id, provider_id)
        redeemed = queries.lock_accounts(session, [made.id])[made.id]
    return funds, redeemed


def _redeemed(session: Session, spender_id: int, provider_id: int | None) -> Account:
    code = _redeemed_code(spender_id, provider_id)
    return open_account(session, "redeemed", code, owner_id=spender_id, provider_id=provider_id)


def _redeemed_code(spender_id: int, provider_id: int | None) -> str:
    return f"redeemed:{provider_id if provider_id is not None else 'house'}:{spender_id}"


def _pay_parts(
    session: Session, found: Hold, charged: Sequence[int], redeemed_id: int, event: int
) -> tuple[list[Part], list[Part]]:
    """Book what is charged of each part as paid, and hold what is left of it anew: both, as parts. Day caps were used
    up when the whole was held."""
    steps, pending = list[Step](), dict[int, Transfer]()
    for place, (part, amount) in enumerate(zip(found.parts, charged, strict=True)):
        if amount:
            pending[part.transfer_id] = _pending(found, place, part)
            steps.append(Void(f"draw:{event}:{place}", part.transfer_id))
            steps.append(Move(f"hold:{event}:{place}", part.account_id, redeemed_id, amount))
        if 0 < amount < part.amount:
            rest = part.amount - amount
            steps.append(Reserve(f"rest:{event}:{place}", part.account_id, found.redeemed_id, rest, found.expires_at))
    locked = queries.lock_accounts(session, {found.redeemed_id, redeemed_id, *(p.account_id for p in found.parts)})
    booked = {transfer.key: transfer.id for transfer in book_new(session, steps, locked, pending)}
    paid, left = list[Part](), list[Part]()
    for place, (part, amount) in enumerate(zip(found.parts, charged, strict=True)):
        if amount:
            paid.append(msgspec.structs.replace(part, transfer_id=booked[f"hold:{event}:{place}"], amount=amount))
        if amount < part.amount:
            number = booked.get(f"rest:{event}:{place}", part.transfer_id)
            left.append(msgspec.structs.replace(part, transfer_id=number, amount=part.amount - amount))
    return paid, left


def _reserve(
    session: Session,
    number: int,
    shares: Sequence[tuple[Fund, int]],
    funds: Sequence[Fund],
    redeemed: Account,
    expires_at: datetime,
    now: datetime,
) -> list[Part]:
    steps = [
        Reserve(f"hold:{number}:{place}", fund.account.id, redeemed.id, amount, expires_at)
        for place, (fund, amount) in enumerate(shares)
    ]
    locked = {fund.account.id: fund.account for fund in funds} | {redeemed.id: redeemed}
    booked = book_new(session, steps, locked, {})
    parts = list[Part]()
    for (fund, amount), transfer in zip(shares, booked, strict=True):
        voucher = fund.voucher
        day = rules.counting_day(voucher, now) if voucher and voucher.day_cap is not None else None
        parts.append(Part(transfer.id, fund.account.id, voucher.id if voucher else None, amount, day))
    _use_days(session, {fund.voucher.id: fund.voucher for fund in funds if fund.voucher}, parts)
    return parts


def _use_days(session: Session, found: Mapping[int, Voucher], parts: Sequence[Part]) -> None:
    """Use up day caps, in everybody's order; the accounts of the vouchers are locked."""
    for part in sorted(parts, key=lambda part: part.account_id):
        if part.voucher_id is not None and part.day is not None:
            voucher = found[part.voucher_id]
            spent = (voucher.spent_amount if voucher.spent_on == part.day else 0) + part.amount
            changed = sa.update(vouchers).where(vouchers.c.id == part.voucher_id)
            session.execute(changed.values(spent_on=part.day, spent_amount=spent))


def _end(
    session: Session,
    found: Hold,
    charged: Sequence[int],
    *,
    state: HoldState,
    usage: Mapping[str, Any] | None = None,
) -> Hold:
    """Post what is charged of each part and let the rest go. Raises HoldEnded, HoldInvalid."""
    values: dict[str, Any] = {"state": state, "settled_amount": sum(charged), "usage": usage, "ended_at": clock.now()}
    if not _CLOSE.run(session, values | {"number": found.id, "held": found.amount}):
        _check_open(queries.get_hold(session, found.id))
        raise HoldInvalid("something was drawn from it")
    steps, pending = list[Post | Void](), dict[int, Transfer]()
    for place, (part, paid) in enumerate(zip(found.parts, charged, strict=True)):
        key = f"end:{found.id}:{place}"
        void = Void(key, part.transfer_id, is_timeout=state == "timed_out")
        steps.append(Post(key, part.transfer_id, paid) if paid else void)
        pending[part.transfer_id] = _pending(found, place, part)
    end_pending(session, steps, pending)
    for part, paid in sorted(zip(found.parts, charged, strict=True), key=lambda pair: pair[0].account_id):
        _give_back(session, part, paid)
    return replace(found, **values)


def _pending(found: Hold, place: int, part: Part) -> Transfer:
    """The pending transfer of a part, as it was booked."""
    return Transfer(
        id=part.transfer_id,
        key=f"hold:{found.id}:{place}",
        kind="pending",
        debit_id=part.account_id,
        credit_id=found.redeemed_id,
        amount=part.amount,
        pending_id=None,
        reverses_id=None,
        expires_at=found.expires_at,
        reason="",
        at=found.created_at,
    )


def _give_back(session: Session, part: Part, paid: int) -> None:
    """What a part did not pay is free again in the day cap of the same day."""
    if part.day is not None and paid < part.amount:
        same_day = (vouchers.c.id == part.voucher_id) & (vouchers.c.spent_on == part.day)
        less = vouchers.c.spent_amount - (part.amount - paid)
        session.execute(sa.update(vouchers).where(same_day).values(spent_amount=less))
