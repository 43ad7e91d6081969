"""Two people meet on a repo, in a real browser, from signing up to what they have made together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.servers import LiveHub

OpenPage = Callable[..., Any]
PASSWORD = "long enough"


@pytest.fixture
def joined(open_page: OpenPage, live: LiveHub, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[str, Any]]:
    """Somebody who has just signed up: the name, and a window."""
    monkeypatch.setattr(live.site, "registration", "open")

    def join(prefix: str) -> tuple[str, Any]:
        page, name = open_page(), live.fresh_name(prefix)
        page.goto("/join")
        page.fill("#f-name", name)
        page.fill("#f-password", PASSWORD)
        page.click("form.form button.primary")
        page.wait_for_url("**/")
        return name, page

    return join


def make_repo(page: Any, owner: str, name: str) -> str:
    page.goto("/new")
    page.fill("#f-name", name)
    page.click("form.form button.primary")
    page.wait_for_url(f"**/{owner}/{name}")
    page.goto(f"/{owner}/{name}/new/main")
    page.fill("#f-path", "brew.py")
    page.fill("#f-content", "degrees = 100\n")
    page.click(".form-end button.primary")
    page.wait_for_url("**/blob/main/brew.py")
    return f"/{owner}/{name}"


def test_a_question_becomes_a_pull_request_and_is_merged(joined: Callable[[str], tuple[str, Any]]) -> None:
    (lin, hers), (_, his) = joined("lin"), joined("bo")
    place = make_repo(hers, lin, "tea")

    his.goto(place)
    his.click("form.like button")
    his.click("text=Community")
    his.click("text=New discussion")
    his.fill("#f-title", "Is it too hot?")
    his.fill("#f-text", f"Dear @{lin}, 80 would do.")
    his.click("form.form button.primary")
    his.goto(f"{place}/edit/main/brew.py")
    his.fill("#f-content", "degrees = 80\n")
    his.fill("#f-title", "Cooler water")
    his.click(".form-end button.primary")
    his.wait_for_url("**/discussions/2")

    hers.goto(f"{place}/discussions/2?view=files")
    assert "degrees = 80" in hers.locator(".line-added").inner_text()
    hers.goto(f"{place}/discussions/2")
    hers.check("input[name=verdict][value=approve]")
    hers.click("text=Send the review")
    hers.click("text=Merge the pull request")
    assert "Merged" in hers.locator(".talk-head").inner_text()
    hers.goto(f"{place}/blob/main/brew.py")
    assert "degrees = 80" in hers.locator(".code-view").inner_text()

    his.goto(f"{place}/discussions/2?lang=zh")
    assert "已合并" in his.locator(".talk-head").inner_text()
    assert his.locator("html").get_attribute("lang") == "zh-CN"


def test_access_is_asked_for_and_granted(joined: Callable[[str], tuple[str, Any]]) -> None:
    (lin, hers), (bo, his) = joined("lin"), joined("bo")
    place = make_repo(hers, lin, "rare")
    hers.goto(f"{place}/settings")
    hers.check("input[name=gated][value=manual]")
    hers.locator("form.form button.primary").first.click()
    hers.wait_for_selector("text=Who may read it")

    his.goto(f"{place}/blob/main/brew.py")
    assert his.locator(".code-view").count() == 0
    his.goto(place)
    his.click(".gate button.primary")
    assert "waits for an answer" in his.locator(".gate").inner_text()

    hers.goto(f"{place}/settings/access")
    assert bo in hers.locator(".rows").inner_text()
    hers.click(".rows button.primary")
    hers.wait_for_selector("text=Nobody.")
    his.goto(f"{place}/blob/main/brew.py")
    assert "degrees = 100" in his.locator(".code-view").inner_text()
