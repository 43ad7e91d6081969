"""The two lists on the pages: read, written, reviewed, claimed, brought in and taken out, without a script and with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from support import sheet_forge as forge
from support.lists import MODEL, TEA, Lists
from support.servers import LiveHub
from support.visitor import Visitor
from yungu import scenarios
from yungu.scenarios import Item, Words

Visit = Callable[..., Visitor]
NEED = {
    "title_zh": "泵房节能", "pain_zh": "泵房夜里也全速运转，一年多花一千一百万电费", "unit": "水务局",
    "indicator_metric": "电耗下降", "indicator_op": ">=", "indicator_value": "15", "indicator_unit": "%",
    "indicator_method": "前后三个月对比", "indicator_metric_en": "less power used",
    "payer": "供水公司", "capacity": "1", "mode": "trial",
}  # fmt: skip


@pytest.fixture
def lists(live: LiveHub) -> Lists:
    return Lists(live.world)


@pytest.fixture
def people(live: LiveHub, lists: Lists) -> dict[str, str]:
    """An owner, a provider, an expert and an operator."""
    names = {name: live.user(live.fresh_name(name)) for name in ("lin", "mei", "elsa", "otto")}
    for name, role in (("elsa", "expert"), ("otto", "operator")):
        lists.write(scenarios.grant_role, live.actor(names[name]).user, role, None)  # type: ignore[arg-type]
    return names


@pytest.fixture
def published(live: LiveHub, lists: Lists, people: dict[str, str]) -> Item:
    lin, elsa, otto = (live.actor(people[name]) for name in ("lin", "elsa", "otto"))
    title = Words(f"茶园窗口期 {live.fresh_name()}", "Picking window")
    return lists.publish(lists.post(lin, replace(TEA, title=title)), lin, expert=elsa, operator=otto)


def place(item: Item) -> str:
    return f"/-/{'opportunities' if item.side == 'opportunity' else 'capabilities'}/{item.code}"


def test_the_list_and_the_item_speak_both_languages_and_keep_contacts(visit: Visit, published: Item) -> None:
    stranger = visit()
    english = stranger.read(f"/-/opportunities?search={published.content.title.zh.split()[-1]}")
    chinese = stranger.read(f"{place(published)}?lang=zh")

    assert published.code in english and "茶叶合作社" in english and "≤ 2 天" in english and "2 / 2" in english
    assert "痛点" in chinese and "早两天" in chinese and "与三个茶园" in chinese
    assert "lin@tea.example" not in chinese and "仅合作方可见" in chinese
    assert published.code in stranger.read(f"/search?q={published.content.title.zh.split()[-1]}")


def test_a_need_is_written_reviewed_published_and_claimed_without_a_script(
    live: LiveHub, lists: Lists, visit: Visit, people: dict[str, str]
) -> None:
    lin, elsa, otto, mei = (visit(people[name]) for name in ("lin", "elsa", "otto", "mei"))
    sent = lin.submit("/-/opportunities/new", **NEED, do="submit")
    at = sent.headers["location"]
    code = at.rpartition("/")[2]
    shown = lin.read(at)
    assert sent.status_code == 303 and "Handed in" in shown
    assert "less power used" in shown and "前后三个月对比" in shown and "电耗下降" not in shown
    assert 'value="less power used" placeholder="English"' in lin.read(f"{at}/edit")
    assert "电耗下降" in visit(people["lin"]).read(f"{at}?lang=zh")
    visit().read(at, status=404)
    assert code in elsa.read("/-/scenarios/queue") and "Quality" in elsa.read(at)

    elsa.submit(at, f"{at}/review", opinion="approve", text="清楚")
    assert otto.submit(at, f"{at}/step", step="publish").status_code == 303
    assert code in visit().read("/-/opportunities?search=泵房节能")

    provider = live.actor(people["mei"])
    offer = lists.publish(
        lists.post(provider, MODEL), provider, expert=live.actor(people["elsa"]), operator=live.actor(people["otto"])
    )
    mei.submit(at, f"{at}/claim", capability=offer.code, statement="两周内进场")
    twice = mei.submit(at, f"{at}/claim", capability=offer.code)
    assert twice.status_code == 409 and "already" in twice.text
    claim = lists.read(scenarios.list_claims, lists.read(scenarios.get_item, code).id)[0]
    lin.submit(at, f"{at}/decide", claim=str(claim.id), do="accept")
    assert "Matched" in lin.read(at) and "两周内进场" in lin.read(at)
    assert "两周内进场" not in visit(people["elsa"]).read(at), "claims are between the two sides"


def test_what_is_missing_is_said_and_what_was_typed_stays(visit: Visit, people: dict[str, str]) -> None:
    lin = visit(people["lin"])
    sent = lin.submit("/-/opportunities/new", **(NEED | {"payer": ""}), do="submit")
    assert sent.headers["location"].endswith("/edit")
    form = lin.read(sent.headers["location"])
    assert "Say who pays for the pilot." in form and "泵房节能" in form and 'value="15"' in form

    wrong = lin.submit("/-/opportunities/new", **(NEED | {"indicator_value": "many", "budget_most": "x"}))
    assert wrong.status_code == 400 and "many" in wrong.text and "泵房节能" in wrong.text


def test_a_conflict_shows_both_versions_and_can_be_settled(
    live: LiveHub, lists: Lists, visit: Visit, people: dict[str, str]
) -> None:
    lin = visit(people["lin"])
    draft = lists.post(live.actor(people["lin"]))
    lin.read(f"{place(draft)}/edit")
    lists.write(scenarios.edit_item, draft.code, replace(TEA, payer="区农业局"), live.actor(people["lin"]), based_on=1)
    late = lin.submit(f"{place(draft)}/edit", **(NEED | {"based_on": "1"}))
    assert late.status_code == 409 and "区农业局" in late.text and "供水公司" in late.text

    again = lin.submit(f"{place(draft)}/edit", **(NEED | {"based_on": "2"}))
    assert again.status_code == 303
    compared = lin.read(f"{place(draft)}/versions?a=2&b=3")
    assert "区农业局" in compared and "供水公司" in compared


def test_a_model_becomes_a_capability_from_its_card(live: LiveHub, visit: Visit, people: dict[str, str]) -> None:
    card = b"---\nlicense: mit\ntags: [agriculture]\n---\n# Tea picker\n\nTells when to pick.\n"
    name = f"{people['mei']}/{live.fresh_name('tea')}"
    live.world.repo(name, by=live.actor(people["mei"]), files={"README.md": card})
    mei = visit(people["mei"])
    assert f"/-/capabilities/new?repo={name.replace('/', '%2F')}" in mei.read(f"/{name}")

    form = mei.read(f"/-/capabilities/new?repo={name}")
    assert "Tea picker" in form and "Tells when to pick." in form and 'value="mit"' in form and name in form
    fields = {"title_en": "Tea picker", "problem_en": "Tells when to pick.", "provider": "Mei", "repos": name}
    sent = mei.submit("/-/capabilities/new", **fields, provider_kind="opc", do="submit")
    assert "Handed in" in mei.read(sent.headers["location"])


def test_a_file_is_looked_at_mapped_confirmed_and_compared(lists: Lists, visit: Visit, people: dict[str, str]) -> None:
    lin = visit(people["lin"])
    rows = [
        ["名称", "单位", "痛点", "预算"],
        ["茶园", "农业局", "靠经验", "50万元"],
        ["湖", "水务局", "晚三天", "很多"],
    ]

    def bring(data: bytes) -> Any:
        token = re.search(r'name="form_token" value="([0-9a-f]+)"', lin.read("/-/scenarios/imports"))
        assert token is not None
        fields = {"form_token": token[1], "side": "opportunity", "name": f"批次 {people['lin']}"}
        return lin.post("/-/scenarios/imports", data=fields, files={"file": ("清单.xlsx", data)})

    sent = bring(forge.xlsx(rows))
    at = sent.headers["location"]
    shown = lin.read(at)
    assert "This is no amount of money" in shown and "D3" in shown and "很多" in shown
    assert lists.read(scenarios.list_owned, lin.hub.actor(people["lin"])) == []
    visit(people["mei"]).read(at, status=404)

    mapped = lin.submit(at, header_0="1", column_0_0="title", column_0_1="firm", column_0_2="pain", do="map")
    assert mapped.status_code == 303 and "This is no amount of money" not in lin.read(at)
    lin.submit(at, do="confirm")
    assert len(lists.read(scenarios.list_owned, lin.hub.actor(people["lin"]))) == 2

    second = bring(forge.xlsx([rows[0], ["茶园", "农业局", "等级掉一级", ""]])).headers["location"]
    lin.submit(second, do="confirm")
    diff = lin.read(f"{second}/diff")
    assert "靠经验" in diff and "等级掉一级" in diff and "湖" in diff

    macros = forge.repacked(forge.xlsx(rows), xl__vbaProject_bin=b"x")
    refused = bring(macros)
    assert refused.status_code == 400 and "macros" in refused.text


def test_exports_and_the_notice_hold_what_the_visitor_may_see(visit: Visit, published: Item) -> None:
    word = published.content.title.zh.split()[-1]
    for kind in ("csv", "json"):
        text = visit().get(f"/-/opportunities/export/{kind}?search={word}").text
        assert published.code in text and "lin@tea.example" not in text
    assert published.code in visit().read(f"/-/opportunities/notice?search={word}")
    assert visit().get("/-/opportunities/export/exe").status_code == 404


def test_the_desk_and_the_queue_are_for_those_with_a_role(visit: Visit, live: LiveHub, people: dict[str, str]) -> None:
    for page in ("/-/scenarios/desk", "/-/scenarios/queue"):
        assert visit(people["lin"]).get(page).status_code == 403
        visit(people["otto"]).read(page)
    root = visit(live.user(live.fresh_name("root"), is_admin=True))
    given = root.submit("/-/scenarios/desk", "/-/scenarios/desk/roles", user=people["lin"], role="auditor")
    assert given.status_code == 303
    visit(people["lin"]).read("/-/scenarios/desk")
    refused = visit(people["otto"]).submit(
        "/-/scenarios/desk", "/-/scenarios/desk/roles", user=people["otto"], role="expert"
    )
    assert refused.status_code == 403


def test_the_form_says_what_is_missing_while_it_is_written(
    visit: Visit, open_page: Callable[..., Any], people: dict[str, str]
) -> None:
    page = open_page(visit(people["lin"]))
    page.goto("/-/opportunities/new")
    page.fill("#f-title_en", "A world-class pump house")
    page.wait_for_selector(".lint-panel .lint-error")
    text = page.inner_text(".lint-panel")
    assert "Say who pays for the pilot." in text and "world-class" in text
    page.fill("#f-payer", "The waterworks")
    page.locator(".lint-panel").get_by_text("Say who pays for the pilot.").wait_for(state="hidden")
    rows = page.locator("table[data-rows]").first.locator("tbody tr")
    before = rows.count()
    rows.last.locator("input").first.fill("energy")
    assert rows.count() == before + 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
