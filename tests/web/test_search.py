"""Finding things on the pages: facets, results, corrections, proposals."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu.hub import Repo

Visit = Callable[..., Visitor]


@pytest.fixture
def topic(live: LiveHub) -> str:
    """A tag that nobody else uses."""
    return live.fresh_name("topic")


def _model(
    live: LiveHub, owner: str, topic: str, *, task: str = "text-generation", text: str = "", **options: Any
) -> Repo:
    card = f"---\npipeline_tag: {task}\nlicense: mit\nlanguage: zh\ntags: [{topic}]\n---\n# 龙井\n{text}\n".encode()
    name = f"{owner}/{live.fresh_name('repo')}"
    return live.world.repo(name, by=live.actor(owner), files={"README.md": card}, **options)


def _links(page: str, label: str) -> list[str]:
    found = re.findall(rf'href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?<span class="cut">{re.escape(label)}</span>', page)
    return [html.unescape(link) for link in found]


def test_facets_are_named_plainly_counted_and_lead_to_what_they_say(
    live: LiveHub, visit: Visit, lin_name: str, topic: str
) -> None:
    chat, draw = _model(live, lin_name, topic), _model(live, lin_name, topic, task="text-to-image")
    live.settle()
    reader = visit()

    page = reader.read(f"/models?tag={topic}")
    [address] = _links(page, "Text to image")
    drawn = reader.read(address)

    assert chat.name in page and draw.name in page
    assert draw.name in drawn and chat.name not in drawn
    assert _links(drawn, "Text generation"), "the other tasks are still there to change over to"
    assert "Chinese" in page and "中文" in visit().read(f"/models?tag={topic}&lang=zh")


def test_a_filter_can_be_taken_back_and_an_empty_list_shows_the_way_out(visit: Visit, topic: str) -> None:
    page = visit().read(f"/models?tag={topic}&task=translation&search=zzz")

    assert 'href="/models?search=zzz&amp;task=translation"' in page
    assert "Nothing matches all of this." in page
    assert 'href="/models"' in page and 'href="/search?q=zzz"' in page


def test_pages_of_a_narrowed_list_follow_one_another(live: LiveHub, visit: Visit, lin_name: str, topic: str) -> None:
    names = {_model(live, lin_name, topic).name for _ in range(31)}
    live.settle()
    reader = visit()

    first, second = reader.read(f"/models?tag={topic}"), reader.read(f"/models?tag={topic}&page=2")

    assert f'rel="next" href="/models?tag={topic}&amp;page=2"' in first
    shown = [{name for name in names if f"<b>{name}</b>" in page} for page in (first, second)]
    assert [len(some) for some in shown] == [30, 1] and shown[0] | shown[1] == names


def test_what_is_hidden_is_in_no_list_count_result_or_proposal(
    live: LiveHub, visit: Visit, lin_name: str, topic: str
) -> None:
    hidden = _model(live, lin_name, topic, text="secretword", visibility="private")
    live.settle()
    stranger, owner = visit(), visit(lin_name)

    for address in (f"/models?tag={topic}", f"/search?q={hidden.name}", "/search?q=secretword"):
        assert hidden.repo_id not in stranger.read(address), address
        assert hidden.name in owner.read(address), address
    assert stranger.get(f"/search/proposals?q={hidden.name}").json() == []
    assert [one["name"] for one in owner.get(f"/search/proposals?q={hidden.name}").json()] == [hidden.repo_id]
    assert topic not in stranger.read("/models")


def test_results_show_where_the_words_are_by_kind_and_number(
    live: LiveHub, visit: Visit, lin_name: str, topic: str
) -> None:
    word = live.fresh_name("w").replace("-", "")
    repo = _model(live, lin_name, topic, text=f"It says <script>{word} & 医疗问答")
    live.settle()

    page = visit().read(f"/search?q={word}+医疗")

    assert f'href="/{repo.repo_id}"' in page and f"<mark>{word}</mark>" in page and "<mark>医疗</mark>" in page
    assert re.search(r'aria-current="page">All <small>1</small>', page)
    assert "Nothing found." in visit().read(f"/search?q={word}&in=datasets")


def test_a_mistyped_word_is_corrected_and_said(live: LiveHub, visit: Visit, lin_name: str, topic: str) -> None:
    repo = _model(live, lin_name, topic, text="kaleidoscopic")
    live.settle()

    page = visit().read("/search?q=kaliedoscopic")

    assert "Did you mean" in page and 'href="/search?q=kaleidoscopic"' in page
    assert repo.repo_id in page


@pytest.mark.parametrize(
    "address", ["/search?q=", "/search?q=!!!&in=what&page=x", "/models?page=99999999&sort=none&size=1"]
)
def test_odd_addresses_are_answered(visit: Visit, address: str) -> None:
    visit().read(address)


def test_the_search_box_proposes_and_is_used_by_keyboard(
    live: LiveHub, chromium: Any, lin_name: str, topic: str
) -> None:
    repo = _model(live, lin_name, topic)
    live.settle()
    page = chromium.new_page()
    page.goto(live.url)

    page.get_by_role("combobox", name="Search").first.press_sequentially(repo.name)
    page.get_by_role("option", name=repo.repo_id).wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/{repo.repo_id}")
    page.close()


def test_facets_work_on_a_phone_without_scripts(live: LiveHub, chromium: Any, lin_name: str, topic: str) -> None:
    repo = _model(live, lin_name, topic)
    live.settle()
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800}, locale="en")
    page = context.new_page()
    page.goto(f"{live.url}/models?tag={topic}")

    assert not page.get_by_role("link", name="Text generation").is_visible()
    page.get_by_text("Filters").click()
    page.get_by_role("link", name="Text generation").click()

    page.wait_for_url("**/models?tag=*&task=text-generation")
    assert page.get_by_role("link", name=repo.name).is_visible()
    context.close()
