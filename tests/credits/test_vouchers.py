"""Vouchers: granted once, spent first to expire, then smallest, within scope and caps, warned of, over, clawed back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.purse import CHAT, Clock, Purse
from yungu import credits
from yungu.credits import Scope, Terms, Use, Voucher
from yungu.kernel import clock

LIN, MEI = 7, 8


def test_a_voucher_comes_out_of_the_pot(purse: Purse) -> None:
    voucher = purse.grant(LIN, 300, days=30, models=["lin/tea"])
    assert (voucher.amount, purse.left(voucher), voucher.scope.models) == (300, 300, ["lin/tea"])
    assert purse.available("budget:pot") == 1_000 * credits.CREDIT - 300
    [told] = purse.facts("VoucherGranted")
    assert (told.id, told.payload["voucher_id"]) == (voucher.event_id, voucher.id)
    purse.check()


def test_the_same_grant_twice_is_one_voucher(purse: Purse, time: Clock) -> None:
    first = purse.grant(LIN, 300, days=30, key="a")
    assert purse.grant(LIN, 300, days=30, key="a") == first
    for owner, amount, more in ((MEI, 300, {}), (LIN, 301, {}), (LIN, 300, {"uses": ["train"]})):
        with pytest.raises(credits.VoucherReused):
            purse.grant(owner, amount, days=30, key="a", **more)
    assert len(purse.facts("VoucherGranted")) == 1


def test_no_more_is_granted_than_the_pot_has(purse: Purse) -> None:
    with pytest.raises(credits.Overdrawn):
        purse.grant(LIN, 1_000 * credits.CREDIT + 1)
    with pytest.raises(credits.BudgetNotFound):
        purse.write(lambda s: credits.grant(s, LIN, 1, budget="other", key="a", by=None))
    assert purse.read(lambda s: credits.list_vouchers(s, LIN)) == []


@pytest.mark.parametrize(
    "terms",
    [
        {"days": -1},
        {"models": ["tea"]},
        {"uses": [""]},
        {"owners": ["x"] * 201},
        {"owners": ["x" * 201]},
    ],
)
def test_terms_that_make_no_sense_are_refused(purse: Purse, terms: dict[str, object]) -> None:
    with pytest.raises(credits.VoucherInvalid):
        purse.grant(LIN, 1, **terms)  # type: ignore[arg-type]


def test_keys_and_caps_are_checked(purse: Purse) -> None:
    for key in ("", " ", "a b", "x" * 101, "ä", "a\n"):
        with pytest.raises(credits.KeyInvalid):
            purse.write(lambda s, k=key: credits.grant(s, LIN, 1, budget="pot", key=k, by=None))
    with pytest.raises(credits.AmountInvalid):
        purse.grant(LIN, 1, day_cap=0)


def test_the_first_to_expire_is_spent_first_and_then_the_smallest_and_cash_last(purse: Purse, time: Clock) -> None:
    purse.cash(LIN, 100)
    forever = purse.grant(LIN, 10)
    late = purse.grant(LIN, 10, days=20)
    large = purse.grant(LIN, 30, days=10)
    small = purse.grant(LIN, 20, days=10)
    held = purse.hold(LIN, 75)
    assert purse.parts(held) == [
        (small.id, 20),
        (large.id, 30),
        (late.id, 10),
        (forever.id, 10),
        (None, 5),
    ]
    purse.check()


def test_what_is_not_needed_returns_to_the_last_first(purse: Purse) -> None:
    purse.cash(LIN, 10)
    first, second = purse.grant(LIN, 10, days=1), purse.grant(LIN, 10, days=2)
    purse.settle(purse.hold(LIN, 25), 13)
    wallet = purse.read(lambda s: credits.get_wallet(s, LIN))
    assert (purse.left(first), purse.left(second), wallet.cash, wallet.held) == (0, 7, 10, 0)
    assert purse.available("redeemed:house:7") == 13


SCOPES = [
    (Scope(), True),
    (Scope(models=["lin/tea"]), True),
    (Scope(models=["LIN/Tea"]), True),
    (Scope(models=["lin/teapot"]), False),
    (Scope(owners=["Lin"]), True),
    (Scope(owners=["li"]), False),
    (Scope(models=["mei/x"], owners=["lin"]), True),
    (Scope(uses=["INFER"]), True),
    (Scope(uses=["train"]), False),
    (Scope(uses=["train"], owners=["lin"]), False),
]


@pytest.mark.parametrize(("scope", "is_covered"), SCOPES)
def test_a_voucher_pays_for_what_is_in_its_scope(purse: Purse, scope: Scope, is_covered: bool) -> None:
    purse.write(lambda s: credits.grant(s, LIN, 10, budget="pot", key="a", terms=Terms(scope=scope), by=None))
    if is_covered:
        assert purse.hold(LIN, 10).amount == 10
    else:
        with pytest.raises(credits.CreditsShort) as refused:
            purse.hold(LIN, 10)
        assert (refused.value.available, refused.value.needed) == (0, 10)


def test_a_voucher_for_models_pays_for_no_use_without_one(purse: Purse) -> None:
    purse.grant(LIN, 10, owners=["lin"])
    with pytest.raises(credits.CreditsShort):
        purse.hold(LIN, 1, Use("train"))


def test_nobody_spends_what_is_not_theirs(purse: Purse) -> None:
    purse.grant(LIN, 10)
    with pytest.raises(credits.CreditsShort):
        purse.hold(MEI, 1)


def test_a_voucher_is_good_from_its_first_moment_until_before_its_last(purse: Purse, time: Clock) -> None:
    voucher = purse.grant(LIN, 10, not_before=time.now + timedelta(hours=1), days=1)
    with pytest.raises(credits.CreditsShort):
        purse.hold(LIN, 1)
    time.move(hours=1)
    purse.hold(LIN, 1)
    time.now = voucher.expires_at  # type: ignore[assignment]
    with pytest.raises(credits.CreditsShort):
        purse.hold(LIN, 1)


def test_a_day_has_its_cap_and_the_next_one_a_new_one(purse: Purse, time: Clock) -> None:
    purse.grant(LIN, 100, day_cap=10)
    purse.settle(purse.hold(LIN, 8), 3)
    purse.release(purse.hold(LIN, 7))
    purse.hold(LIN, 7)
    with pytest.raises(credits.CreditsShort):
        purse.hold(LIN, 1)
    time.move(days=1)
    purse.hold(LIN, 10)
    time.move(days=-1)
    with pytest.raises(credits.CreditsShort):
        purse.hold(LIN, 1)  # the clock was set back: it is no fresh day
    time.move(days=2)
    purse.hold(LIN, 10)
    purse.check()


def test_a_hold_of_yesterday_frees_nothing_today(purse: Purse, time: Clock) -> None:
    purse.grant(LIN, 100, day_cap=10)
    yesterday = purse.hold(LIN, 10, minutes=60 * 24)
    time.move(hours=13)
    purse.hold(LIN, 9)
    purse.settle(yesterday, 2)
    with pytest.raises(credits.CreditsShort) as refused:
        purse.hold(LIN, 2)
    assert refused.value.available == 1


def test_a_voucher_has_a_cap_for_all_time(purse: Purse) -> None:
    purse.grant(LIN, 100, total_cap=30)
    purse.settle(purse.hold(LIN, 20), 15)
    purse.hold(LIN, 15)
    with pytest.raises(credits.CreditsShort):
        purse.hold(LIN, 1)


def test_owners_are_warned_once_before_a_voucher_is_over(purse: Purse, time: Clock) -> None:
    voucher, spent = purse.grant(LIN, 10, days=8), purse.grant(LIN, 5, days=7)
    purse.settle(purse.hold(LIN, 5), 5)
    assert purse.tend() == 0
    time.move(days=2)
    assert (purse.tend(), purse.tend()) == (1, 0)
    [told] = purse.facts("VoucherExpiring")
    assert told.payload == {"voucher_id": voucher.id, "owner_id": LIN, "amount": 10}
    assert told.caused_by == voucher.event_id and purse.left(spent) == 0


def test_what_is_left_on_a_voucher_that_is_over_returns_to_its_pot(purse: Purse, time: Clock) -> None:
    voucher = purse.grant(LIN, 100, days=1)
    held = purse.hold(LIN, 40, minutes=60 * 30)
    time.move(days=1)
    purse.tend()
    assert purse.left(voucher) == 0 and purse.available("budget:pot") == 1_000 * credits.CREDIT - 40

    purse.settle(held, 15)  # begun in time: it is paid
    purse.tend()
    assert purse.tend() == 0
    assert purse.available("budget:pot") == 1_000 * credits.CREDIT - 15
    assert [fact.payload["amount"] for fact in purse.facts("VoucherExpired")] == [60, 25]
    assert purse.read(lambda s: credits.get_account(s, "expired:pot")).credits_posted == 85
    purse.check()


def test_a_voucher_is_clawed_back_with_a_reason(purse: Purse, time: Clock) -> None:
    voucher = purse.grant(LIN, 100)
    held = purse.hold(LIN, 40)
    closed = purse.write(lambda s: credits.claw_back(s, voucher.id, reason="a shell firm", by=1))
    assert (closed.closed_at, closed.closed_reason) == (clock.now(), "a shell firm")
    with pytest.raises(credits.CreditsShort):
        purse.hold(LIN, 1)
    with pytest.raises(credits.VoucherClosed):
        purse.write(lambda s: credits.claw_back(s, voucher.id, reason="again", by=1))

    purse.settle(held, 10)
    purse.tend()
    assert purse.available("budget:pot") == 1_000 * credits.CREDIT - 10
    assert purse.read(lambda s: credits.get_account(s, "clawed_back:pot")).credits_posted == 90
    [told] = purse.facts("VoucherClawedBack")
    assert (told.payload["amount"], told.payload["reason"], told.caused_by) == (60, "a shell firm", voucher.event_id)
    purse.check()


def test_there_is_no_other_voucher(purse: Purse) -> None:
    with pytest.raises(credits.VoucherNotFound):
        purse.write(lambda s: credits.claw_back(s, 99, reason="", by=None))


def test_a_grant_keeps_the_verdict_that_led_to_it(purse: Purse) -> None:
    made: Voucher = purse.grant(LIN, 10, policy="tea-2026", decision={"is_met": True})
    assert made.policy == "tea-2026"
    assert purse.read(lambda s: credits.get_decision(s, made.id)) == {"is_met": True}


def test_cash_and_pots_are_filled_once_per_id(purse: Purse) -> None:
    for _ in range(2):
        purse.write(lambda s: credits.add_cash(s, LIN, 5, key="c", by=None))
    assert purse.available("cash:7") == 5 and len(purse.facts("CashAdded")) == 1
    with pytest.raises(credits.TransferReused):
        purse.write(lambda s: credits.add_cash(s, LIN, 6, key="c", by=None))


def test_what_was_redeemed_is_claimed_and_paid(purse: Purse) -> None:
    purse.grant(LIN, 100)
    purse.settle(purse.hold(LIN, 50, CHAT, provider_id=MEI), 50)
    for _ in range(2):
        purse.write(lambda s: credits.claim(s, MEI, LIN, 40, key="march", by=None))
        purse.write(lambda s: credits.pay(s, MEI, 30, key="march", by=None))
    left = [purse.available(code) for code in ("redeemed:8:7", "payable:8", "paid:8")]
    assert left == [10, 10, 30] and len(purse.facts("RedeemedClaimed", "ClaimPaid")) == 2
    with pytest.raises(credits.Overdrawn):
        purse.write(lambda s: credits.claim(s, MEI, LIN, 11, key="april", by=None))
    with pytest.raises(credits.AccountNotFound):
        purse.write(lambda s: credits.claim(s, None, LIN, 1, key="may", by=None))
    purse.check()
