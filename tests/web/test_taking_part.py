"""Notifications, webhooks, collections and gated repos on the pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import hub
from yungu.app import worker
from yungu.hub import Repo

Visit = Callable[..., Visitor]
GATED = b"""---
extra_gated_fields:
  Company: text
  I agree: checkbox
  Use:
    type: select
    options: [Research, Education]
---
# Gated
"""


@pytest.fixture
def repo(live: LiveHub, lin_name: str) -> Repo:
    return live.world.repo(f"{lin_name}/{live.fresh_name('tea')}", by=live.actor(lin_name), files={"README.md": GATED})


@pytest.fixture
def gated(live: LiveHub, lin_name: str, repo: Repo) -> Repo:
    return live.world.write_in(hub.change_settings, repo, live.actor(lin_name), gated="manual")


@pytest.fixture
def guest(live: LiveHub, visit: Visit) -> Visitor:
    return visit(live.user(live.fresh_name("guest")))


def test_the_bell_counts_what_is_new_until_it_is_read(
    live: LiveHub, visit: Visit, repo: Repo, guest: Visitor, lin_name: str
) -> None:
    live.world.write_in(hub.open_discussion, live.site.git, repo, live.actor(guest.name or ""), title="Hear me")
    worker.notify_users(live.site)
    lin = visit(lin_name)

    page = lin.read("/notifications")
    assert "Hear me" in page and re.search(r'class="quiet bell".*?<span class="count">1</span>', page, re.DOTALL)
    lin.submit("/notifications", "/notifications/read")
    assert "Hear me" not in lin.read("/notifications")
    assert "Hear me" in lin.read("/notifications?show=all")


def test_a_webhook_is_set_up_paused_and_deleted(visit: Visit, lin_name: str) -> None:
    lin, place = visit(lin_name), "/settings/webhooks"
    made = lin.submit(
        place, url="https://example.org/hook", watched=f"user {lin_name}", about_repo="1", secret="s3cret-s3cret"
    )
    page = lin.read(made.headers["location"])

    assert "https://example.org/hook" in page and "s3cret-s3cret" not in page
    lin.submit(made.headers["location"], do="pause")
    assert "Paused" in lin.read(place)
    lin.submit(made.headers["location"], do="delete")
    assert "https://example.org/hook" not in lin.read(place)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "ftp://x"}, "url"),
        ({"watched": "moon lin"}, "watched"),
        ({"watched": "model lin"}, "watched"),
        ({"about_repo": ""}, "domains"),
    ],
)
def test_a_webhook_that_makes_no_sense_comes_back_with_what_was_typed(
    visit: Visit, lin_name: str, fields: dict[str, str], field: str
) -> None:
    typed = {"url": "https://example.org/x", "watched": "user lin", "about_repo": "1"} | fields
    refused = visit(lin_name).submit("/settings/webhooks", **typed)

    assert refused.status_code == 400
    assert f'id="e-{field}"' in refused.text and typed["url"] in refused.text


def test_a_webhook_of_somebody_else_is_not_there(visit: Visit, guest: Visitor, lin_name: str) -> None:
    made = (
        visit(lin_name)
        .submit("/settings/webhooks", url="https://example.org/x", watched="user lin", about_repo="1")
        .headers["location"]
    )
    guest.read(made, status=404)


def test_a_repo_is_collected_noted_and_taken_out(visit: Visit, repo: Repo, lin_name: str) -> None:
    lin = visit(lin_name)
    sent = lin.submit(f"/{repo.repo_id}/collect", collection="", title="Good teas", note="the best")
    place = sent.headers["location"]

    page = visit().read(place)
    assert "Good teas" in page and repo.name in page and "the best" in page
    assert place in visit().read("/collections?search=good+teas")
    item = re.search(r'name="item" value="(\d+)"', lin.read(place))
    assert item is not None
    lin.submit(place, item=item[1], do="remove")
    assert repo.name not in visit().read(place)


def test_a_private_collection_is_its_owners(visit: Visit, guest: Visitor, lin_name: str) -> None:
    lin = visit(lin_name)
    place = lin.submit("/collections/new", title="Secret teas", is_private="1").headers["location"]

    assert "Secret teas" in lin.read(place)
    guest.read(place, status=404)
    refused = guest.submit("/collections/new", place, title="Mine now")
    assert refused.status_code == 404


def test_two_collections_cannot_have_one_title(visit: Visit, lin_name: str) -> None:
    lin = visit(lin_name)
    lin.submit("/collections/new", title="Teas")
    refused = lin.submit("/collections/new", title="Teas", description="my long text")

    assert refused.status_code == 409
    assert 'id="e-title"' in refused.text and "my long text" in refused.text


def test_access_is_asked_for_and_granted(visit: Visit, gated: Repo, guest: Visitor, lin_name: str) -> None:
    home, lin = f"/{gated.repo_id}", visit(lin_name)
    guest.read(f"{home}/tree/main", status=403)
    guest.submit(home, f"{home}/access", **{"q-0": "Leaf & Co", "q-1": "yes", "q-2": "Research"})

    assert "waits for an answer" in guest.read(home)
    requests = lin.read(f"{home}/settings/access")
    assert "Leaf &amp; Co" in requests and guest.name and guest.name in requests
    number = re.search(r'name="request" value="(\d+)"', requests)
    assert number is not None
    lin.submit(f"{home}/settings/access", request=number[1], do="accepted")
    assert "README.md" in guest.read(f"{home}/tree/main")


@pytest.mark.parametrize("options", ["5", "true", "text", "{a: b}", "[[a], {b: c}, null]"])
def test_a_gate_whose_card_makes_no_sense_can_be_seen(
    live: LiveHub, visit: Visit, gated: Repo, guest: Visitor, lin_name: str, options: str
) -> None:
    card = f"---\nextra_gated_fields: {{Use: {{type: select, options: {options}}}}}\n---\n"
    live.world.commit(gated, {"README.md": card.encode()}, by=live.actor(lin_name))

    assert "Use" in guest.read(f"/{gated.repo_id}")


def test_a_rejection_says_so_and_can_be_taken_back(
    live: LiveHub, visit: Visit, gated: Repo, guest: Visitor, lin_name: str
) -> None:
    home, lin = f"/{gated.repo_id}", visit(lin_name)
    asked = live.world.write_in(hub.ask_access, gated, live.actor(guest.name or ""))
    lin.submit(f"{home}/settings/access", request=str(asked.id), do="rejected")
    assert "was rejected" in guest.read(home)
    lin.submit(
        f"{home}/settings/access?status=rejected", f"{home}/settings/access", request=str(asked.id), do="pending"
    )
    assert "waits for an answer" in guest.read(home)


def test_the_report_of_requests_runs_no_formula(
    live: LiveHub, visit: Visit, gated: Repo, guest: Visitor, lin_name: str
) -> None:
    live.world.write_in(hub.ask_access, gated, live.actor(guest.name or ""), {"=cmd()": "x"})
    report = visit(lin_name).get(f"/{gated.repo_id}/settings/access?format=csv")

    assert report.headers["content-type"].startswith("text/csv")
    assert "'=cmd(): x" in report.text and "\n=cmd" not in report.text


def test_somebody_is_let_in_unasked(visit: Visit, gated: Repo, guest: Visitor, lin_name: str) -> None:
    place = f"/{gated.repo_id}/settings/access"
    visit(lin_name).submit(place, do="grant", user=guest.name or "")
    refused = visit(lin_name).submit(place, do="grant", user="nobody-there")

    assert "README.md" in guest.read(f"/{gated.repo_id}/tree/main")
    assert refused.status_code == 404 and 'id="e-user"' in refused.text
