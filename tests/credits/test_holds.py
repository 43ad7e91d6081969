"""Holds: before, during and after a request; duplicates, late ends, forgotten ones."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from support.purse import CHAT, Clock, Purse
from yungu import credits
from yungu.credits import Use, Voucher
from yungu.kernel import clock

LIN, MEI = 7, 8


@pytest.fixture
def voucher(purse: Purse, time: Clock) -> Voucher:
    return purse.grant(LIN, 100)


def test_a_request_is_held_and_settled(purse: Purse, voucher: Voucher) -> None:
    held = purse.hold(LIN, 60, caused_by=voucher.event_id)
    assert (held.state, purse.left(voucher)) == ("open", 40)
    settled = purse.settle(held, 25, {"completion_tokens": 321})
    assert (settled.state, settled.settled_amount, settled.usage) == ("settled", 25, {"completion_tokens": 321})
    assert purse.left(voucher) == 75 and purse.parts(settled) == [(voucher.id, 60)]
    began, ended = purse.facts("CreditsHeld", "UsageSettled")
    assert (began.caused_by, ended.caused_by, ended.payload["amount"]) == (voucher.event_id, began.id, 25)
    assert began.id == held.id
    purse.check()


def test_the_same_request_twice_is_held_once(purse: Purse, voucher: Voucher) -> None:
    first = purse.hold(LIN, 60, request="r")
    assert purse.hold(LIN, 60, request="r") == first
    assert purse.left(voucher) == 40
    for other in ((61, CHAT, None), (60, Use("train"), None), (60, CHAT, MEI)):
        with pytest.raises(credits.RequestReused):
            purse.hold(LIN, other[0], other[1], request="r", provider_id=other[2])
    purse.settle(first, 1)
    assert purse.hold(LIN, 60, request="r").state == "settled"  # the gateway sees that it is over


def test_request_ids_are_everybodys_own(purse: Purse, voucher: Voucher) -> None:
    purse.grant(MEI, 10)
    assert purse.hold(LIN, 1, request="r").id != purse.hold(MEI, 1, request="r").id


def test_settling_twice_is_settling_once(purse: Purse, voucher: Voucher) -> None:
    held = purse.hold(LIN, 60)
    assert purse.settle(held, 25) == purse.settle(held, 25)
    for end in (lambda: purse.settle(held, 26), lambda: purse.release(held)):
        with pytest.raises(credits.HoldEnded):
            end()
    assert purse.left(voucher) == 75 and len(purse.facts("UsageSettled")) == 1


def test_a_request_that_cost_nothing_is_settled_with_nothing(purse: Purse, voucher: Voucher) -> None:
    assert purse.settle(purse.hold(LIN, 60), 0).state == "settled"
    assert purse.left(voucher) == 100


def test_a_released_hold_returns_whole_and_stays_released(purse: Purse, voucher: Voucher) -> None:
    held = purse.hold(LIN, 60)
    assert purse.release(held) == purse.release(held)
    with pytest.raises(credits.HoldEnded):
        purse.settle(held, 1)
    assert purse.left(voucher) == 100 and len(purse.facts("HoldReleased")) == 1


def test_a_forgotten_hold_is_swept(purse: Purse, voucher: Voucher, time: Clock) -> None:
    forgotten, kept = purse.hold(LIN, 60, minutes=10), purse.hold(LIN, 10, minutes=20)
    assert purse.tend() == 0
    time.move(minutes=10)
    assert (purse.tend(), purse.tend()) == (1, 0)
    assert purse.read(lambda s: credits.get_hold(s, forgotten.id)).state == "timed_out"
    assert purse.left(voucher) == 90
    with pytest.raises(credits.HoldEnded):
        purse.settle(forgotten, 1)
    [told] = purse.facts("HoldTimedOut")
    assert told.caused_by == forgotten.id
    purse.settle(kept, 10)
    purse.check()


def test_a_late_request_is_paid_when_it_was_not_swept_yet(purse: Purse, voucher: Voucher, time: Clock) -> None:
    held = purse.hold(LIN, 60)
    time.move(days=3)
    assert purse.settle(held, 25).state == "settled"
    assert purse.tend() == 0


def test_a_clock_that_is_set_back_ends_nothing_and_breaks_nothing(purse: Purse, voucher: Voucher, time: Clock) -> None:
    held = purse.hold(LIN, 60)
    time.move(days=-400)
    assert purse.tend() == 0
    with pytest.raises(credits.CreditsShort):
        purse.hold(LIN, 1)  # the voucher is not good yet
    purse.settle(held, 5)
    purse.check()


@pytest.mark.parametrize("amount", [0, -1, 2**62, 2**64, 1.5, True])
def test_amounts_that_are_none_are_not_held(purse: Purse, voucher: Voucher, amount: int) -> None:
    with pytest.raises(credits.AmountInvalid):
        purse.hold(LIN, amount)
    assert purse.left(voucher) == 100


@pytest.mark.parametrize("actual", [-1, 61, 2**62 - 1, 2**64, 1.5, True])
def test_amounts_that_were_not_held_are_not_settled(purse: Purse, voucher: Voucher, actual: int) -> None:
    held = purse.hold(LIN, 60)
    with pytest.raises((credits.AmountInvalid, credits.SettleTooMuch)):
        purse.settle(held, actual)
    assert purse.settle(held, 60).state == "settled"


def test_more_than_there_is_cannot_be_held(purse: Purse, voucher: Voucher) -> None:
    purse.cash(LIN, 20)
    with pytest.raises(credits.CreditsShort) as refused:
        purse.hold(LIN, 2**61)
    assert (refused.value.available, refused.value.needed) == (120, 2**61)
    assert purse.hold(LIN, 120).amount == 120


def test_a_hold_has_an_end_an_id_and_a_use(purse: Purse, voucher: Voucher) -> None:
    for minutes in (0, -5, 60 * 24 * 31):
        with pytest.raises(credits.HoldInvalid):
            purse.hold(LIN, 1, minutes=minutes)
    for use in (Use(""), Use("x" * 101), Use("infer", "x" * 301)):
        with pytest.raises(credits.HoldInvalid):
            purse.hold(LIN, 1, use)
    with pytest.raises(credits.KeyInvalid):
        later = clock.now() + timedelta(minutes=1)
        purse.write(lambda s: credits.hold(s, LIN, 1, CHAT, "a b", later))
    with pytest.raises(credits.HoldNotFound):
        purse.write(lambda s: credits.settle(s, 99, 1))


def test_holds_are_listed_newest_first_page_by_page(purse: Purse, voucher: Voucher) -> None:
    made = [purse.hold(LIN, 1).id for _ in range(3)]
    first = purse.read(lambda s: credits.list_holds(s, LIN, limit=2))
    rest = purse.read(lambda s: credits.list_holds(s, LIN, limit=2, cursor=first.next_cursor))
    assert [held.id for held in (*first.items, *rest.items)] == made[::-1] and rest.next_cursor is None


def test_a_settled_charge_is_refunded_by_a_reversal(purse: Purse, voucher: Voucher) -> None:
    held = purse.hold(LIN, 60)
    purse.settle(held, 25)
    paid = purse.read(lambda s: credits.find_transfer(s, f"end:{held.id}:0"))
    assert paid is not None
    purse.write(lambda s: credits.reverse(s, paid.id, key="refund", reason="wrong answer", by=1))
    assert purse.left(voucher) == 100
    purse.check()


def draw(purse: Purse, held: credits.Hold, amount: int, request: str, **more: Any) -> credits.Hold:
    return purse.write(lambda s: credits.draw(s, held.id, amount, request, **more))


def test_what_is_held_is_paid_in_pieces_and_nobody_else_has_it_in_between(purse: Purse, time: Clock) -> None:
    soon, late = purse.grant(LIN, 30, days=1), purse.grant(LIN, 100, day_cap=90)
    purse.cash(LIN, 5)
    held = purse.hold(LIN, 120, minutes=10_000)
    assert purse.parts(held) == [(soon.id, 30), (late.id, 90)]
    time.move(days=2)  # a voucher that is over, and a day cap that was used up, still pay what they are held for
    first = draw(purse, held, 40, "call-1", provider_id=MEI, usage={"completion_tokens": 4})
    assert (first.state, first.amount, purse.parts(first)) == ("settled", 40, [(soon.id, 30), (late.id, 10)])
    assert purse.read(lambda s: credits.get_hold(s, first.id)) == first
    assert draw(purse, held, 7, "call-2").redeemed_id != first.redeemed_id
    rest = purse.read(lambda s: credits.get_hold(s, held.id))
    assert (rest.state, rest.amount, purse.parts(rest)) == ("open", 73, [(late.id, 73)])
    with pytest.raises(credits.SettleTooMuch):
        draw(purse, held, 74, "call-3")
    with pytest.raises(credits.RequestReused):
        draw(purse, held, 1, "call-1")
    assert purse.available(f"redeemed:{MEI}:{LIN}") == 40
    purse.check()
    purse.settle(rest, 3)
    assert purse.left(late) == 80
    with pytest.raises(credits.HoldEnded):
        draw(purse, held, 1, "call-4")
    purse.check()


def test_a_hold_can_be_drawn_to_its_end(purse: Purse, voucher: Voucher) -> None:
    held = purse.hold(LIN, 60)
    for number in range(6):
        draw(purse, held, 10, f"call-{number}", provider_id=MEI)
    with pytest.raises(credits.SettleTooMuch):
        draw(purse, held, 1, "one-more")
    assert purse.release(held).amount == 0
    assert purse.left(voucher) == 40 and len(purse.facts("UsageSettled")) == 6
    purse.check()


def test_a_hold_that_is_known_is_settled_without_being_read_and_only_while_it_is_open(
    purse: Purse, voucher: Voucher
) -> None:
    held = purse.hold(LIN, 60)
    ended = purse.write(lambda s: credits.settle_open(s, held, 25, {"completion_tokens": 5}))
    assert ended == purse.settle(held, 25) and purse.left(voucher) == 75
    drawn = purse.hold(LIN, 10)
    draw(purse, drawn, 4, "call")
    for stale, refusal in ((held, credits.HoldEnded), (drawn, credits.HoldInvalid)):
        with pytest.raises(refusal):
            purse.write(partial(credits.settle_open, held=stale, actual=10))
    assert purse.left(voucher) == 65
    purse.check()
