"""Which voucher pays what: scope, validity, caps, order, splitting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from yungu.credits.errors import CreditsShort, HoldInvalid, SettleTooMuch, VoucherInvalid
from yungu.credits.models import Fund, Part, Scope, Terms, Use, Voucher
from yungu.credits.rules.ledger import check_amount

LONGEST_HOLD = timedelta(days=30)
_MOST_NAMES = 200
_LONGEST_NAME = 200


def check_terms(terms: Terms, granted_at: datetime) -> None:
    """Raises VoucherInvalid, AmountInvalid."""
    if terms.expires_at is not None and terms.expires_at <= (terms.not_before or granted_at):
        raise VoucherInvalid("it would be over before it begins")
    for cap in (terms.day_cap, terms.total_cap):
        if cap is not None:
            check_amount(cap)
    names = [*terms.scope.models, *terms.scope.owners, *terms.scope.uses]
    if len(names) > _MOST_NAMES or any(not 0 < len(name) <= _LONGEST_NAME for name in names):
        raise VoucherInvalid(f"its scope may have {_MOST_NAMES} names of {_LONGEST_NAME} characters")
    if any(model.count("/") != 1 for model in terms.scope.models):
        raise VoucherInvalid("a model in its scope is not of the form owner/name")


def check_expiry(expires_at: datetime, now: datetime) -> None:
    """Raises HoldInvalid."""
    if not now < expires_at <= now + LONGEST_HOLD:
        raise HoldInvalid(f"it must expire in the future, within {LONGEST_HOLD.days} days")


def covers(scope: Scope, use: Use) -> bool:
    """Whether a voucher of this scope pays for the use. Names ignore case."""
    if scope.uses and use.kind.casefold() not in _folded(scope.uses):
        return False
    if not scope.models and not scope.owners:
        return True
    model = (use.model or "").casefold()
    return model in _folded(scope.models) or model.partition("/")[0] in _folded(scope.owners)


def is_valid(voucher: Voucher, now: datetime) -> bool:
    started, over = voucher.not_before <= now, voucher.expires_at is not None and voucher.expires_at <= now
    return started and not over and voucher.closed_at is None


def counting_day(voucher: Voucher, now: datetime) -> str:
    """The UTC day whose cap is used: never one before the last, so a clock that is set back opens no fresh day."""
    return max(now.date().isoformat(), voucher.spent_on or "")


def spendable(fund: Fund, use: Use, now: datetime) -> int:
    """How much of a fund can pay for the use now: micro-credits, 0 when nothing."""
    voucher, left = fund.voucher, fund.account.available
    if voucher is None:
        return left
    if not is_valid(voucher, now) or not covers(voucher.scope, use):
        return 0
    if voucher.day_cap is not None:
        spent = voucher.spent_amount if voucher.spent_on == counting_day(voucher, now) else 0
        left = min(left, voucher.day_cap - spent)
    if voucher.total_cap is not None:
        left = min(left, voucher.total_cap - fund.account.debits_posted - fund.account.debits_pending)
    return max(0, left)


def split(amount: int, funds: Sequence[Fund], use: Use, now: datetime) -> list[tuple[Fund, int]]:
    """Which funds pay what of ``amount``: vouchers that expire first, of those the smallest; cash comes last.

    Raises CreditsShort."""
    usable = [(fund, left) for fund in funds if (left := spendable(fund, use, now))]
    usable.sort(key=lambda pair: _turn(*pair))
    parts, rest = list[tuple[Fund, int]](), amount
    for fund, left in usable:
        if rest:
            parts.append((fund, min(left, rest)))
            rest -= min(left, rest)
    if rest:
        raise CreditsShort(amount - rest, amount)
    return parts


def charge(parts: Sequence[Part], actual: int) -> list[int]:
    """What each part pays of ``actual``: in their order, so that what is not needed returns in reverse.

    Raises SettleTooMuch, AmountInvalid."""
    if type(actual) is not int or actual != 0:
        check_amount(actual)
    held = sum(part.amount for part in parts)
    if actual > held:
        raise SettleTooMuch(actual, held)
    charged = list[int]()
    for part in parts:
        charged.append(min(part.amount, actual - sum(charged)))
    return charged


def _turn(fund: Fund, left: int) -> tuple[bool, bool, float, int, int]:
    expires_at = fund.voucher.expires_at if fund.voucher else None
    moment = expires_at.timestamp() if expires_at else 0.0
    return fund.voucher is None, expires_at is None, moment, left, fund.account.id


def _folded(names: Sequence[str]) -> set[str]:
    return {name.casefold() for name in names}
