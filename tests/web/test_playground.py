"""The playground: every kind of call as a plain form, and a chat that streams in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.servers import LiveHub
from support.upstream import PROMPT_TOKENS, Upstream, upstream
from support.visitor import Visitor
from yungu import accounts, compute, credits

Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as one:
        yield one


@pytest.fixture
def model(live: LiveHub, server: Upstream) -> str:
    """A model of another server that answers everything, at 1,000 credits for a million tokens."""
    name = f"{live.user(live.fresh_name('mei'))}/tea"
    root, prices = live.actor(live.user(is_admin=True)), compute.Prices(prompt_million=10**9, completion_million=10**9)
    kinds = ("chat", "completion", "embedding", "rerank", "predict")
    with live.site.db.write() as session:
        compute.deploy_upstream(
            session, live.site.secret, name, root, server.url, prices, answers=kinds, visibility="public"
        )
    return name


@pytest.fixture
def caller(live: LiveHub, visit: Visit) -> Visitor:
    """Somebody with a hundred credits."""
    name = live.user()
    with live.site.db.write() as session:
        owner = accounts.get_owner(session, name)
        credits.add_cash(session, owner.id, 100 * credits.CREDIT, key=live.fresh_name("cash"), by=None)
    return visit(name)


def test_each_kind_of_call_is_a_plain_form(caller: Visitor, model: str, server: Upstream) -> None:
    place = f"/-/playground/{model}"
    common = {"max_tokens": "20", "temperature": "0.5"}

    chat = caller.submit(f"{place}?kind=chat", place, kind="chat", message=f"Which {SCRIPT}?", **common).text
    assert SCRIPT not in chat and "tea tea tea" in chat and "11 tokens read, 3 written, 0.014 credits" in chat
    turns = re.search(r'name="turns" value="([^"]*)"', chat)
    assert turns is not None
    said = turns[1].replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">")
    caller.submit(place, kind="chat", message="And now?", turns=said, **common)
    assert [one["role"] for one in server.requests[-1]["messages"]] == ["user", "assistant", "user"]
    assert caller.submit(place, kind="chat", message="x", turns='[{"role": "system"}]', **common).status_code == 200
    assert [one["role"] for one in server.requests[-1]["messages"]] == ["user"]  # what was tampered with is left out

    assert "2 numbers: [0.5000, 0.2500]" in caller.submit(place, kind="embedding", message="green\ntea").text
    ranked = caller.submit(place, kind="rerank", message="tea", documents="coffee\ngreen tea").text
    assert "<b>0.9000</b> green tea" in ranked
    assert caller.submit(place, kind="rerank", message="tea", documents=" ").status_code == 400
    assert "&#34;leaf&#34;: 1" in caller.submit(place, kind="predict", message='{"leaf": 1}').text.replace(":1", ": 1")
    assert caller.submit(place, kind="predict", message="{no json").status_code == 400


def test_what_the_model_server_refuses_is_told_and_costs_nothing(
    caller: Visitor, model: str, server: Upstream, live: LiveHub
) -> None:
    place = f"/-/playground/{model}"
    for how, told in (("refuse", "too long for me"), ("hang up", "")):
        server.behave(how)
        page = caller.submit(place, kind="chat", message="tea", max_tokens="5", temperature="1").text
        assert "alert-error" in page and told in page and "sk-secret" not in page
    assert "100</dd>" in caller.read("/-/credits")


def test_a_chat_streams_counts_and_can_be_stopped(
    open_page: Callable[..., Any], caller: Visitor, model: str, server: Upstream
) -> None:
    page = open_page(caller)
    page.goto(f"/-/playground/{model}")
    page.fill("#f-message", f"Which {SCRIPT}?")
    page.click("#ask button.primary")
    page.wait_for_selector("[data-receipt] a")
    assert page.locator(".reply-box.is-model .reply").inner_text() == " tea tea tea"
    assert page.locator("[data-receipt]").inner_text().startswith("11 tokens read, 3 written, 0.014 credits")
    assert page.locator(".reply-box .reply").first.inner_text() == f"Which {SCRIPT}?"

    server.behave("stall")
    page.fill("#f-message", "And then?")
    page.click("#ask button.primary")
    page.wait_for_selector("text=2 tokens written so far, about")
    assert page.locator(".reply").last.inner_text() == " tea tea"
    assert [one["role"] for one in server.requests[-1]["messages"]] == ["user", "assistant", "user"]
    page.click("#stop")
    page.wait_for_selector("text=Stopped. What was written until then is paid.")
    assert server.left.wait(20)
    page.wait_for_selector("#stop", state="hidden")

    server.behave("refuse")
    page.fill("#f-message", "Once more")
    page.click("#ask button.primary")
    page.wait_for_selector("text=too long for me")
    page.goto("/-/credits")
    assert page.locator(".data-table .badge").all_inner_texts().count("Client left") == 1
    assert PROMPT_TOKENS == 11
