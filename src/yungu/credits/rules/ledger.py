"""What a transfer does to its two accounts, and what may not be.

The semantics are those of TigerBeetle (https://docs.tigerbeetle.com/coding/two-phase-transfers/), but for one thing:
a pending transfer whose time is over stays until somebody books its timeout, so that every balance follows from the
log alone, and usage that is settled late is still paid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from yungu.credits.errors import (
    AmountInvalid,
    KeyInvalid,
    NotPending,
    NotReversible,
    Overdrawn,
    PostTooMuch,
    SameAccount,
    TransferEnded,
)
from yungu.credits.models import CREDIT, MOST, SIDES, Account, Post, Reserve, Step, Transfer, Void

_KEY = re.compile(r"[A-Za-z0-9._:@/+-]{1,100}")
_SAME = ("kind", "debit_id", "credit_id", "amount", "pending_id", "reverses_id", "expires_at", "reason")


def check_amount(amount: int) -> int:
    """Raises AmountInvalid unless ``amount`` is a whole number of micro-credits from 1 to ``MOST``."""
    if type(amount) is not int:
        raise AmountInvalid("it must be a whole number of micro-credits")
    if not 1 <= amount <= MOST:
        raise AmountInvalid("it must be positive" if amount < 1 else f"it must be at most {MOST} micro-credits")
    return amount


def check_key(key: str, what: str = "id") -> str:
    """Raises KeyInvalid."""
    if not _KEY.fullmatch(key):
        raise KeyInvalid(what)
    return key


def parse_credits(text: str) -> int:
    """``"12.5"`` credits in micro-credits. Raises AmountInvalid, also for more than six decimals."""
    try:
        micro = Decimal(text).scaleb(6)
    except InvalidOperation:
        raise AmountInvalid(f"{text[:40]!r} is no number") from None
    if not micro.is_finite() or abs(micro) > MOST or micro != int(micro):
        raise AmountInvalid(f"{text[:40]!r} is too large or has more than six decimals")
    return check_amount(int(micro))


def credits_text(amount: int) -> str:
    """Micro-credits as people read credits: ``12.5``, exactly."""
    whole, rest = divmod(abs(amount), CREDIT)
    decimals = f".{rest:06}".rstrip("0") if rest else ""
    return f"{'-' if amount < 0 else ''}{whole:,}{decimals}"


def check_step(step: Step) -> None:
    """Raises AmountInvalid, SameAccount."""
    if not isinstance(step, Void):
        check_amount(step.amount)
    if not isinstance(step, Post | Void) and step.debit_id == step.credit_id:
        raise SameAccount(f"#{step.debit_id}")


def check_ends(step: Post | Void, pending: Transfer, ended: bool) -> None:
    """Whether a pending transfer can be ended so. Raises NotPending, TransferEnded, PostTooMuch."""
    if pending.kind != "pending":
        raise NotPending(pending.id)
    if ended:
        raise TransferEnded(pending.id)
    if isinstance(step, Post) and step.amount > pending.amount:
        raise PostTooMuch(step.amount, pending.amount)


def check_reversible(transfer: Transfer) -> None:
    """Raises NotReversible."""
    if transfer.kind not in ("single", "post"):
        raise NotReversible(transfer.id, "nothing was posted by it")
    if transfer.reverses_id is not None:
        raise NotReversible(transfer.id, "it is a reversal itself")


def fields_of(step: Step, pending: Transfer | None) -> dict[str, Any]:
    """The row of the transfer that books ``step``; the keys are the same for all kinds."""
    if isinstance(step, Post | Void):
        assert pending is not None
        kind = "post" if isinstance(step, Post) else "timeout" if step.is_timeout else "void"
        amount = step.amount if isinstance(step, Post) else pending.amount
        debit_id, credit_id, pending_id = pending.debit_id, pending.credit_id, pending.id
    else:
        kind, amount, pending_id = "pending" if isinstance(step, Reserve) else "single", step.amount, None
        debit_id, credit_id = step.debit_id, step.credit_id
    return {
        "key": step.key,
        "kind": kind,
        "debit_id": debit_id,
        "credit_id": credit_id,
        "amount": amount,
        "pending_id": pending_id,
        "reverses_id": getattr(step, "reverses_id", None),
        "expires_at": getattr(step, "expires_at", None),
        "reason": step.reason,
    }


def fields_of_all(steps: Sequence[Step], pending: Mapping[int, Transfer]) -> list[dict[str, Any]]:
    """The rows of the transfers. ``pending``: what the steps end, by number."""
    return [fields_of(step, pending.get(getattr(step, "pending_id", 0))) for step in steps]


def accounts_of(fields: Sequence[Mapping[str, Any]]) -> list[int]:
    """The numbers of the accounts that transfers speak of, each once, in the order in which everybody locks them."""
    return sorted({row[side] for row in fields for side in ("debit_id", "credit_id")})


def fold(
    before: Mapping[int, Account],
    steps: Sequence[Step],
    fields: Sequence[Mapping[str, Any]],
    pending: Mapping[int, Transfer],
    ended: set[int],
) -> dict[int, Account]:
    """The accounts after all steps. ``ended``: which pending transfers ended before.

    Raises NotPending, TransferEnded, PostTooMuch, Overdrawn, AmountInvalid."""
    found, ended = dict(before), set(ended)
    for step, row in zip(steps, fields, strict=True):
        held = 0
        if isinstance(step, Post | Void):
            check_ends(step, pending[step.pending_id], step.pending_id in ended)
            ended.add(step.pending_id)
            held = pending[step.pending_id].amount
        debit, credit = apply(found[row["debit_id"]], found[row["credit_id"]], change(row["kind"], row["amount"], held))
        found |= {debit.id: debit, credit.id: credit}
    return found


def changes(fields: Sequence[Mapping[str, Any]], pending: Mapping[int, Transfer]) -> list[dict[str, int]]:
    """What transfers that end pending ones add to the sides of each account (``number``), in the order of locking."""
    found = {number: dict.fromkeys(SIDES, 0) for number in accounts_of(fields)}
    for row in fields:
        held, posted = change(row["kind"], row["amount"], pending[row["pending_id"]].amount)
        for side in ("debit", "credit"):
            of_account = found[row[f"{side}_id"]]
            of_account[f"{side}s_pending"] += held
            of_account[f"{side}s_posted"] += posted
    return [{"number": number, **sides} for number, sides in found.items()]


def is_same(transfer: Transfer, fields: Mapping[str, object]) -> bool:
    """Whether a booked transfer is what a step with the same key asks for."""
    return not any(getattr(transfer, name) != fields[name] for name in _SAME)


def change(kind: str, amount: int, pending_amount: int) -> tuple[int, int]:
    """What a transfer adds to the pending and to the posted side of both its accounts."""
    match kind:
        case "single":
            return 0, amount
        case "pending":
            return amount, 0
        case "post":
            return -pending_amount, amount
        case _:
            return -pending_amount, 0


def apply(debit: Account, credit: Account, change: tuple[int, int]) -> tuple[Account, Account]:
    """Both accounts afterwards. Raises Overdrawn, AmountInvalid when a side would grow beyond ``MOST``."""
    pending, posted = change
    after_debit = replace(
        debit, debits_pending=debit.debits_pending + pending, debits_posted=debit.debits_posted + posted
    )
    after_credit = replace(
        credit, credits_pending=credit.credits_pending + pending, credits_posted=credit.credits_posted + posted
    )
    if debit.is_bounded and after_debit.available < 0:
        raise Overdrawn(debit.code, debit.available, pending + posted)
    if max(_sides(after_debit)) > MOST or max(_sides(after_credit)) > MOST:
        raise AmountInvalid("an account would hold more than the ledger can count")
    return after_debit, after_credit


def is_even(accounts: Iterable[Account]) -> bool:
    """Whether debits equal credits over all accounts, pending and posted."""
    pending = posted = 0
    for account in accounts:
        pending += account.debits_pending - account.credits_pending
        posted += account.debits_posted - account.credits_posted
    return pending == 0 == posted


def _sides(account: Account) -> tuple[int, int, int, int]:
    return account.debits_pending, account.debits_posted, account.credits_pending, account.credits_posted
