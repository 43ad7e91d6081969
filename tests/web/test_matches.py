"""Matches on pages: reasons for both sides, answers, and the operator's market from a draft to a day at tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa

from support.lists import MODEL, TEA, Lists
from support.servers import LiveHub
from support.visitor import Visitor
from support.waiting import until
from yungu import compute, scenarios
from yungu.app import worker
from yungu.scenarios import Constraint, Item, matching
from yungu.scenarios.matching.models import deeds

Visit = Callable[..., Visitor]


@dataclass
class Scene:
    """A garden, a provider and the operator, with an opportunity and a capability made for each other."""

    garden: Visitor
    provider: Visitor
    operator: Visitor
    stranger: Visitor
    demand: Item
    supply: Item
    lists: Lists

    @property
    def place(self) -> str:
        return f"/-/opportunities/{self.demand.code}/matches"


@pytest.fixture
def scene(live: LiveHub, visit: Visit) -> Scene:
    lists = Lists(live.world)
    lin, mei, kim, elsa, otto = (live.user(live.fresh_name(name)) for name in ("lin", "mei", "kim", "elsa", "otto"))
    for name, role in ((elsa, "expert"), (otto, "operator")):
        lists.write(scenarios.grant_role, live.actor(name).user, role, None)  # type: ignore[arg-type]
    by = {"expert": live.actor(elsa), "operator": live.actor(otto)}
    badge = live.fresh_name("badge")
    wanted = replace(TEA, constraints=[Constraint("certificate", badge), Constraint("filing", "大模型备案")])
    offered = replace(MODEL, certificates=[badge])
    supply = lists.publish(lists.post(live.actor(mei), offered), live.actor(mei), **by)
    demand = lists.publish(lists.post(live.actor(lin), wanted), live.actor(lin), **by)
    return Scene(visit(lin), visit(mei), visit(otto), visit(kim), demand, supply, lists)


def match_of(page: str, code: str) -> str:
    """The address of the match with an item in a list of matches."""
    article = next(part for part in page.split("<article")[1:] if code in part)
    found = re.search(r'href="(/-/matches/\d+)"', article)
    assert found is not None
    return found[1]


def test_both_sides_read_why_and_say_yes(scene: Scene) -> None:
    assert scene.garden.submit(scene.place).status_code == 303
    listed = scene.garden.read(scene.place)
    place = match_of(listed, scene.supply.code)
    theirs = scene.provider.read(f"/-/capabilities/{scene.supply.code}/matches")
    assert place in theirs

    why = scene.garden.read(f"{place}?lang=zh")
    assert "预测误差" in why and "≤ 2 天" in why and "达标" in why
    assert "待确认" in why and "若符合：备案 (大模型备案)" in why
    assert "目前仅按词语比对" in why
    scene.stranger.read(place, 404)
    scene.stranger.read(scene.place, 403)

    assert scene.garden.submit(place, answer="yes").status_code == 303
    assert scene.garden.submit(place, answer="yes").status_code == 409
    assert scene.provider.submit(place, answer="yes").status_code == 303
    assert "Both said yes" in scene.provider.read(place)
    assert scene.lists.fresh(scene.demand).status == "matched"
    number = int(place.rpartition("/")[2])
    logged = (
        sa.select(deeds.c.side, deeds.c.what).where(deeds.c.match_id == number).order_by(deeds.c.side, deeds.c.what)
    )
    assert [tuple(row) for row in scene.lists.read(lambda session: session.execute(logged).all())] == [
        ("demand", "intended"), ("demand", "opened"), ("demand", "shown"),
        ("provider", "intended"), ("provider", "opened"), ("provider", "shown"),
    ]  # fmt: skip


def _ended(scene: Scene) -> compute.Job | None:
    """The last draft, when it is ready."""
    job = scene.lists.read(matching.find_market_job)
    return job if job is not None and job.state not in compute.OPEN_JOBS else None


def test_they_write_to_each_other_and_find_it_in_their_inbox(scene: Scene) -> None:
    assert scene.garden.submit(scene.place).status_code == 303
    place = match_of(scene.garden.read(scene.place), scene.supply.code)
    talk = f"{place}/contacts"
    assert "Show my contact: lin@tea.example" in scene.garden.read(place)
    sent = scene.garden.submit(place, talk, text="几月<b>能</b>开始？", shows_contact="1")
    assert sent.status_code == 303, sent.text[:300]
    worker.notify_users(scene.lists.world.site)
    inbox = scene.provider.read("/notifications")
    assert "wrote to you about a match with" in inbox and f'href="{place}"' in inbox
    assert f'href="/-/capabilities/{scene.supply.code}/matches"' in inbox and "New matches are proposed for" in inbox
    assert "给您留言" in scene.provider.read("/notifications?lang=zh") and scene.provider.read("/?lang=en")
    page = scene.provider.read(place)
    assert "几月&lt;b&gt;能&lt;/b&gt;开始？" in page and "lin@tea.example" in page
    assert f'href="{place}"' not in scene.provider.read("/notifications"), "what was looked at is read"
    assert "The demand side wrote" in scene.provider.read(f"/-/capabilities/{scene.supply.code}/matches")
    assert "几月" not in scene.operator.read(place)
    assert scene.provider.submit(place, talk, text="").status_code == 400
    assert scene.stranger.submit("/", talk, text="Hello").status_code == 404

    number = re.search(r'name="withdraw" value="(\d+)"', scene.garden.read(place))
    assert number is not None and 'name="withdraw"' not in page
    assert scene.provider.submit(place, talk, withdraw=number[1]).status_code == 404
    assert scene.garden.submit(place, talk, withdraw=number[1]).status_code == 303
    page = scene.provider.read(place)
    assert "This message was withdrawn." in page and "lin@tea.example" not in page
    assert scene.garden.submit(scene.place, f"{scene.place}/mute").status_code == 303
    assert "Unmute" in scene.garden.read(scene.place)
    assert scene.garden.submit(scene.place, f"{scene.place}/mute", unmute="1").status_code == 303
    assert "Unmute" not in scene.garden.read(scene.place)


def test_the_operator_chooses_compares_publishes_plays_again_and_plans_a_day(scene: Scene) -> None:
    market = scene.operator.read("/-/market")
    assert "words alone" in market
    wrong = scene.operator.submit("/-/market", method="flow", shortlist="0", per_place="3", floor="1")
    assert wrong.status_code == 400 and "A whole number from 1 to 50." in wrong.text

    answer = scene.operator.submit("/-/market", method="flow", shortlist="5", per_place="3", floor="1")
    assert answer.status_code == 303, answer.text[:300]
    job = until(lambda: _ended(scene))
    assert (job.state, job.done_count, job.total_count) == ("succeeded", 7, 7), job.message
    assert job.result is not None
    run = f"/-/market/runs/{job.result['run_id']}"
    assert f'href="{run}"' in scene.operator.read("/-/market") and f'href="{run}"' in scene.operator.read(
        f"/-/jobs/{job.id}"
    )
    scene.garden.read(f"/-/jobs/{job.id}", 404)
    page = scene.operator.read(run)
    assert "Stable (deferred acceptance)" in page and "Congestion" in page and "Draft" in page
    assert "the identical list" in scene.operator.read(f"{run}/replay")
    number = int(run.rpartition("/")[2])
    matches = scene.lists.read(matching.list_matches, number)
    ours = next(one for one in matches if (one.opportunity_id, one.capability_id) == (scene.demand.id, scene.supply.id))

    assert scene.operator.submit(run).status_code == 303
    assert f"/-/matches/{ours.id}" in scene.garden.read(scene.place)
    day = {"run": str(number), "match": str(ours.id), "title": "茶季对接日", "starts_at": "2026-12-01T09:00"}
    assert scene.operator.submit(run, "/-/market/days", **(day | {"starts_at": "soon"})).status_code == 400
    planned = scene.operator.submit(run, "/-/market/days", **day)
    assert planned.status_code == 303, planned.text[:300]
    assert "09:00–09:08" in scene.provider.read(planned.headers["location"])
    scene.stranger.read(planned.headers["location"], 404)
    for place in ("/-/market", run, f"{run}/replay"):
        scene.garden.read(place, 403)
