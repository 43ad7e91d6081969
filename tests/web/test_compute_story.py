"""From an empty server to a call that a voucher has paid: pages in a real browser, and the stock OpenAI client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from support.servers import LiveHub, live_hub
from yungu import compute, credits
from yungu.app import demo

_GENOS = Path(demo.__file__).parent / "demo_data" / "genos-mt"
PASSWORD = "long enough"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[LiveHub]:
    """A server with two people and nothing else."""
    with live_hub(tmp_path / "data") as hub:
        hub.user("admin", is_admin=True, password=PASSWORD)
        hub.user("mei", password=PASSWORD)
        yield hub


@pytest.fixture
def sign_in(empty: LiveHub, chromium: Any) -> Iterator[Any]:
    contexts = []

    def open_as(name: str) -> Any:
        contexts.append(chromium.new_context(base_url=empty.url, locale="en-US"))
        page = contexts[-1].new_page()
        page.goto("/login")
        page.fill("#f-name", name)
        page.fill("#f-password", PASSWORD)
        page.click("main form button.primary")
        page.wait_for_url("**/")
        return page

    yield open_as
    for context in contexts:
        context.close()


def test_a_voucher_by_policy_pays_for_a_model_that_was_just_deployed(empty: LiveHub, sign_in: Any) -> None:
    # the administrator fills a pot and grants what the district's policy awards
    admin = sign_in("admin")
    admin.goto("/-/admin/credits")
    admin.fill("#f-budget", "compute-2026")
    admin.fill("#f-amount", "1000")
    admin.click("text=Fund >> nth=-1")
    admin.wait_for_selector(".toast")
    admin.goto("/-/policies/westlake-tokens")
    admin.click("text=Grant a voucher by this policy")
    admin.fill("#f-owner", "mei")
    admin.fill("#f-contract_amount", "600")
    admin.click("text=Decide and grant")
    assert "Awarded this year already" in admin.locator(".verdict-box-unknown").inner_text()
    admin.fill("#f-awarded_this_year", "0")
    admin.fill("#f-amount", "20")
    admin.click("text=Decide and grant")
    admin.wait_for_url("**/-/admin/credits/vouchers/*")
    assert "The cap is not reached" in admin.locator(".proof").inner_text()

    # a developer finds the voucher, uploads a small real model and deploys it
    mei = sign_in("mei")
    mei.goto("/-/credits")
    assert mei.locator(".voucher h3 b").inner_text() == "20"
    mei.goto("/new")
    mei.fill("#f-name", "genos")
    mei.click("form.form button.primary")
    mei.wait_for_url("**/mei/genos")
    mei.goto("/mei/genos/upload/main")
    mei.set_input_files("#f-files", sorted(path for path in _GENOS.iterdir() if path.name != "README.md"))
    mei.wait_for_selector('.chosen [data-state="done"] >> nth=4')
    mei.click("form.upload button.primary")
    mei.wait_for_url("**/tree/main")
    mei.goto("/mei/genos")
    assert "as stored" in mei.locator("#runs-on").inner_text()
    mei.click("text=Deploy")
    mei.fill("#f-prompt_million", "1000")
    mei.fill("#f-completion_million", "20000")
    mei.click("form.form button.primary")
    mei.wait_for_url("**/-/deployments/mei/genos")
    assert f'base_url="{empty.url}/v1"' in mei.locator("main").inner_text()

    # and calls it in a stream with a token of the page
    mei.goto("/settings/tokens")
    mei.fill("#f-name", "notebook")
    mei.check("input[name=scope][value=write]")
    mei.click("form.form button.primary")
    token = mei.locator(".fresh-token code").first.inner_text()
    client = OpenAI(base_url=f"{empty.url}/v1", api_key=token, max_retries=0)
    asked = {"model": "mei/genos", "prompt": "GTTAATGTAGCTTAATAAC", "max_tokens": 60, "temperature": 0.0}
    frames = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    written = "".join(frame.choices[0].text for frame in frames if frame.choices)
    usage = frames[-1].usage
    assert usage is not None and len(written) == usage.completion_tokens == 60
    paid = (usage.prompt_tokens * 1000 + usage.completion_tokens * 20000) * credits.CREDIT // 1_000_000

    # the same on the page: the price before, what it costs while it writes, the receipt after
    mei.goto("/-/playground/mei/genos")
    assert "20,000 credits per million tokens written" in mei.locator(".prices").inner_text()
    mei.fill("#f-message", "GTTAATGTAGCTTAATAAC")
    mei.fill("#f-max_tokens", "60")
    mei.fill("#f-temperature", "0")
    mei.click("#ask button.primary")
    mei.wait_for_selector("[data-receipt] a")
    assert mei.locator(".reply-box.is-model .reply").inner_text() == written
    assert "60 written" in mei.locator("[data-receipt]").inner_text()
    mei.click("[data-receipt] a")
    assert "Voucher #1 · westlake-tokens" in mei.locator("main").inner_text()
    assert credits.credits_text(paid) in mei.locator(".figures").inner_text()

    # what is left is what was granted less both calls, to the micro-credit, on the page and in the books
    mei.goto("/-/credits?lang=zh")
    left = credits.credits_text(20 * credits.CREDIT - 2 * paid)
    assert mei.locator(".voucher h3 b").inner_text() == left
    assert re.search("先到期的券先用", mei.locator("main").inner_text())
    assert mei.locator(".data-table").last.locator("tbody tr").count() == 2
    with empty.site.db.read() as session:
        assert credits.replay(session).is_sound
        assert [call.amount for call in compute.list_calls(session, limit=9).items] == [paid, paid]
    admin.goto("/-/admin/credits/audit")
    assert "The books are sound" in admin.locator(".alert").inner_text()
