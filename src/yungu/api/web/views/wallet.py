"""What somebody has and has spent: vouchers, cash, receipts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from starlette.responses import Response

from yungu import accounts, compute, credits
from yungu.accounts import OwnerNotFound
from yungu.accounts.models import Owner
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web.rendering import page
from yungu.api.web.visit import Visit, begin
from yungu.compute import CallNotFound, CallRecord
from yungu.credits import Fund, Voucher
from yungu.kernel import clock
from yungu.kernel.db import Session

_DAYS = 30
_SHOWN = 10
_PER_PAGE = 50
_MOST_EXPORTED = 50_000
_WARNED_AHEAD = timedelta(days=7)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Card:
    """A voucher as a card of the wallet. ``today``: of the day's cap; ``month``: paid with it this month; ``state``:
    "good", "soon" (over within a week), "waits", "over", "taken"."""

    voucher: Voucher
    state: str
    left: int
    held: int
    today: int
    month: int


def get_wallet(session: Session, call: Call) -> Response:
    """One's own, or that of an organization that one administers."""
    visit = begin(session, call)
    owner = holder(session, visit, call.params.get("owner", ""))
    wallet, now = credits.get_wallet(session, owner.id), clock.now()
    since = datetime.combine(now.date() - timedelta(days=_DAYS - 1), time(), UTC)
    month = credits.spent_by_fund(session, owner.id, datetime.combine(now.date().replace(day=1), time(), UTC))
    cards = list_cards(session, owner, wallet.funds, month, now)
    context: dict[str, Any] = {
        "tab": "credits",
        "owner": owner,
        "wallets": _wallets(session, visit),
        "wallet": wallet,
        "good": [card for card in cards if card.state in ("good", "soon", "waits")],
        "past": [card for card in cards if card.state in ("over", "taken")],
        "saved": sum(amount for number, amount in month.items() if number is not None),
        "paid_cash": month.get(None, 0),
        "by_day": _every_day(compute.sum_by_day(session, owner.id, since), since.date()),
        "by_model": compute.sum_by_model(session, owner.id, since),
        "calls": compute.list_calls(session, payer_id=owner.id, limit=_SHOWN),
        "jobs": compute.list_paid_jobs(session, owner.id, since, limit=_SHOWN),
        "days": _DAYS,
    }
    return _private(page(visit, "compute/wallet.html", **context))


def get_receipts(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    owner = holder(session, visit, call.params["owner"])
    found = compute.list_calls(session, payer_id=owner.id, limit=_PER_PAGE, cursor=call.query_params.get("cursor"))
    context: dict[str, Any] = {"tab": "credits", "owner": owner, "found": found}
    return _private(page(visit, "compute/receipts.html", **context))


def get_receipt(session: Session, call: Call) -> Response:
    """For who paid, who called, who administers the organization that paid, and the hub's administrators."""
    visit = begin(session, call)
    visit.person()
    receipt = compute.get_receipt(session, whole_number(call.params["number"]) or 0)
    if not _may_see(visit, receipt.call):
        raise CallNotFound(receipt.call.id)
    numbers = {receipt.call.payer_id, receipt.call.user_id, receipt.call.provider_id or 0}
    vouchers = {
        paid.voucher_id: credits.get_voucher(session, paid.voucher_id) for paid in receipt.paid if paid.voucher_id
    }
    context: dict[str, Any] = {
        "tab": "credits",
        "receipt": receipt,
        "names": accounts.list_owner_names(session, numbers),
        "vouchers": vouchers,
    }
    return _private(page(visit, "compute/receipt.html", **context))


def get_export(session: Session, call: Call) -> Response:
    """Every call that was paid, as comma-separated values; amounts in credits."""
    visit = begin(session, call)
    owner = holder(session, visit, call.params["owner"])
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow("id started_at model kind outcome prompt_tokens completion_tokens seconds credits hold".split())
    for one in _iter_calls(session, owner.id):
        cells = (one.id, clock.iso(one.started_at), one.model, one.kind, one.outcome, one.prompt_tokens)
        more = (one.completion_tokens, f"{one.device_seconds:.3f}", credits.credits_text(one.amount), one.hold_id or "")
        rows.writerow([_harmless(str(cell)) for cell in (*cells, *more)])
    name = f"yungu-calls-{owner.name}-{clock.now():%Y%m%d}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(text.getvalue(), headers=headers, media_type="text/csv")


def holder(session: Session, visit: Visit, name: str) -> Owner:
    """Whose wallet the visitor may look into by that name; their own for none. Raises SignInRequired, OwnerNotFound."""
    user = visit.person()
    if not name or name.casefold() == user.name.casefold():
        return user
    owner = accounts.get_owner(session, name)
    if not visit.actor.is_site_admin and visit.actor.roles.get(owner.id) != "admin":
        raise OwnerNotFound(name)
    return owner


def list_cards(
    session: Session, owner: Owner, funds: Sequence[Fund], month: dict[int | None, int], now: datetime
) -> list[Card]:
    """All vouchers of an owner, in the order in which they are spent."""
    by_account = {fund.account.id: fund for fund in funds}
    cards = [
        _card(voucher, by_account.get(voucher.account_id), month.get(voucher.id, 0), now)
        for voucher in credits.list_vouchers(session, owner.id)
    ]
    last = datetime.max.replace(tzinfo=UTC)
    return sorted(cards, key=lambda card: (card.voucher.expires_at or last, card.left, card.voucher.account_id))


def _card(voucher: Voucher, fund: Fund | None, month: int, now: datetime) -> Card:
    left = fund.account.available if fund else 0
    held = fund.account.debits_pending if fund else 0
    today = voucher.spent_amount if voucher.spent_on == now.date().isoformat() else 0
    return Card(voucher, _state(voucher, now), left, held, today, month)


def _state(voucher: Voucher, now: datetime) -> str:
    if voucher.closed_at is not None:
        return "taken"
    if voucher.expires_at is not None and voucher.expires_at <= now:
        return "over"
    if voucher.not_before > now:
        return "waits"
    is_soon = voucher.expires_at is not None and voucher.expires_at <= now + _WARNED_AHEAD
    return "soon" if is_soon else "good"


def _wallets(session: Session, visit: Visit) -> list[str]:
    """The names of all wallets that the visitor may look into."""
    user = visit.person()
    ruled = [one.organization for one in accounts.list_memberships(session, user.id) if one.role == "admin"]
    return [user.name, *ruled]


def _every_day(totals: Sequence[compute.Total], first: date) -> list[tuple[date, int]]:
    known = {total.day: total.amount for total in totals}
    days = [first + timedelta(days=number) for number in range(_DAYS)]
    return [(day, known.get(day, 0)) for day in days]


def _may_see(visit: Visit, call: CallRecord) -> bool:
    actor = visit.actor
    return actor.is_site_admin or actor.id in (call.payer_id, call.user_id) or actor.roles.get(call.payer_id) == "admin"


def _iter_calls(session: Session, payer_id: int) -> Iterator[CallRecord]:
    cursor, count = None, 0
    while count < _MOST_EXPORTED:
        found = compute.list_calls(session, payer_id=payer_id, limit=1000, cursor=cursor)
        yield from found.items
        count, cursor = count + len(found.items), found.next_cursor
        if cursor is None:
            return


def _private(response: Response) -> Response:
    response.headers["cache-control"] = "no-store"
    return response


def _harmless(cell: str) -> str:
    """Spreadsheets take what begins so for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
