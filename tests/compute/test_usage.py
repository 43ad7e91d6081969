"""What calls used is recorded and paid, in whatever order they begin, end, die and are swept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support.purse import Purse
from support.world import World
from yungu import compute, credits
from yungu.accounts import Actor
from yungu.compute import Asked, CallLimits, CallRecord, Deployment, Prices, Ticket, Usage
from yungu.compute.rules import usage as rules
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.errors import YunguError

PRICES = Prices(request=7, prompt_million=1_000_000, completion_million=3_000_000, second=2)
LIMITS = CallLimits(most_seconds=60)
SECRET = b"s" * 32


def deploy(world: World, owner: Actor, prices: Prices = PRICES, **options: object) -> Deployment:
    boss = replace(owner, user=replace(owner.user, is_admin=True))  # type: ignore[type-var]
    given = {"visibility": "public", "context_tokens": 1000} | options
    return world.write_in(
        compute.deploy_upstream, SECRET, f"{owner.name}/tea", boss, "http://127.0.0.1:1", prices, **given
    )


def grant(world: World, actor: Actor, amount: int, key: str = "v", **terms: object) -> credits.Voucher:
    def work(session: Session) -> credits.Voucher:
        credits.fund_budget(session, "pot", amount, key=f"fund-{key}", by=None)
        given = credits.Terms(**terms)  # type: ignore[arg-type]
        return credits.grant(session, actor.id or 0, amount, budget="pot", key=key, terms=given, by=None)

    return world.write_in(work)


def asked(number: object = 1, **more: object) -> Asked:
    return replace(Asked("chat", 100, f"r{number}"), **more)  # type: ignore[arg-type]


def begin(world: World, deployment: Deployment, actor: Actor, wish: Asked) -> Ticket:
    return world.write_in(compute.begin_call, deployment, actor, wish, LIMITS)


def end(world: World, ticket: Ticket, usage: Usage | None, outcome: compute.Outcome = "done") -> CallRecord:
    return world.write_in(compute.end_call, ticket, usage, outcome, is_estimated=False)


def test_a_receipt_says_what_was_held_and_which_voucher_paid(world: World, lin: Actor, mei: Actor) -> None:
    deployment = deploy(world, mei)
    soon = clock.now() + timedelta(days=1)
    first, second = grant(world, lin, 400, "a", expires_at=soon), grant(world, lin, 5000, "b")
    call = end(world, begin(world, deployment, lin, asked(most_tokens=100)), Usage(200, 80, 1.5))
    assert call.amount == 7 + 200 + 240 + 3 and call.provider_id == mei.id
    receipt = world.read_in(compute.get_receipt, call.id)
    assert [(paid.voucher_id, paid.amount) for paid in receipt.paid] == [(first.id, 400), (second.id, 50)]
    assert receipt.held == 7 + 356 + 300 + 120 and receipt.call == call
    since = clock.now() - timedelta(hours=1)
    [day] = world.read_in(compute.sum_by_day, lin.id, since)
    assert (day.calls, day.amount, day.completion_tokens) == (1, 450, 80)
    [model] = world.read_in(compute.sum_by_model, lin.id, since)
    assert (model.model, model.amount) == (deployment.name, 450)


def test_calls_are_listed_by_pages(world: World, lin: Actor, mei: Actor) -> None:
    free = deploy(world, mei, compute.NO_PRICES)
    made = [end(world, begin(world, free, lin, asked(number)), Usage(1, 1)).id for number in range(5)]
    page = world.read_in(compute.list_calls, user_id=lin.id, limit=2)
    rest = world.read_in(compute.list_calls, deployment_id=free.id, limit=9, cursor=page.next_cursor)
    assert [call.id for call in [*page.items, *rest.items]] == made[::-1]
    with pytest.raises(compute.CallNotFound):
        world.read_in(compute.get_call, 10**9)


def test_nobody_earns_from_itself_and_never_more_than_is_held_is_paid(world: World, lin: Actor) -> None:
    own = deploy(world, lin)
    grant(world, lin, 5000)
    ticket = begin(world, own, lin, asked(most_tokens=10))
    assert ticket.hold is not None
    call = end(world, ticket, Usage(10**9, 10**9, 10**6))
    assert call.provider_id is None and call.amount == ticket.hold.amount


def test_a_clock_that_jumps_neither_loses_nor_makes_credits(
    world: World, lin: Actor, mei: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, purse = deploy(world, mei), Purse(world.site.db)
    voucher = grant(world, lin, 5000)
    back = begin(world, deployment, lin, asked("back", most_tokens=10))
    ahead = begin(world, deployment, lin, asked("ahead", most_tokens=10))
    monkeypatch.setattr(clock, "now", lambda: datetime(2001, 1, 1, tzinfo=UTC))
    assert end(world, back, Usage(1, 1)).amount == 11
    monkeypatch.setattr(clock, "now", lambda: datetime(2199, 1, 1, tzinfo=UTC))
    purse.tend()
    with pytest.raises(credits.HoldEnded):
        end(world, ahead, Usage(1, 1))
    assert purse.left(voucher) == 5000 - 11
    purse.check()


@given(
    st.builds(Prices, *[st.integers(0, 10**9)] * 4),
    st.integers(1, 10**6), st.integers(1, 100_000), st.integers(1, 8), st.integers(0, 10**13),
)  # fmt: skip
def test_what_can_be_afforded_is_affordable(prices: Prices, size: int, context: int, choices: int, left: int) -> None:
    deployment = Deployment(
        1, "a/b", 1, None, None, "upstream", "upstream", ("chat",), "public", "on", prices, context, 0, 0, 1, None,
        None, datetime.now(UTC), datetime.now(UTC),
    )  # fmt: skip
    most = rules.most_usage(Asked("chat", size, "r", choices=choices), deployment, 60)
    tokens = rules.affordable_tokens(prices, most, choices, left)
    assert not tokens or compute.cost(prices, replace(most, completion_tokens=tokens * choices)) <= left


class Calls(RuleBasedStateMachine):
    """Any order of calls that begin, end well or badly, die with the server, or come twice."""

    world: World
    lin: Actor
    deployment: Deployment
    round = 0

    @initialize(amounts=st.lists(st.integers(1, 3000), min_size=1, max_size=3))
    def fill(self, amounts: list[int]) -> None:
        type(self).round += 1
        self.lin = self.world.user(f"spender-{self.round}")
        self.granted = sum(amounts)
        for number, amount in enumerate(amounts):
            grant(self.world, self.lin, amount, f"{self.round}-{number}", day_cap=2000 if number else None)
        self.running: list[Ticket] = []
        self.ended: list[CallRecord] = []

    @rule(name=st.integers(0, 9), most=st.none() | st.integers(1, 1000), choices=st.integers(1, 3))
    def begin(self, name: int, most: int | None, choices: int) -> None:
        wish = asked(f"{self.round}-{name}", most_tokens=most, choices=choices)
        try:
            self.running.append(begin(self.world, self.deployment, self.lin, wish))
        except (credits.CreditsShort, compute.CallRepeated):
            return

    @precondition(lambda self: self.running)
    @rule(pick=st.integers(0, 99), used=st.none() | st.builds(Usage, *[st.integers(0, 5000)] * 2, st.floats(0, 100)))
    def end(self, pick: int, used: Usage | None) -> None:
        ticket = self.running.pop(pick % len(self.running))
        call = end(self.world, ticket, used, "done" if used else "failed")
        assert ticket.hold is not None and 0 <= call.amount <= ticket.hold.amount
        self.ended.append(call)
        with pytest.raises((YunguError, sa.exc.IntegrityError)):
            end(self.world, ticket, Usage(4999, 4999, 99.0))

    @precondition(lambda self: self.running)
    @rule(pick=st.integers(0, 99))
    def die(self, pick: int) -> None:
        ticket = self.running.pop(pick % len(self.running))
        assert ticket.hold is not None
        hold, late = ticket.hold, ticket.hold.expires_at + timedelta(seconds=1)
        assert self.world.write_in(credits.time_out, hold.id, late)

    @invariant()
    def books_are_sound(self) -> None:
        if not hasattr(self, "lin"):
            return
        with self.world.site.db.snapshot() as session:
            assert credits.replay(session).differences == [] and compute.list_wrong_receipts(session) == []
            wallet = credits.get_wallet(session, self.lin.id or 0)
        assert wallet.held == sum(ticket.hold.amount for ticket in self.running if ticket.hold)
        paid = sum(call.amount for call in self.ended)
        assert wallet.vouchers + wallet.held + paid == self.granted


def test_any_interleaving_leaves_sound_books(world: World, mei: Actor) -> None:
    machine = type("Here", (Calls,), {"world": world, "deployment": deploy(world, mei), "round": 0})
    few = settings(
        max_examples=12, stateful_step_count=25, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=few)
