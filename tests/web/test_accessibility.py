"""Every kind of page is for everybody: what axe-core finds, what the keyboard reaches, what a page weighs.

Rules: https://github.com/dequelabs/axe-core/blob/develop/doc/rule-descriptions.md, of which what is called serious or
critical must not occur. Each page is looked at in both languages, both themes and on a wide and a narrow screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from support.lists import MODEL, TEA, Lists
from support.servers import LiveHub
from support.visitor import Visitor
from support.web_forge import gguf, png, safetensors
from yungu import accounts, compute, credits, hub, scenarios
from yungu.api.http.auth import SESSION_COOKIE
from yungu.app import demo, worker
from yungu.kernel import clock
from yungu.scenarios import Constraint, matching, validation

_GENOS = Path(demo.__file__).parent / "demo_data" / "genos-mt"
MAX_PAGE_BYTES = 150_000
_CARD = """---
license: mit
language: [zh, en]
tags: [tea]
pipeline_tag: text-classification
---
# Tea

| a | b |
| --- | --- |
| `x` | 1 |

> [!NOTE]
> A note, a [link](https://example.org) and `code`.

```python
def brew(leaves: int) -> str:
    return f"{leaves} leaves"  # hot
```

$$\\frac{a}{b}$$

```mermaid
graph LR; leaf --> cup
```
## One
## Two
## Three
## Four
"""
_NOTEBOOK = """{"cells": [
 {"cell_type": "markdown", "source": "# Notes"},
 {"cell_type": "code", "execution_count": 1, "source": "1 / 0", "outputs": [
  {"output_type": "stream", "text": "hot"}, {"output_type": "error", "traceback": ["ZeroDivisionError"]}]}]}"""
# a page of each kind, for somebody who may do everything there; "-": for a stranger
PAGES = {
    "desk": "/",
    "list": "/models",
    "search": "/search?q=tea",
    "user": "{me}",
    "activity": "{me}?tab=activity",
    "likes": "{me}?tab=likes",
    "following": "{me}?tab=following",
    "collections": "{me}?tab=collections",
    "organization": "{town}?tab=members",
    "members": "/organizations{town}/members",
    "organization settings": "/organizations{town}/settings",
    "new organization": "/organizations/new",
    "new repo": "/new",
    "profile": "/settings/profile",
    "tokens": "/settings/tokens",
    "card": "{repo}",
    "files": "{repo}/tree/main",
    "file": "{repo}/blob/main/src/brew.py",
    "weights": "{repo}/blob/main/model.safetensors",
    "gguf": "{repo}/blob/main/model.gguf",
    "notebook": "{repo}/blob/main/notes.ipynb",
    "archive": "{repo}/blob/main/leaves.zip",
    "sound": "{repo}/blob/main/pour.mp3",
    "history": "{repo}/commits/main",
    "history of a file": "{repo}/commits/main?path=src/brew.py",
    "comparison": "{repo}/compare/{first}...main",
    "kin": "{repo}/kin?kinship=finetune",
    "commit": "{repo}/commit/{commit}",
    "repo settings": "{repo}/settings",
    "new file": "{repo}/new/main",
    "edit": "{repo}/edit/main/README.md",
    "delete": "{repo}/delete/main/src",
    "upload": "{repo}/upload/main",
    "discussions": "{repo}/discussions",
    "discussion": "{repo}/discussions/1",
    "new discussion": "{repo}/discussions/new",
    "callable models": "/-/deployments",
    "deployment": "/-/deployments{genos}",
    "playground": "/-/playground{genos}",
    "deploy": "/-/deployments/new?repo={genos_name}",
    "upstream": "/-/deployments/upstream",
    "what it runs on": "{genos}",
    "wallet": "/-/credits",
    "receipt": "/-/receipts/{receipt}",
    "policies": "/-/policies",
    "policy": "/-/policies/hangzhou-student?ask=1&is_student=yes&tier=3",
    "compute jobs": "/-/jobs",
    "new evaluation": "/-/jobs/new?kind=evaluation",
    "compute job": "/-/jobs/{job}",
    "opportunities": "/-/opportunities",
    "post a need": "/-/opportunities/new",
    "offer a capability": "/-/capabilities/new",
    "imports": "/-/scenarios/imports",
    "my scenarios": "/-/scenarios/mine",
    "opportunity": "/-/opportunities/{need}",
    "capability": "/-/capabilities/{offer}",
    "matches": "/-/opportunities/{need}/matches",
    "matches of a capability": "/-/capabilities/{offer}/matches",
    "match": "/-/matches/{match}",
    "market": "/-/market",
    "run of the market": "/-/market/runs/{run}",
    "matchmaking day": "/-/market/days/{day}",
    "pilots": "/-/pilots",
    "pilot": "/-/pilots/{pilot}",
    "terms of a pilot": "/-/pilots/{pilot}/terms",
    "pilot that was accepted": "/-/pilots/{case}",
    "notifications": "/notifications?show=all",
    "error": "/nobody/nothing",
    "- home": "/",
    "- user": "{me}",
    "- card": "{repo}",
    "- login": "/login",
    "- cases": "/-/cases",
    "- case": "/-/pilots/{case}",
}
_GROUPS = [list(PAGES)[start::8] for start in range(8)]


@pytest.fixture(scope="module")
def places(live: LiveHub) -> dict[str, str]:
    """What stands for the names in PAGES; ``me`` is signed in."""
    world, lin = live.world, live.actor(live.user(live.fresh_name("lin"), password="long enough"))
    mei = live.actor(live.user())
    town = world.organization(live.fresh_name("town"), admin=lin, write=[mei])
    files = {
        "README.md": _CARD.encode(),
        "src/brew.py": b"def brew():\n    return 'tea'  # hot\n",
        "leaf.png": png(),
        "model.safetensors": safetensors({"w": ("F32", [2, 2])}),
        "model.gguf": gguf({"general.name": "tea", "words": ["a", "b"]}, {"w": (0, [2, 2])}),
        "notes.ipynb": _NOTEBOOK.encode(),
        "leaves.zip": b"PK\5\6" + bytes(18),
        "pour.mp3": bytes(100),
    }
    repo = world.repo(f"{lin.name}/tea", by=lin, files=files)
    first = world.resolve(repo)
    card = f"---\nbase_model: {repo.repo_id}\n---\n".encode()
    world.repo(f"{lin.name}/child", by=lin, files={"README.md": card})
    commit = world.commit(repo, {"src/brew.py": b"def brew():\n    return 'more'\n", "leaf.png": None}, by=lin)
    with live.site.db.write() as session:
        assert lin.user is not None and mei.user is not None
        accounts.follow_owner(session, lin.user, mei.user)
        accounts.update_owner(session, lin.user.id, bio="Grows tea.", links=["https://example.org/tea"])
        hub.like_repo(session, repo, lin)
        hub.open_discussion(session, live.site.git, repo, mei, title="How hot?", text="**80** or 90 degrees?")
    world.repo(f"{mei.name}/cups", by=mei, kind="dataset")
    genos = world.repo(f"{lin.name}/genos", by=lin, files={path.name: path.read_bytes() for path in _GENOS.iterdir()})
    return {
        "genos": f"/{genos.repo_id}",
        "genos_name": genos.repo_id,
        **_called(live, lin, genos),
        **_matched(live, lin, mei),
        "me": f"/{lin.name}",
        "town": f"/{town.name}",
        "repo": f"/{repo.repo_id}",
        "commit": commit.oid,
        "first": first,
    }


def _called(live: LiveHub, lin: accounts.Actor, genos: hub.Repo) -> dict[str, str]:
    """The model is deployed, called once and paid by a voucher that is over soon; a batch waits."""
    assert lin.id is not None
    asked = live.world.repo(f"{lin.name}/asked", by=lin, kind="dataset", files={"asked.jsonl": b"{}\n"})
    with live.site.db.write() as session:
        credits.fund_budget(session, "tea", 9 * credits.CREDIT, key=f"fund-{lin.id}", by=None)
        terms = credits.Terms(expires_at=clock.now() + timedelta(days=2), day_cap=credits.CREDIT)
        credits.grant(session, lin.id, credits.CREDIT, budget="tea", key=f"grant-{lin.id}", terms=terms, by=None)
        made = compute.deploy(session, live.site.git, genos.repo_id, lin, compute.Prices(request=5))
        ask = compute.Asked("completion", 20, f"one-{lin.id}", 4)
        ticket = compute.begin_call(session, made, lin, ask, compute.CallLimits())
        call = compute.end_call(session, ticket, compute.Usage(9, 4, 0.1), "done", is_estimated=True)
        batch = compute.BatchAsk(made.name, asked.repo_id, "asked.jsonl")
        job = compute.ask_batch(session, live.site.git, batch, lin, live.site.job_terms, budget=1000)
    return {"receipt": str(call.id), "job": str(job.id)}


def _matched(live: LiveHub, lin: accounts.Actor, mei: accounts.Actor) -> dict[str, str]:
    """An operator whose need has a match with words on it, a pilot under discussion and one that is a public case."""
    lists = Lists(live.world)
    elsa, otto = lists.holder(live.fresh_name("elsa"), "expert"), lists.holder(live.fresh_name("otto"), "operator")
    assert lin.user is not None
    lists.write(scenarios.grant_role, lin.user, "operator", None)
    by: dict[str, accounts.Actor] = {"expert": elsa, "operator": otto}
    wanted = replace(TEA, constraints=[Constraint("region", "杭州"), Constraint("filing", "大模型备案")])
    offer = lists.publish(lists.post(mei, MODEL, capacity=9), mei, **by)
    need, other = (lists.publish(lists.post(lin, one), lin, **by) for one in (wanted, TEA))
    markets = matching.Markets()
    run = lists.write(matching.keep, lists.read(matching.find_for, markets, need.id), otto)
    lists.write(matching.publish, run.id, otto)
    match = lists.read(matching.list_matches, run.id)[0]
    for writer in (lin, mei):
        lists.write(matching.write, match.id, "几月能开始？", writer, shows_contact=True)
    worker.notify_users(live.site)
    drafted = matching.run_market(live.site.db, markets, matching.Rules(), otto)
    day: dict[str, Any] = {"starts_at": clock.now(), "tables": 4, "minutes": 8, "pause": 2, "breaks": []}
    planned = lists.write(matching.plan_day, "茶季对接日", [match.id], otto, **day)
    pilot, case = (_piloted(lists, one, offer, lin, mei) for one in (need, other))
    for party, one in (("demand", lin), ("provider", mei)):
        lists.write(validation.sign_terms, case.code, party, one, terms_hash=case.terms_hash)
    lists.write(validation.add_evidence, case.code, lin, TEA.indicators[0].metric, value=1.5, text="三个茶园")
    lists.write(validation.conclude, case.code, lin)
    codes = {"need": need.code, "offer": offer.code, "pilot": pilot.code, "case": case.code}
    return codes | {"match": str(match.id), "run": str(drafted.id), "day": str(planned.id)}


def _piloted(
    lists: Lists, need: scenarios.Item, offer: scenarios.Item, lin: accounts.Actor, mei: accounts.Actor
) -> validation.Pilot:
    claim = lists.write(scenarios.make_claim, need.code, offer.code, mei)
    lists.write(scenarios.accept_claim, claim.id, lin)
    return lists.write(validation.propose_pilot, claim.id, lin)


@pytest.fixture
def window(chromium: Any, live: LiveHub) -> Iterator[Callable[..., Any]]:
    """``window(name, **options)``: a browser window of somebody who is signed in, or of a stranger."""
    contexts = []

    def open_one(name: str | None = None, **options: Any) -> Any:
        context = chromium.new_context(base_url=live.url, reduced_motion="reduce", **options)
        contexts.append(context)
        if name is not None:
            visitor = Visitor(live, name)
            context.add_cookies([{"name": SESSION_COOKIE, "value": visitor.cookies[SESSION_COOKIE], "url": live.url}])
            visitor.close()
        context.add_init_script(_WATCH_SHIFTS)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()


_WATCH_SHIFTS = """
window.shift = 0
window.moved = []
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) {
    window.shift += entry.value
    for (const { node, previousRect, currentRect } of entry.sources)
      window.moved.push(`${node?.nodeName}.${node?.className} ${previousRect.y} -> ${currentRect.y}`)
  }
}).observe({type: "layout-shift", buffered: true})
"""
_WEIGHT = """
performance.getEntriesByType("navigation")[0].decodedBodySize + performance.getEntriesByType("resource")
  .filter(one => /[.](css|js)/.test(one.name)).reduce((sum, one) => sum + one.decodedBodySize, 0)
"""


def _faults(page: Any, rules: list[str] | None = None) -> list[str]:
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"][:3]
    ]


@pytest.mark.parametrize("names", _GROUPS, ids=lambda names: ",".join(names).replace(" ", "_"))
@pytest.mark.parametrize(
    ("locale", "width", "themes"), [("en-US", 1280, ("light", "dark")), ("zh-CN", 390, ("dark", "light"))]
)
def test_no_page_has_a_serious_fault_moves_or_weighs_much(
    window: Callable[..., Any],
    places: dict[str, str],
    locale: str,
    width: int,
    themes: tuple[str, str],
    names: list[str],
) -> None:
    options = {"locale": locale, "viewport": {"width": width, "height": 800}, "color_scheme": themes[0]}
    member, stranger = window(places["me"].strip("/"), **options), window(**options)
    wrong: list[str] = []

    for name in names:
        page = stranger if name.startswith("-") else member
        page.emulate_media(color_scheme=themes[0])
        page.goto(PAGES[name].format(**places))
        faults = _faults(page)
        page.emulate_media(color_scheme=themes[1])
        faults += _faults(page, ["color-contrast"])
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append("is wider than the window")
        if page.evaluate("window.shift") > 0.02:
            faults.append(f"moves while it loads: {page.evaluate('[window.shift, window.moved]')}")
        weight = page.evaluate(_WEIGHT)
        if not 20_000 < weight <= MAX_PAGE_BYTES:
            faults.append(f"weighs {weight} bytes")
        wrong += [f"{name}: {fault}" for fault in faults]

    assert wrong == [], "\n".join(wrong)
