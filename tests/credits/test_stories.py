"""Whatever happens in whatever order, no rule of the ledger is broken: stories made up by hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from yungu import credits
from yungu.credits import Hold, Scope, Terms, Use
from yungu.credits.queries import list_closed_with_rest, list_expired_holds
from yungu.credits.rules.ledger import is_even
from yungu.kernel import clock
from yungu.kernel.db import Database
from yungu.kernel.errors import YunguError

AMOUNTS = st.integers(1, 200) | st.sampled_from([-1, 0, 2**62, 2**80])
OWNERS = st.sampled_from([7, 8])
USES = st.sampled_from([Use("infer", "lin/tea"), Use("infer", "mei/cup"), Use("train")])
SCOPES = st.sampled_from([Scope(), Scope(models=["lin/tea"]), Scope(owners=["mei"]), Scope(uses=["train"])])
CAPS = st.none() | st.integers(1, 150)
POT = 2_000


class Story(RuleBasedStateMachine):
    """One transaction, rolled back at the end; every refusal must have written nothing."""

    database: Database
    vouchers: Bundle[int] = Bundle("vouchers")
    holds: Bundle[Hold] = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        clock.now = lambda: self.now
        self.numbers = iter(range(1, 10_000))
        self.writing = self.database.write()
        self.session = self.writing.__enter__()
        self.paid_in = POT
        self.settled = dict[int, int]()
        credits.fund_budget(self.session, "pot", POT, key="pot", by=None)

    def teardown(self) -> None:
        self.session.rollback()
        self.session.close()

    def attempt(self, work: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """What came of it, None when it was refused; the books are as they were then."""
        before = list(credits.iter_transfers(self.session))
        try:
            return work(self.session, *args, **more)
        except YunguError:
            assert list(credits.iter_transfers(self.session)) == before
            return None

    @rule(owner=OWNERS, amount=AMOUNTS)
    def pay_in(self, owner: int, amount: int) -> None:
        if self.attempt(credits.add_cash, owner, amount, key=f"cash{next(self.numbers)}", by=None):
            self.paid_in += amount

    @rule(target=vouchers, owner=OWNERS, amount=AMOUNTS, scope=SCOPES, hours=st.none() | st.integers(1, 80), caps=CAPS)
    def grant(self, owner: int, amount: int, scope: Scope, hours: int | None, caps: int | None) -> int:
        over = self.now + timedelta(hours=hours) if hours else None
        terms = Terms(scope=scope, expires_at=over, day_cap=caps, total_cap=caps)
        key = f"v{next(self.numbers)}"
        made = self.attempt(credits.grant, owner, amount, budget="pot", key=key, terms=terms, by=None)
        return made.id if made else 0

    @rule(target=holds, owner=OWNERS, amount=AMOUNTS, use=USES, hours=st.integers(1, 30), provider=st.none() | OWNERS)
    def hold(self, owner: int, amount: int, use: Use, hours: int, provider: int | None) -> Hold | None:
        until, request = self.now + timedelta(hours=hours), f"r{next(self.numbers)}"
        made = self.attempt(credits.hold, owner, amount, use, request, until, provider_id=provider)
        if made:
            assert sum(part.amount for part in made.parts) == amount
            again = credits.hold(self.session, owner, amount, use, request, until, provider_id=provider)
            assert again == made
        return made

    @rule(held=holds, actual=st.integers(-1, 200), twice=st.booleans())
    def settle(self, held: Hold | None, actual: int, twice: bool) -> None:
        if held is None:
            return
        for _ in range(1 + twice):
            ended = self.attempt(credits.settle, held.id, actual)
            if ended:
                assert ended.settled_amount == actual <= held.amount
                assert self.settled.setdefault(held.id, actual) == actual

    @rule(held=holds)
    def release(self, held: Hold | None) -> None:
        if held is not None and self.attempt(credits.release, held.id):
            assert held.id not in self.settled

    @rule(number=vouchers)
    def claw_back(self, number: int) -> None:
        self.attempt(credits.claw_back, number, reason="a check", by=None)

    @rule(hours=st.integers(-30, 60))
    def the_clock_jumps(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def sweep(self) -> None:
        for number in list_expired_holds(self.session, self.now, limit=100):
            assert credits.time_out(self.session, number, self.now)
        for number in list_closed_with_rest(self.session, self.now):
            assert credits.collect(self.session, number, self.now) > 0
        assert list_closed_with_rest(self.session, self.now) == []
        credits.warn(self.session, self.now)

    @rule(number=st.integers(1, 60))
    def correct(self, number: int) -> None:
        pays = credits.iter_transfers(self.session)
        posts = [transfer.id for transfer in pays if transfer.kind == "post"]
        if number <= len(posts):
            key = f"undo{next(self.numbers)}"
            self.attempt(credits.reverse, posts[number - 1], key=key, reason="", by=None)

    @invariant()
    def the_books_are_sound(self) -> None:
        accounts = list(credits.iter_accounts(self.session))
        assert is_even(accounts)
        assert credits.replay(self.session).differences == []
        assert sum(account.balance for account in accounts if account.is_bounded) == self.paid_in

    @invariant()
    def what_was_redeemed_was_settled(self) -> None:
        came_in = [account for account in credits.iter_accounts(self.session) if account.kind == "redeemed"]
        assert sum(account.credits_posted for account in came_in) == sum(self.settled.values())

    @invariant()
    def caps_hold(self) -> None:
        for owner in (7, 8):
            for voucher in credits.list_vouchers(self.session, owner):
                assert voucher.day_cap is None or 0 <= voucher.spent_amount <= voucher.day_cap


def test_no_story_breaks_the_books(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", clock.now)  # put back afterwards: stories have clocks of their own
    told = type("ToldStory", (Story,), {"database": database})
    few = settings(
        max_examples=25,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(told, settings=few)
