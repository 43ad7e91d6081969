"""What credits tell. Amounts are micro-credits."""

from __future__ import annotations

from yungu.kernel.events import Event


class BudgetFunded(Event, frozen=True, kw_only=True):
    budget: str
    amount: int


class CashAdded(Event, frozen=True, kw_only=True):
    owner_id: int
    amount: int


class VoucherGranted(Event, frozen=True, kw_only=True):
    voucher_id: int
    owner_id: int
    budget: str
    amount: int


class VoucherExpiring(Event, frozen=True, kw_only=True):
    """Told once, some days before; ``amount`` is what is left."""

    voucher_id: int
    owner_id: int
    amount: int


class VoucherExpired(Event, frozen=True, kw_only=True):
    """``amount`` went back to the budget. Told again when a hold that outlived the voucher returns a rest."""

    voucher_id: int
    owner_id: int
    amount: int


class VoucherClawedBack(Event, frozen=True, kw_only=True):
    """``amount`` went back to the budget; what is held may still be settled."""

    voucher_id: int
    owner_id: int
    amount: int
    reason: str


class CreditsHeld(Event, frozen=True, kw_only=True):
    """The id of this fact is the id of the hold."""

    spender_id: int
    amount: int
    request_id: str


class UsageSettled(Event, frozen=True, kw_only=True):
    hold_id: int
    spender_id: int
    provider_id: int | None
    amount: int


class HoldReleased(Event, frozen=True, kw_only=True):
    hold_id: int
    spender_id: int


class HoldTimedOut(Event, frozen=True, kw_only=True):
    hold_id: int
    spender_id: int


class RedeemedClaimed(Event, frozen=True, kw_only=True):
    """A provider claims what a spender redeemed there."""

    provider_id: int | None
    spender_id: int
    amount: int


class ClaimPaid(Event, frozen=True, kw_only=True):
    provider_id: int | None
    amount: int


class TransferReversed(Event, frozen=True, kw_only=True):
    transfer_id: int
    reversal_id: int
    reason: str
