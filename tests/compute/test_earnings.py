"""What a deployment was called for by day, and which call a request was; on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from support.purse import Clock
from support.world import World
from yungu import compute, credits
from yungu.compute import Asked, CallLimits, CallRecord, Deployment, Prices, Usage
from yungu.kernel import clock

DAY = date(2026, 3, 1)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(clock, "now", stopped)
    return stopped


def call(world: World, made: Deployment, by: str, request: str) -> CallRecord:
    with world.site.db.write() as session:
        ticket = compute.begin_call(session, made, world.actor(by), Asked("chat", 9, request, 5), CallLimits())
        return compute.end_call(session, ticket, Usage(3, 5, 0.1), "done", is_estimated=False)


def test_calls_are_counted_by_the_day_in_utc(world: World, time: Clock) -> None:
    root, lin = world.user("root", is_admin=True), world.user("lin")
    with world.site.db.write() as session:
        assert lin.id is not None
        credits.add_cash(session, lin.id, 1000, key="cash", by=None)
        made = compute.deploy_upstream(
            session,
            world.site.secret,
            "root/tea",
            root,
            "https://models.example",
            Prices(request=7),
            visibility="public",
        )
    time.now = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    first = call(world, made, "lin", "r1")
    time.move(minutes=2)
    for number in (2, 3):
        call(world, made, "lin", f"r{number}")

    with world.site.db.read() as session:
        since = datetime(2026, 3, 1, tzinfo=UTC)
        counted = compute.count_calls_by_day(session, made.id, since)
        assert counted == [(DAY, 1, 7), (DAY + timedelta(days=1), 2, 14)]
        assert compute.count_calls_by_day(session, made.id, since + timedelta(days=1)) == counted[1:]
        assert compute.find_call_of_request(session, lin.id, "r1") == first
        assert compute.find_call_of_request(session, lin.id, "r9") is None
        assert root.id is not None and compute.find_call_of_request(session, root.id, "r1") is None
