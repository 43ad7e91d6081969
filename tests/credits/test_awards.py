"""Vouchers that a policy grants: what it awards, once, with the proof; and what became of every pot."""

from __future__ import annotations

from datetime import date

import pytest

from support.purse import Clock, Purse
from yungu import credits
from yungu.credits import PolicyNotMet, Voucher

LIN = 7
DAY = date(2026, 6, 1)


def award(purse: Purse, key: str = "a", **facts: credits.models.Value) -> Voucher:
    known = {"contract_amount": 100, "awarded_this_year": 0} | facts
    policy = credits.get_policy("westlake-tokens")
    return purse.write(lambda s: credits.grant_by_policy(s, LIN, policy, known, DAY, budget="pot", key=key, by=None))


def test_a_policy_grants_what_it_awards_and_the_proof_is_kept(purse: Purse) -> None:
    voucher = award(purse)

    assert (voucher.amount, voucher.policy) == (50 * credits.CREDIT, "westlake-tokens")
    decision = purse.read(lambda s: credits.get_decision(s, voucher.id))
    assert (decision["is_met"], decision["award"], decision["on"], decision["unit"]) == (True, 50, "2026-06-01", "CNY")
    assert decision["facts"] == {"contract_amount": 100, "awarded_this_year": 0}
    assert decision["proof"]["parts"][0]["text"] == "eligible"
    assert award(purse) == voucher  # the same once more
    with pytest.raises(credits.VoucherReused):
        award(purse, contract_amount=200)
    purse.check()


def test_no_and_unknown_grant_nothing_and_say_why(purse: Purse) -> None:
    with pytest.raises(PolicyNotMet) as no:
        award(purse, awarded_this_year=1_000_000)
    assert no.value.verdict.is_met is False and "grants nothing" in no.value.message
    with pytest.raises(PolicyNotMet, match="it is not known what contract_amount is"):
        award(purse, contract_amount=None)
    assert purse.read(lambda s: credits.list_vouchers(s, LIN)) == []


def test_an_award_is_cut_to_the_most_and_counted_in_its_price(purse: Purse) -> None:
    policy, facts = credits.get_policy("westlake-tokens"), {"contract_amount": 100, "awarded_this_year": 0}

    def grant(key: str, **more: int) -> int:
        return purse.write(
            lambda s: credits.grant_by_policy(s, LIN, policy, facts, DAY, budget="pot", key=key, by=None, **more)
        ).amount

    assert grant("a", most=7) == 7
    assert grant("b", unit_price=10) == 500


def test_the_figures_of_a_pot_add_up(purse: Purse, time: Clock) -> None:
    short = purse.grant(LIN, 100, days=1)
    kept, taken = purse.grant(LIN, 200, days=9), purse.grant(LIN, 50, days=9)
    held = purse.hold(LIN, 30)
    purse.write(lambda s: credits.settle(s, held.id, 10))
    purse.hold(LIN, 5)
    purse.write(lambda s: credits.claw_back(s, taken.id, reason="a mistake", by=None))
    later = time.move(days=2)
    purse.write(lambda s: credits.collect(s, short.id, later))

    [pot] = purse.read(credits.list_budgets)
    assert (pot.vouchers_count, pot.granted, pot.held, pot.redeemed) == (3, 350, 5, 10)
    assert (pot.expired, pot.clawed_back) == (100 - 10 - 5, 50)
    assert pot.left == 200 + 5 and pot.free == 1_000 * credits.CREDIT - 350 + 85 + 50
    assert pot.granted == pot.left + pot.redeemed + pot.expired + pot.clawed_back
    page = purse.read(lambda s: credits.list_granted(s, budget="pot", limit=2))
    assert [(voucher.id, left) for voucher, left in page.items] == [(taken.id, 0), (kept.id, 200)]
    rest = purse.read(lambda s: credits.list_granted(s, limit=2, cursor=page.next_cursor))
    assert [voucher.id for voucher, _ in rest.items] == [short.id] and rest.next_cursor is None


def test_what_is_earned_is_claimed_and_paid(purse: Purse) -> None:
    purse.grant(LIN, 100)
    for amount in (30, 12):
        held = purse.hold(LIN, amount)
        purse.write(lambda s, held=held, amount=amount: credits.settle(s, held.id, amount))

    assert purse.read(lambda s: credits.list_earned(s, limit=9)) == [credits.Earned(None, LIN, 42)]
    purse.write(lambda s: credits.claim(s, None, LIN, 40, key="c", by=None))
    purse.write(lambda s: credits.pay(s, None, 15, key="p", by=None))
    assert purse.read(lambda s: credits.list_earned(s, limit=9)) == [credits.Earned(None, LIN, 2)]
    assert purse.read(credits.list_due) == [credits.Due(None, 25, 15)]


def test_what_was_paid_is_told_for_each_voucher_and_for_cash(purse: Purse, time: Clock) -> None:
    begun = time.now
    first, second = purse.grant(LIN, 10, days=1), purse.grant(LIN, 20, days=2)
    purse.cash(LIN, 50)
    held = purse.hold(LIN, 45)
    purse.write(lambda s: credits.settle(s, held.id, 33))
    purse.hold(LIN, 2)

    spent = purse.read(lambda s: credits.spent_by_fund(s, LIN, begun))
    assert spent == {first.id: 10, second.id: 20, None: 3}
    later = time.move(hours=1)
    assert purse.read(lambda s: credits.spent_by_fund(s, LIN, later)) == {}
