"""Paying for a request: held before, settled or released afterwards, whatever happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    Part,
    Post,
    Reserve,
    Step,
    Use,
    Void,
    hold_parts,
    holds,
    vouchers,
)
from yungu.credits.rules import ledger as ledger_rules, vouchers as rules
from yungu.credits.service.ledger import book, open_account
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record


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
) -> Hold:
    """Hold the most that a request can cost: from vouchers that cover the use, first to expire first, then from cash.

    The same request id with the same amount, use and provider gives the same hold. ``provider_id``: who will earn it,
    None for the house. Raises CreditsShort, RequestReused, HoldInvalid, AmountInvalid, KeyInvalid."""
    now = clock.now()
    _check(amount, use, request_id, expires_at, now)
    code = f"redeemed:{provider_id if provider_id is not None else 'house'}:{spender_id}"
    redeemed = open_account(session, "redeemed", code, owner_id=spender_id, provider_id=provider_id)
    funds, redeemed = queries.lock_funds(session, spender_id, redeemed.id)
    known = queries.find_hold(session, spender_id, request_id)
    if known is not None:
        return _same_hold(known, amount, use, provider_id)
    parts = rules.split(amount, funds, use, now)
    made = _insert(session, spender_id, provider_id, amount, use, request_id, expires_at, now, caused_by)
    _reserve(session, made, parts, redeemed, funds, now)
    return made


def settle(session: Session, number: int, actual: int, usage: Mapping[str, Any] | None = None) -> Hold:
    """Pay what a request did cost, at most what is held; the rest returns, to the last vouchers of the hold first.

    Settling again with the same amount gives the same answer. It may be late: a hold whose time is over can be settled
    until it is swept. Raises HoldNotFound, HoldEnded, SettleTooMuch, AmountInvalid."""
    found = queries.get_hold(session, number, lock=True)
    if found.state == "settled" and found.settled_amount == actual:
        return found
    _check_open(found)
    parts = queries.list_parts(session, number)
    charged = rules.charge(parts, actual)
    ended = _end(session, found, parts, charged, state="settled", usage=usage)
    told = UsageSettled(
        hold_id=number, spender_id=found.spender_id, provider_id=found.provider_id, amount=ended.settled_amount
    )
    record(session, told, actor_id=found.spender_id, caused_by=found.event_id)
    return ended


def release(session: Session, number: int) -> Hold:
    """Return all that is held; of a released hold nothing more. Raises HoldNotFound, HoldEnded."""
    found = queries.get_hold(session, number, lock=True)
    if found.state == "released":
        return found
    _check_open(found)
    parts = queries.list_parts(session, number)
    ended = _end(session, found, parts, [0] * len(parts), state="released")
    told = HoldReleased(hold_id=number, spender_id=found.spender_id)
    record(session, told, actor_id=found.spender_id, caused_by=found.event_id)
    return ended


def time_out(session: Session, number: int, now: datetime) -> bool:
    """Return what is held by a hold whose time is over; whether it was still open. Raises HoldNotFound."""
    found = queries.get_hold(session, number, lock=True)
    if found.state != "open" or found.expires_at > now:
        return False
    parts = queries.list_parts(session, number)
    _end(session, found, parts, [0] * len(parts), state="timed_out")
    told = HoldTimedOut(hold_id=number, spender_id=found.spender_id)
    record(session, told, actor_id=None, caused_by=found.event_id)
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


def _insert(
    session: Session,
    spender_id: int,
    provider_id: int | None,
    amount: int,
    use: Use,
    request_id: str,
    expires_at: datetime,
    now: datetime,
    caused_by: int | None,
) -> Hold:
    row: dict[str, Any] = {
        "request_id": request_id,
        "spender_id": spender_id,
        "provider_id": provider_id,
        "amount": amount,
        "use": msgspec.to_builtins(use),
        "state": "open",
        "expires_at": expires_at,
        "created_at": now,
        "event_id": 0,
    }
    number = new_id(session.execute(sa.insert(holds).values(row)))
    told = CreditsHeld(hold_id=number, spender_id=spender_id, amount=amount)
    row["event_id"] = record(session, told, actor_id=spender_id, caused_by=caused_by)
    session.execute(sa.update(holds).where(holds.c.id == number).values(event_id=row["event_id"]))
    return Hold(id=number, settled_amount=0, usage=None, ended_at=None, **row)


def _reserve(
    session: Session,
    made: Hold,
    parts: Sequence[tuple[Fund, int]],
    redeemed: Account,
    funds: Sequence[Fund],
    now: datetime,
) -> None:
    steps = [
        Reserve(f"hold:{made.id}:{place}", fund.account.id, redeemed.id, amount, made.expires_at)
        for place, (fund, amount) in enumerate(parts)
    ]
    locked = {fund.account.id: fund.account for fund in funds} | {redeemed.id: redeemed}
    booked = book(session, steps, locked=locked)
    rows = list[dict[str, Any]]()
    for place, (fund, amount) in enumerate(parts):
        day = rules.counting_day(fund.voucher, now) if fund.voucher else now.date().isoformat()
        rows.append(
            {
                "hold_id": made.id,
                "place": place,
                "transfer_id": booked[place].id,
                "account_id": fund.account.id,
                "voucher_id": fund.voucher.id if fund.voucher else None,
                "amount": amount,
                "day": day,
            }
        )
    session.execute(sa.insert(hold_parts), rows)
    for (fund, amount), row in sorted(zip(parts, rows, strict=True), key=lambda pair: pair[0][0].account.id):
        _count_day(session, fund, amount, row["day"])


def _count_day(session: Session, fund: Fund, amount: int, day: str) -> None:
    """Use up a part of the day cap, if there is one; the voucher's account is locked."""
    voucher = fund.voucher
    if voucher is None or voucher.day_cap is None:
        return
    spent = voucher.spent_amount if voucher.spent_on == day else 0
    changed = sa.update(vouchers).where(vouchers.c.id == voucher.id)
    session.execute(changed.values(spent_on=day, spent_amount=spent + amount))


def _end(
    session: Session,
    found: Hold,
    parts: Sequence[Part],
    charged: Sequence[int],
    *,
    state: HoldState,
    usage: Mapping[str, Any] | None = None,
) -> Hold:
    """Post what is charged of each part and let the rest go."""
    steps = list[Step]()
    for part, paid in zip(parts, charged, strict=True):
        key = f"end:{found.id}:{part.place}"
        void = Void(key, part.transfer_id, is_timeout=state == "timed_out")
        steps.append(Post(key, part.transfer_id, paid) if paid else void)
    book(session, steps)
    for part, paid in sorted(zip(parts, charged, strict=True), key=lambda pair: pair[0].account_id):
        _give_back(session, part, paid)
    values = {"state": state, "settled_amount": sum(charged), "usage": usage, "ended_at": clock.now()}
    session.execute(sa.update(holds).where(holds.c.id == found.id).values(values))
    return queries.get_hold(session, found.id)


def _give_back(session: Session, part: Part, paid: int) -> None:
    """Note what a part has paid; what it did not is free again in the day cap of the same day."""
    if paid:
        this = (hold_parts.c.hold_id == part.hold_id) & (hold_parts.c.place == part.place)
        session.execute(sa.update(hold_parts).where(this).values(charged=paid))
    if part.voucher_id is not None and paid < part.amount:
        same_day = (vouchers.c.id == part.voucher_id) & (vouchers.c.spent_on == part.day)
        less = vouchers.c.spent_amount - (part.amount - paid)
        session.execute(sa.update(vouchers).where(same_day).values(spent_amount=less))
