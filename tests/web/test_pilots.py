"""Pilots on pages: two sides agree, one measures, and what came of it is there for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from support.lists import MODEL, TEA, Lists
from support.servers import LiveHub
from support.visitor import Visitor
from support.world import World
from yungu import scenarios

Visit = Callable[..., Visitor]


@dataclass
class Sides:
    """A garden and a provider whose claim on its opportunity was accepted."""

    garden: Visitor
    provider: Visitor
    stranger: Visitor
    claim: int
    demand: scenarios.Item
    lists: Lists

    def begin(self) -> str:
        """The address of the pilot's page."""
        answer = self.garden.submit("/-/pilots", claim=str(self.claim))
        assert answer.status_code == 303, answer.text[:500]
        return answer.headers["location"]

    def step(self, by: Visitor, place: str, do: str, **fields: str) -> Any:
        return by.submit(place, f"{place}/steps", do=do, **fields)


@pytest.fixture
def sides(live: LiveHub, visit: Visit) -> Sides:
    world = World(live.site)
    lists = Lists(world)
    lin, mei = live.user(live.fresh_name("lin")), live.user(live.fresh_name("mei"))
    expert, operator = (
        lists.holder(live.fresh_name("elsa"), "expert"),
        lists.holder(live.fresh_name("otto"), "operator"),
    )
    garden, provider = live.actor(lin), live.actor(mei)
    demand = lists.publish(lists.post(garden, TEA), garden, expert=expert, operator=operator)
    supply = lists.publish(lists.post(provider, MODEL), provider, expert=expert, operator=operator)
    claim = lists.write(scenarios.make_claim, demand.code, supply.code, provider)
    lists.write(scenarios.accept_claim, claim.id, garden)
    return Sides(visit(lin), visit(mei), visit(), claim.id, demand, lists)


def test_a_pilot_from_the_first_terms_to_a_public_case(sides: Sides) -> None:
    place = sides.begin()
    assert "预测误差" in sides.garden.read(place)
    sides.stranger.read(place, 404)

    page = sides.garden.read(f"{place}/terms")
    based_on = page.partition('name="based_on" value="')[2].partition('"')[0]
    goal = {"metric_0": "预测误差", "op_0": "<=", "value_0": "2", "unit_0": "天", "source_0": "evidence"}
    more = {"is_mandatory_0": "1", "attempts": "3", "budget": "5", "papers": "report\n", "based_on": based_on}
    wrong = sides.garden.submit(f"{place}/terms", **(goal | more | {"value_0": "two"}))
    assert wrong.status_code == 400 and "This is not a number: two" in wrong.text and 'value="two"' in wrong.text
    assert sides.garden.submit(f"{place}/terms", **goal, **more).status_code == 303
    stale = sides.provider.submit(f"{place}/terms", **(goal | more | {"attempts": "9"}))
    assert stale.status_code == 409 and "have changed since" in stale.text

    for by, do in ((sides.garden, "sign-demand"), (sides.provider, "sign-provider")):
        signed = by.read(place).partition('name="terms_hash" value="')[2].partition('"')[0]
        assert sides.step(by, place, do, terms_hash=signed).status_code == 303
    assert "Under way" in sides.garden.read(place)

    sides.step(sides.provider, place, "evidence", goal="预测误差", value="1.5", text="three gardens")
    assert "Not confirmed yet" in sides.provider.read(place)
    number = sides.garden.read(place).partition('name="evidence" value="')[2].partition('"')[0]
    sides.step(sides.garden, place, "confirm", evidence=number)
    early = sides.step(sides.garden, place, "conclude")
    assert early.status_code == 409 and "report" in early.text
    sides.step(sides.garden, place, "evidence", goal="report", text="<script>alert(1)</script>")
    assert sides.step(sides.provider, place, "conclude").status_code == 403
    assert sides.step(sides.garden, place, "conclude", reason="good").status_code == 303

    public = sides.stranger.read(place)
    assert "Accepted on" in public and "<script>alert" not in public
    assert place in sides.stranger.read("/-/cases")
    assert sides.lists.fresh(sides.demand).status == "accepted"


def test_a_failed_pilot_says_so_and_speaks_chinese(sides: Sides) -> None:
    place = sides.begin()
    for by, do in ((sides.garden, "sign-demand"), (sides.provider, "sign-provider")):
        signed = by.read(place).partition('name="terms_hash" value="')[2].partition('"')[0]
        sides.step(by, place, do, terms_hash=signed)
    sides.step(sides.garden, place, "evidence", goal="预测误差", value="4", text="frost")
    assert "a mandatory goal is missed" in sides.garden.read(place).lower()
    sides.step(sides.garden, place, "conclude")
    assert "记录为失败" in sides.garden.read(f"{place}?lang=zh")
    sides.stranger.read(place, 404)
