"""The pages in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from support.web_forge import png

Visit = Callable[..., Visitor]
_COLOURS = (
    "page surface sunken text muted accent on-accent danger danger-soft note note-soft good good-soft code-comment"
).split()


@pytest.fixture
def member(live: LiveHub) -> str:
    return live.user(live.fresh_name("member"), password="long enough")


def test_a_member_signs_in_makes_a_repo_and_a_token_and_signs_out(
    open_page: Callable[..., Any], live: LiveHub, member: str
) -> None:
    page = open_page()
    page.goto("/")
    page.click("text=Sign in")
    page.fill("#f-name", member)
    page.fill("#f-password", "long enough")
    page.keyboard.press("Enter")
    page.click("details.menu summary")
    page.click("text=New repository")
    page.check("input[value=dataset]")
    page.fill("#f-name", "leaves")
    page.click("text=Create the repository")
    page.wait_for_url(f"**/datasets/{member}/leaves")

    page.goto("/settings/tokens")
    page.fill("#f-name", "laptop")
    page.check("input[value=write]")
    page.click("text=Create the token")
    assert page.locator(".fresh-token code").first.inner_text().startswith("yg_")

    page.click("details.menu summary")
    page.click("text=Sign out")
    page.wait_for_url(f"{live.url}/")
    assert page.locator(".account >> text=Sign in").is_visible()


def test_files_are_browsed_by_clicking(open_page: Callable[..., Any], live: LiveHub, lin_name: str) -> None:
    files = {
        "README.md": b"# Tea\n\n![leaf](img/leaf.png)",
        "src/brew.py": b"def brew():\n    return 1\n",
        "img/leaf.png": png(),
    }
    repo = live.world.repo(f"{lin_name}/tea", by=live.actor(lin_name), files=files)
    page = open_page()

    page.goto(f"/{repo.repo_id}")
    assert page.evaluate("document.querySelector('.markdown img').naturalWidth") == 4
    page.click(".tabs >> text=Files")
    page.click(".files >> text=src")
    page.click(".files >> text=brew.py")
    page.click("#L2 .line-number")
    assert page.url.endswith(f"/{repo.repo_id}/blob/main/src/brew.py#L2")
    assert page.locator("#L2 code").inner_text() == "    return 1"
    page.click(".path >> text=tea")
    page.click("text=1 commit")
    page.click("text=initial commit")
    assert page.locator(".line-added").count() > 0


def test_the_language_is_switched_and_kept(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto("/models")
    page.click("text=中文")
    assert page.locator("h1").inner_text().startswith("模型")
    page.click(".kinds >> text=数据集")
    assert page.locator("h1").inner_text().startswith("数据集")
    page.click("text=English")
    assert page.locator("h1").inner_text().startswith("Datasets")


def test_the_keyboard_is_enough(open_page: Callable[..., Any], visit: Visit, lin_name: str) -> None:
    page = open_page(visit(lin_name))
    page.goto("/models")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("/")
    page.keyboard.type("tea")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=tea")
    page.focus("details.menu summary")
    page.keyboard.press("Enter")
    assert page.locator(".menu-panel").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator(".menu-panel").is_visible()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_snippet_is_copied_by_its_button(open_page: Callable[..., Any], live: LiveHub) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/")

    page.click(".start .copy-button")
    page.wait_for_selector(".start .copy-button.copied")

    assert f"export HF_ENDPOINT={live.url}" in page.evaluate("navigator.clipboard.readText()")


def test_everything_works_without_scripts(open_page: Callable[..., Any], member: str) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/login?next=/new")
    page.fill("#f-name", member)
    page.fill("#f-password", "long enough")
    page.click("main button")
    page.fill("#f-name", "quiet")
    page.click("text=Create the repository")

    assert page.url.endswith(f"/{member}/quiet")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(
    open_page: Callable[..., Any], live: LiveHub, visit: Visit, lin_name: str, scheme: str
) -> None:
    long = "a-rather-long-name-that-nobody-would-choose-but-somebody-will-" + "x" * 20
    lin = live.actor(lin_name)
    table = b"|a|b|\n|-|-|\n|" + b"c" * 200 + b"|d|\n"
    files = {"README.md": b"# T\n\n" + b"word" * 100 + b"\n\n" + table, "deep/" + "f" * 120: b"x" * 500}
    repo = live.world.repo(f"{lin_name}/{long}", by=lin, files=files)
    page = open_page(visit(lin_name), viewport={"width": 360, "height": 740}, color_scheme=scheme)

    parts = ["", "/tree/main", "/tree/main/deep", "/blob/main/README.md?plain=1", "/commits/main", "/commit/main"]
    for path in [
        "/",
        "/models",
        f"/{lin_name}",
        "/settings/tokens",
        "/new",
        *(f"/{repo.repo_id}{part}" for part in [*parts, "/settings"]),
    ]:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_text_stands_out_from_its_ground(open_page: Callable[..., Any]) -> None:
    """WCAG 2.2 AA asks for 4.5 to 1: https://www.w3.org/TR/WCAG22/#contrast-minimum"""
    for scheme in ("light", "dark"):
        page = open_page(color_scheme=scheme)
        page.goto("/")
        tokens = page.evaluate(
            "names => Object.fromEntries(names.map("
            "name => [name, getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim()]))",
            _COLOURS,
        )
        pairs = [
            *(("text", ground) for ground in ("page", "surface", "sunken")),
            *(("muted", ground) for ground in ("page", "surface", "sunken")),
            *(("accent", ground) for ground in ("page", "surface")),
            ("on-accent", "accent"),
            ("danger", "danger-soft"),
            ("danger", "surface"),
            ("note", "note-soft"),
            ("good", "good-soft"),
            ("code-comment", "surface"),
        ]
        for ink, ground in pairs:
            assert _contrast(tokens[ink], tokens[ground]) >= 4.5, (scheme, ink, ground)


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    assert re.fullmatch(r"#[0-9a-f]{6}", color), color
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
