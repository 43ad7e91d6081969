"""Many at once: real threads on a real database never spend a micro-credit twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from support.purse import CHAT, Purse
from yungu import credits
from yungu.kernel.errors import YunguError

LIN = 7
SPENDERS = 50


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """What each of so many threads, let go together, got or was refused with."""
    gate = threading.Barrier(count)

    def run(number: int) -> object:
        gate.wait(30)
        try:
            return work(number)
        except YunguError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_fifty_spenders_of_one_voucher_never_overspend(purse: Purse) -> None:
    voucher = purse.grant(LIN, 300)

    def spend(number: int) -> credits.Hold:
        held = purse.hold(LIN, 20, request=f"r{number}")
        return purse.settle(held, 7 + number % 14)

    done = at_once(SPENDERS, spend)
    paid = sum(end.settled_amount for end in done if isinstance(end, credits.Hold))
    assert all(isinstance(end, credits.Hold | credits.CreditsShort) for end in done)
    assert 0 < paid <= 300 and purse.left(voucher) == 300 - paid
    assert purse.available("redeemed:house:7") == paid
    purse.check()


def test_fifty_holds_at_once_take_exactly_what_there_is(purse: Purse) -> None:
    voucher = purse.grant(LIN, 300)
    done = at_once(SPENDERS, lambda number: purse.hold(LIN, 20, request=f"r{number}"))
    assert sum(isinstance(end, credits.Hold) for end in done) == 15
    assert purse.left(voucher) == 0
    purse.check()


def test_one_request_sent_fifty_times_is_held_once(purse: Purse) -> None:
    voucher = purse.grant(LIN, 300)
    done = at_once(SPENDERS, lambda _number: purse.hold(LIN, 20, request="same"))
    assert {end.id for end in done if isinstance(end, credits.Hold)} == {done[0].id}  # type: ignore[attr-defined]
    assert len(done) == SPENDERS and purse.left(voucher) == 280


def test_one_grant_sent_many_times_is_granted_once(purse: Purse) -> None:
    done = at_once(10, lambda _number: purse.grant(LIN, 300, key="same"))
    assert len({voucher.id for voucher in done}) == 1  # type: ignore[attr-defined]
    purse.check()


def test_everything_at_once_leaves_sound_books(purse: Purse) -> None:
    vouchers = [purse.grant(LIN, 100, days=number + 1, key=f"v{number}") for number in range(4)]
    purse.cash(LIN, 50)

    def act(number: int) -> object:
        match number % 6:
            case 0 | 1 | 2:
                held = purse.hold(LIN, 90, CHAT, request=f"r{number}", provider_id=number % 3)
                return purse.settle(held, 40) if number % 2 else purse.release(held)
            case 3:
                return purse.write(lambda s: credits.claw_back(s, vouchers[number % 4].id, reason="", by=None))
            case 4:
                return purse.grant(LIN, 30, key=f"more{number}")
            case _:
                return purse.tend()

    done = at_once(30, act)
    refused = {type(end) for end in done if isinstance(end, YunguError)}
    assert refused <= {credits.CreditsShort, credits.VoucherClosed}
    purse.check()
