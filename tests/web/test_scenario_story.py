"""A tea garden's need, from the form to a public case: pages in a browser, a real push, a program in its cell."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.desk import Desk
from support.lists import Lists
from support.servers import LiveHub, live_hub
from yungu import compute, credits, scenarios
from yungu.kernel.events import list_causes

PASSWORD = "long enough"
Enter = Callable[[str], Any]

CARD = """---
license: apache-2.0
tags: [agriculture]
---
# 茶叶采摘窗口期预测

按一至三月逐日气温累计有效积温，预测茶园最佳开采日。

The picking window of tea gardens, by degree days.
"""
PREDICT = b"""
import json, sys
from pathlib import Path

rule = json.loads(Path(__file__).with_name("rule.json").read_text())


def first_pick(warmth):
    total = day = 0
    while total < rule["degree_days"]:
        total += max(0.0, (warmth[day] if day < len(warmth) else warmth[-1]) - rule["base"])
        day += 1
    return day


for line in sys.stdin:
    item = json.loads(line)
    print(json.dumps({"id": item["id"], "prediction": first_pick(item["input"])}), flush=True)
"""
RULE = {"base": 6.0, "degree_days": 160.0}


def made_up_records() -> bytes:
    """Synthetic: 24 springs, warming day by day, and the day of the first pick as the rule has it, give or take one."""
    dice, lines = random.Random(6), []
    for _ in range(24):
        warmth = [round(3 + 0.11 * day + dice.gauss(0, 3) + dice.uniform(-0.01, 0.01) * day, 1) for day in range(90)]
        total, day = 0.0, 0
        while total < RULE["degree_days"]:
            total, day = total + max(0.0, warmth[min(day, 89)] - RULE["base"]), day + 1
        lines.append(json.dumps({"input": warmth, "label": day + dice.choice((-1, 0, 0, 1)), "source": "synthetic"}))
    return "\n".join(lines).encode() + b"\n"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[LiveHub]:
    """A hub with people, a garden that has a voucher and private records, and both lists empty."""
    with live_hub(tmp_path / "data") as hub:
        lists = Lists(hub.world)
        for name, role in (("elsa", "expert"), ("otto", "operator")):
            hub.user(name, password=PASSWORD)
            lists.write(scenarios.grant_role, hub.actor(name).user, role, None)  # type: ignore[arg-type]
        for name in ("lin", "mei"):
            hub.user(name, password=PASSWORD)
        garden = hub.world.organization("longjing", admin=hub.actor("lin"))
        records = {"data.jsonl": made_up_records()}
        hub.world.repo("longjing/springs", by=hub.actor("lin"), kind="dataset", visibility="private", files=records)
        lists.write(credits.fund_budget, "pot", 100 * credits.CREDIT, key="pot", by=None)
        lists.write(credits.grant, garden.id, 20 * credits.CREDIT, budget="pot", key="garden", by=None)
        hub.site.job_terms = replace(hub.site.job_terms, second_price=20_000)
        yield hub


@pytest.fixture
def enter(empty: LiveHub, chromium: Any) -> Iterator[Enter]:
    """A window of somebody who has signed in."""
    contexts = []

    def open_as(name: str, **options: Any) -> Any:
        contexts.append(chromium.new_context(base_url=empty.url, **({"locale": "en-US"} | options)))
        page = contexts[-1].new_page()
        if name:
            page.goto("/login")
            page.fill("#f-name", name)
            page.fill("#f-password", PASSWORD)
            page.click("main form button.primary")
            page.wait_for_url("**/")
        return page

    yield open_as
    for context in contexts:
        context.close()


def write(page: Any, **fields: str) -> None:
    """Type into the fields of a form by their names; of a table into the first row."""
    for name, value in fields.items():
        field = page.locator(f"[name={name}]").first
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def press(page: Any, name: str, place: str) -> None:
    """A button, and the page it leads to."""
    page.click(f"main button:has-text('{name}')")
    page.wait_for_url(place)


def post_the_need(lin: Any) -> str:
    """Its address. The form says what is missing while it is written."""
    lin.goto("/-/opportunities")
    lin.click("main a:has-text('Post a need')")
    write(
        lin,
        owner="longjing",
        title_zh="西湖龙井最佳开采窗口期预测",
        title_en="The picking window of West Lake Longjing",
        unit="龙坞茶农合作社",
        region="杭州",
        pain_zh="开采早两天减产三成，晚两天掉一个等级，茶农只凭经验判断开采日。",
        pain_en="Two days early costs a third of the yield, two days late a grade; growers go by feeling.",
        baseline_zh="目前凭经验，平均误差5天",
        indicator_metric="平均误差",
        indicator_op="<=",
        indicator_value="2",
        indicator_unit="天",
        indicator_method="与历年实际开采日比对",
        offered_zh="二十四季逐日气温与实际开采日",
        budget_least="100000",
        budget_most="200000",
        budget_source="合作社自筹",
        deadline="2099-02-20",
        contact="lin@tea.example",
    )
    lin.check("[name=domains][value=agriculture]", force=True)
    lin.wait_for_selector(".lint-error:has-text('Say who pays')")
    write(lin, payer="龙坞茶农合作社")
    lin.wait_for_selector(".lint-error", state="detached")
    press(lin, "Save and hand in", "**/-/opportunities/O-*")
    return str(lin.url)


def publish_the_model(mei: Any, desk: Desk, hub: LiveHub) -> str:
    """Its code. Pushed by git, offered from its card."""
    mei.goto("/new")
    write(mei, name="picker")
    press(mei, "Create", "**/mei/picker")
    address = hub.url.replace("://", f"://mei:{hub.token('mei')}@")
    clone = desk.clone(f"{address}/mei/picker", "picker")
    clone.commit({"README.md": CARD.encode(), "predict.py": PREDICT, "rule.json": json.dumps(RULE).encode()})
    clone.git("push", "-q", "origin", "HEAD:main")
    mei.goto("/mei/picker")
    mei.click("text=Publish as a capability")
    assert mei.input_value("[name=title_zh]") == "茶叶采摘窗口期预测"
    assert "有效积温" in mei.input_value("[name=problem_zh]") and mei.input_value("[name=repos]") == "mei/picker"
    write(
        mei,
        problem_zh="茶农只凭经验判断开采日",
        measurement_metric="平均误差",
        measurement_value="1.5",
        measurement_unit="天",
        measurement_evidence="mei/picker",
        maturity="6",
        region="杭州",
    )
    press(mei, "Save and hand in", "**/-/capabilities/C-*")
    code = mei.url.rpartition("/")[2]
    lists = Lists(hub.world)
    lists.write(scenarios.review_item, code, hub.actor("elsa"), "approve")
    lists.write(scenarios.move_item, code, "publish", hub.actor("otto"))
    return str(code)


def test_a_garden_finds_a_model_that_proves_itself_on_its_own_records(
    empty: LiveHub, enter: Enter, tmp_path: Path
) -> None:
    lists = Lists(empty.world)

    # the garden posts its need, an expert and the operator look at it
    lin = enter("lin")
    need = post_the_need(lin)
    elsa, otto = enter("elsa"), enter("otto")
    elsa.goto("/-/scenarios/queue")
    elsa.click("main a:has-text('Longjing')")
    press(elsa, "Give it", need)
    otto.goto(need)
    press(otto, "Publish", need)
    assert "Published" in otto.locator(".card-top").inner_text()

    # a developer pushes a model and offers it
    mei = enter("mei")
    code = publish_the_model(mei, Desk(tmp_path / "desk"), empty)

    # the garden sees why they fit and says yes, and so does the developer
    lin.goto(need)
    lin.click("main a:has-text('Matches')")
    press(lin, "Match now", "**/matches")
    assert code in lin.locator("article").inner_text()
    assert "1 of 1 indicators met" in lin.locator("article").inner_text()
    lin.click("text=Why, and answer")
    assert "1.5 天" in lin.locator("main").inner_text()
    press(lin, "Yes", "**/-/matches/*")
    mei.goto(f"/-/capabilities/{code}/matches")
    mei.click("text=Why, and answer")
    assert "The demand side said yes" in mei.locator("main").inner_text()
    press(mei, "Yes", "**/-/matches/*")
    assert "Both said yes" in mei.locator("main").inner_text()

    # they agree on what is measured, on which records, and what it may cost
    lin.reload()
    lin.click("text=On to the pilot")
    assert "Matched" in lin.locator(".card-top").inner_text()
    press(lin, "Begin the pilot", "**/-/pilots/P-*")
    pilot = str(lin.url)
    lin.click("text=Change the terms")
    write(
        lin,
        baseline_0="5",
        source_0="evaluation",
        bench_dataset="longjing/springs",
        bench_metric="mae",
        attempts="2",
        budget="5",
    )
    lin.check("[name=is_confident_0]")
    press(lin, "Propose these terms", pilot)
    press(lin, "Sign for the demand side", pilot)
    mei.goto(pilot)
    press(mei, "Sign for the provider", pilot)

    # the program runs where it sees no label, paid from the garden's voucher
    assert mei.input_value("[name=repo]") == "mei/picker"
    press(mei, "Evaluate", pilot)
    mei.wait_for_selector("tbody .badge-good:has-text('Met')", timeout=60_000)
    job = lists.read(compute.find_job, 1)
    assert job is not None and job.state == "succeeded" and 0 < job.cost <= 5 * credits.CREDIT
    assert mei.goto("/datasets/longjing/springs").status == 404
    lin.goto(pilot)
    lin.click("main a:has-text('Job')")
    assert "mei/picker" in lin.locator("main").inner_text()
    lin.goto("/-/credits/longjing")
    left = credits.credits_text(20 * credits.CREDIT - job.cost)
    assert lin.locator(".voucher h3 b").inner_text() == left

    # the garden accepts, and everybody can read of it
    lin.goto(pilot)
    press(lin, "End the pilot", pilot)
    assert "The capability is promoted." in lin.locator("main").inner_text()
    stranger = enter("", locale="zh-CN")
    stranger.goto("/-/cases")
    stranger.click("text=西湖龙井最佳开采窗口期预测")
    shown = stranger.locator("main").inner_text()
    assert stranger.locator(".tabs [aria-current=page]").inner_text() == "案例"
    assert "已通过" in shown and "5 天" in shown and "平均误差" in shown and "springs" not in shown

    # and all of it can be read back from what happened
    promoted = lists.read(scenarios.get_item, code)
    assert promoted.status == "promoted"
    chain = [fact.kind for fact in reversed(lists.read(list_causes, promoted.last_event_id))]
    wanted = (
        "ItemDrafted ItemSubmitted ReviewStarted ItemReviewed OpportunityPublished MatchProposed MatchAnswered "
        "ClaimAccepted PilotProposed PilotTermsChanged PilotSigned PilotAgreed PilotEvaluationAsked JobAsked "
        "JobStarted JobEnded PilotAccepted ItemPromoted"
    ).split()
    assert list(dict.fromkeys(chain)) == wanted
