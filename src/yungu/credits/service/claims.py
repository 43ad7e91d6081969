"""What was redeemed at a provider is claimed by it, and paid."""

from __future__ import annotations

from yungu.credits import queries
from yungu.credits.events import ClaimPaid, RedeemedClaimed
from yungu.credits.models import Move, Transfer
from yungu.credits.rules.ledger import check_key
from yungu.credits.service.ledger import book, open_account
from yungu.kernel.db import Session
from yungu.kernel.events import record


def claim(
    session: Session, provider_id: int | None, spender_id: int, amount: int, *, key: str, by: int | None
) -> Transfer:
    """Claim a part of what a spender redeemed at the provider.

    Raises AccountNotFound when nothing was, Overdrawn, TransferReused, AmountInvalid, KeyInvalid."""
    redeemed = queries.get_account(session, f"redeemed:{_name(provider_id)}:{spender_id}")
    payable = open_account(session, "payable", f"payable:{_name(provider_id)}", provider_id=provider_id)
    told = RedeemedClaimed(provider_id=provider_id, spender_id=spender_id, amount=amount)
    return _move(session, Move(f"claim:{check_key(key)}", redeemed.id, payable.id, amount), told, by)


def pay(session: Session, provider_id: int | None, amount: int, *, key: str, by: int | None) -> Transfer:
    """Note that a claim was paid out. Raises AccountNotFound, Overdrawn, TransferReused, AmountInvalid, KeyInvalid."""
    payable = queries.get_account(session, f"payable:{_name(provider_id)}")
    paid = open_account(session, "paid", f"paid:{_name(provider_id)}", provider_id=provider_id)
    told = ClaimPaid(provider_id=provider_id, amount=amount)
    return _move(session, Move(f"pay:{check_key(key)}", payable.id, paid.id, amount), told, by)


def _move(session: Session, step: Move, told: RedeemedClaimed | ClaimPaid, by: int | None) -> Transfer:
    queries.lock_accounts(session, [step.debit_id, step.credit_id])
    known = queries.find_transfer(session, step.key)
    [made] = book(session, [step])
    if known is None:
        record(session, told, actor_id=by)
    return made


def _name(provider_id: int | None) -> str:
    return "house" if provider_id is None else str(provider_id)
