"""How credits say no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yungu.kernel.errors import Conflict, Exhausted, Invalid, NotFound

if TYPE_CHECKING:
    from yungu.credits.models import Verdict


class AmountInvalid(Invalid):
    """Not a whole number of micro-credits, or none that a ledger can hold."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The amount of credits is not valid: {why}.")


class KeyInvalid(Invalid):
    """An id that the client supplies must be short and plain."""

    hint = "Use 1 to 100 of the characters A-Z a-z 0-9 . _ : @ / + -"

    def __init__(self, what: str) -> None:
        super().__init__(f"The {what} is not valid.")


class SameAccount(Invalid):
    def __init__(self, code: str) -> None:
        super().__init__(f"A transfer must lead from one account to another; both are {code}.")


class AccountNotFound(NotFound):
    def __init__(self, code: str) -> None:
        super().__init__(f"There is no account {code}.")


class AccountTaken(Conflict):
    """An account of that code exists and is another one."""

    def __init__(self, code: str) -> None:
        super().__init__(f"The account {code} exists with another kind or owner.")


class TransferNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no transfer {number}.")


class TransferReused(Conflict):
    """A transfer of that id exists with other fields; nothing was booked."""

    hint = "Send the same fields again to ask for the same answer, or a new id for a new transfer."

    def __init__(self, key: str) -> None:
        super().__init__(f"The id {key} was used for another transfer.")


class TransferEnded(Conflict):
    """A pending transfer is posted, voided or timed out once."""

    def __init__(self, number: int) -> None:
        super().__init__(f"The pending transfer {number} has ended already.")


class NotPending(Invalid):
    def __init__(self, number: int) -> None:
        super().__init__(f"The transfer {number} is not pending: there is nothing to post or to void.")


class NotReversible(Conflict):
    """Only what was posted can be reversed, and once."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"The transfer {number} cannot be reversed: {why}.")


class PostTooMuch(Invalid):
    def __init__(self, amount: int, held: int) -> None:
        super().__init__(f"Cannot post {amount} micro-credits of {held} held.")
        self.amount, self.held = amount, held


class Overdrawn(Exhausted):
    """The account has less than the transfer takes."""

    def __init__(self, code: str, available: int, needed: int) -> None:
        super().__init__(f"The account {code} has {available} micro-credits left, {needed} are needed.")
        self.code, self.available, self.needed = code, available, needed


class CreditsShort(Exhausted):
    """The spender's vouchers for this use and the cash balance do not cover the amount. Micro-credits."""

    def __init__(self, available: int, needed: int) -> None:
        super().__init__(f"{needed} micro-credits are needed and {available} can be spent on this.")
        self.available, self.needed = available, needed


class BudgetNotFound(NotFound):
    hint = "Fund it first."

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no budget {name}.")


class VoucherNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no voucher {number}.")


class VoucherReused(Conflict):
    """A voucher of that id was granted with other fields."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The id {key} was used for another voucher.")


class VoucherClosed(Conflict):
    def __init__(self, number: int) -> None:
        super().__init__(f"The voucher {number} was clawed back already.")


class VoucherInvalid(Invalid):
    """Its validity, scope or caps make no sense."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The voucher is not valid: {why}.")


class HoldInvalid(Invalid):
    def __init__(self, why: str) -> None:
        super().__init__(f"The hold is not valid: {why}.")


class HoldNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no hold {number}.")


class HoldEnded(Conflict):
    """The hold was settled with another amount, released, or timed out."""

    def __init__(self, number: int, state: str) -> None:
        super().__init__(f"The hold {number} has ended already: it is {state}.")
        self.state = state


class RequestReused(Conflict):
    """The spender has used the request id for another hold."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"The request id {request_id} was used for another hold.")


class SettleTooMuch(Invalid):
    """More than was held: the hold must be the most that a request can cost."""

    def __init__(self, actual: int, held: int) -> None:
        super().__init__(f"Cannot settle {actual} micro-credits of {held} held.")
        self.actual, self.held = actual, held


class ConditionInvalid(Invalid):
    """An expression that the evaluator does not read."""

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"The condition {source!r} is not valid: {why}.")


class PolicyInvalid(Invalid):
    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"The policy {name} is not valid: {why}.")


class PolicyNotFound(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no policy {name}.")


class PolicyNotMet(Invalid):
    """The policy does not grant anything for these facts: they say no, or something is missing to know."""

    def __init__(self, verdict: Verdict) -> None:
        missing = f": it is not known what {', '.join(verdict.missing)} is" if verdict.missing else ""
        super().__init__(f"The policy {verdict.policy} grants nothing on {verdict.on}{missing}.")
        self.verdict = verdict
