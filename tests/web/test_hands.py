"""What only a real browser shows: uploads by a script, colours without a reload, and a keyboard without a mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import hub
from yungu.api.web.views import upload
from yungu.hub import Repo

Visit = Callable[..., Visitor]
OpenPage = Callable[..., Any]
DATA = bytes(range(250)) * 10


@pytest.fixture
def tea(live: LiveHub, lin_name: str, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repo whose uploads come in parts of 1000 bytes."""
    monkeypatch.setattr(upload, "PART_BYTES", 1000)
    return live.world.repo(f"{lin_name}/tea", by=live.actor(lin_name), files={"a.txt": b"one\n"})


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "w.bin"
    path.write_bytes(DATA)
    return path


def commit_uploads(page: Any, repo: Repo) -> None:
    page.click(".form-end .button.primary")
    page.wait_for_url(f"**/{repo.repo_id}/tree/main")


# --- uploads


def test_files_are_chosen_dropped_and_committed(
    open_page: OpenPage, visit: Visit, lin_name: str, tea: Repo, live: LiveHub, weights: Path
) -> None:
    page = open_page(visit(lin_name))
    page.goto(f"/{tea.repo_id}/upload/main")

    page.set_input_files("#f-files", weights)
    dropped = page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['hello'], 'hello.txt')); return data }"
    )
    page.dispatch_event("form.upload", "drop", {"dataTransfer": dropped})
    page.wait_for_selector(".chosen li:nth-child(2)[data-state=done]")
    page.wait_for_selector(".chosen li:nth-child(1)[data-state=done]")
    page.fill("#f-title", "Bring two")
    commit_uploads(page, tea)

    assert page.locator(".toast").inner_text() == "Committed: Bring two"
    assert visit().get(f"/{tea.repo_id}/resolve/main/w.bin").content == DATA
    assert live.world.read(tea, "hello.txt") == b"hello"


def test_an_upload_outlives_a_broken_connection(
    open_page: OpenPage, visit: Visit, lin_name: str, tea: Repo, weights: Path
) -> None:
    page, cut = open_page(visit(lin_name)), []

    def break_once(route: Any) -> None:
        if cut:
            route.continue_()
        else:
            cut.append(route.request.url)
            route.abort()

    page.route("**/uploads?*part=2", break_once)
    page.goto(f"/{tea.repo_id}/upload/main")
    page.set_input_files("#f-files", weights)
    commit_uploads(page, tea)  # at once: it waits for what is on its way

    assert len(cut) == 1
    assert visit().get(f"/{tea.repo_id}/resolve/main/w.bin").content == DATA


def test_an_upload_goes_on_after_a_reload(
    open_page: OpenPage, visit: Visit, lin_name: str, tea: Repo, weights: Path
) -> None:
    page, sent = open_page(visit(lin_name)), []
    page.on("request", lambda request: sent.append(request.url[-6:]) if "part=" in request.url else None)
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/uploads?*part=2", lambda route: route.abort())
    page.goto(f"/{tea.repo_id}/upload/main")
    page.set_input_files("#f-files", weights)
    page.wait_for_selector(".chosen .note:has-text('broke')")

    page.unroute("**/uploads?*part=2")
    page.reload()
    assert "w.bin" in page.locator(".unfinished").inner_text()
    sent.clear()
    page.set_input_files("#f-files", weights)
    commit_uploads(page, tea)

    assert sent == ["part=2", "part=3"]
    assert visit().get(f"/{tea.repo_id}/resolve/main/w.bin").content == DATA


def test_a_file_is_uploaded_without_scripts(
    open_page: OpenPage, visit: Visit, lin_name: str, tea: Repo, weights: Path
) -> None:
    page = open_page(visit(lin_name), java_script_enabled=False)
    page.goto(f"/{tea.repo_id}/upload/main")
    page.set_input_files("#f-files", weights)
    commit_uploads(page, tea)

    assert visit().get(f"/{tea.repo_id}/resolve/main/w.bin").content == DATA


# --- colours


def test_the_colours_change_at_once_and_stay(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    page.goto("/models?marked=1")
    light = page.evaluate(ground)

    page.click(".account .to-dark")
    dark = page.evaluate(ground)
    assert dark != light and page.url.endswith("/models?marked=1")
    page.goto("/datasets")
    assert page.evaluate(ground) == dark
    page.click(".account .to-light")
    assert page.evaluate(ground) == light


def test_a_phone_has_all_of_the_header_in_its_menu(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 390, "height": 780}, java_script_enabled=False)
    page.goto("/")

    page.click(".site-menu summary")
    assert page.locator(".menu-panel .to-dark, .menu-panel .to-light").first.is_visible()
    page.click(".menu-panel >> text=Datasets")
    assert page.url.endswith("/datasets")


# --- the keyboard alone


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until the element has the focus, and see that the focus can be seen there."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector} on {page.url}")


def test_the_keyboard_alone_makes_a_repo_and_a_file(
    open_page: OpenPage, visit: Visit, live: LiveHub, lin_name: str
) -> None:
    page = open_page(visit(lin_name))
    page.goto("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main", "the skip link skips"

    page.goto("/models")
    tab_to(page, ".site-menu summary")
    page.keyboard.press("Enter")
    tab_to(page, ".menu-panel a[href='/new']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/new")
    tab_to(page, "input[name=kind]")
    page.keyboard.press("ArrowRight")
    tab_to(page, "#f-name")
    page.keyboard.type("leaves")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/datasets/{lin_name}/leaves")

    tab_to(page, ".tabs a[href$='/tree/main']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tree/main")
    tab_to(page, ".add-file summary")
    page.keyboard.press("Enter")
    tab_to(page, ".add-file a[href$='/new/main']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/new/main")
    tab_to(page, "#f-path")
    page.keyboard.type("README.md")
    tab_to(page, "#f-content")
    page.keyboard.type("# Leaves")
    tab_to(page, ".form-end .button.primary")
    page.keyboard.press("Enter")
    page.wait_for_url("**/blob/main/README.md")

    with live.site.db.read() as session:
        repo = hub.find_repo(session, "dataset", f"{lin_name}/leaves")
    assert repo is not None and live.world.read(repo, "README.md") == b"# Leaves"
