"""Administrators run the place from the browser; to everybody else these pages do not exist."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import accounts, hub
from yungu.kernel import clock, upkeep

Visit = Callable[..., Visitor]
PAGES = ["", "/users", "/organizations", "/invitations", "/storage", "/jobs", "/audit", "/audit.csv"]


@pytest.fixture
def root(live: LiveHub) -> str:
    """An administrator of the hub."""
    return live.user(live.fresh_name("root"), is_admin=True)


@pytest.fixture
def admin(visit: Visit, root: str) -> Visitor:
    return visit(root)


@pytest.mark.parametrize("page", PAGES)
def test_there_is_nothing_here_for_others(visit: Visit, lin_name: str, page: str) -> None:
    visit(lin_name).read(f"/-/admin{page}", 404)
    assert visit().get(f"/-/admin{page}").headers["location"].startswith("/login")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_opens_for_an_administrator(admin: Visitor, page: str, language: str) -> None:
    answer = admin.get(f"/-/admin{page}", headers={"accept-language": language})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


def test_an_administrator_s_token_opens_none_of_them(live: LiveHub, visit: Visit, root: str) -> None:
    token = live.token(root, "admin")
    assert visit().get("/-/admin", headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_others_cannot_send_the_forms_either(live: LiveHub, visit: Visit, lin_name: str) -> None:
    victim = live.user()
    answer = visit(lin_name).submit("/settings/profile", f"/-/admin/owners/{victim}/suspend")
    assert answer.status_code == 404
    assert live.actor(victim).user.disabled_at is None  # type: ignore[union-attr]


def test_a_form_from_elsewhere_changes_nothing(live: LiveHub, admin: Visitor) -> None:
    victim = live.user()
    answer = admin.post(f"/-/admin/owners/{victim}/suspend", data={"form_token": "made-up"})
    assert answer.status_code == 403
    assert live.actor(victim).user.disabled_at is None  # type: ignore[union-attr]


# --- people


def test_users_are_found_by_name_and_by_state(live: LiveHub, admin: Visitor) -> None:
    name = live.user(live.fresh_name("findme"))
    assert name in admin.read(f"/-/admin/users?q={name[:9].upper()}")
    assert "Nobody was found." in admin.read(f"/-/admin/users?q={name}&state=suspended")


def test_users_come_page_by_page(live: LiveHub, admin: Visitor) -> None:
    prefix = live.fresh_name("many")
    for number in range(55):
        live.user(f"{prefix}-{number:02}")
    first = admin.read(f"/-/admin/users?q={prefix}")
    assert f"{prefix}-49" in first and f"{prefix}-50" not in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    assert f"{prefix}-54" in admin.read(following[1].replace("&amp;", "&"))


def test_a_suspended_user_is_out_until_let_in_again(live: LiveHub, visit: Visit, admin: Visitor) -> None:
    name = live.user(password="long enough")
    browser, page = visit(name), f"/-/admin/owners/{name}"
    browser.read("/settings/profile")

    assert admin.submit(page, f"{page}/suspend").status_code == 303

    assert browser.get("/settings/profile").headers["location"].startswith("/login")
    assert visit().submit("/login", name=name, password="long enough").status_code == 403
    assert "Suspended" in admin.read(page)
    admin.submit(page, f"{page}/unsuspend")
    assert visit().submit("/login", name=name, password="long enough").status_code == 303


def test_administration_is_given_and_taken(live: LiveHub, visit: Visit, admin: Visitor) -> None:
    name = live.user()
    page = f"/-/admin/owners/{name}"
    admin.submit(page, f"{page}/promote")
    visit(name).read("/-/admin")
    admin.submit(page, f"{page}/demote")
    visit(name).read("/-/admin", 404)


def test_a_password_link_works_once_and_signs_everybody_else_out(live: LiveHub, visit: Visit, admin: Visitor) -> None:
    name = live.user(password="long enough")
    other, page = visit(name), f"/-/admin/owners/{name}"
    shown = admin.submit(page, f"{page}/reset")
    link = re.search(r"(/login/reset\?key=[^<\s]+)</code>", shown.text)
    assert link is not None and shown.headers["cache-control"] == "no-store"

    guest = visit()
    assert guest.submit(link[1], password="short", key=link[1].partition("=")[2]).status_code == 400
    done = guest.submit(link[1], password="another one", key=link[1].partition("=")[2])

    assert done.status_code == 303
    guest.read("/settings/profile")
    assert other.get("/settings/profile").headers["location"].startswith("/login")
    visit().read(link[1], 404)
    assert visit().submit("/login", name=name, password="another one").status_code == 303


def test_a_made_up_password_link_opens_nothing(visit: Visit) -> None:
    visit().read("/login/reset?key=abc.def", 404)


def test_a_user_is_deleted_and_the_repos_are_handed_over(live: LiveHub, admin: Visitor) -> None:
    leaving, heir = live.user(), live.user()
    repo = live.world.repo(f"{leaving}/tea", by=live.actor(leaving))
    liked = live.world.repo(f"{heir}/liked", by=live.actor(heir))
    live.world.write_in(hub.like_repo, liked, live.actor(leaving))
    page = f"/-/admin/owners/{leaving}"

    refused = admin.submit(page, f"{page}/delete", confirm=leaving)
    assert refused.status_code == 400 and "what shall become of the repositories" in refused.text
    wrong = admin.submit(page, f"{page}/delete", confirm="x", repos="delete")
    assert wrong.status_code == 400
    done = admin.submit(page, f"{page}/delete", confirm=leaving, repos="transfer", heir=heir)

    assert done.status_code == 303
    admin.read(page, 404)
    assert live.world.fresh(repo).repo_id == f"{heir}/tea"
    assert live.world.fresh(liked).likes_count == 0
    assert admin.get(f"/{leaving}/tea", follow_redirects=True).status_code == 200


def test_a_name_that_the_heir_has_already_is_said_at_its_field(live: LiveHub, admin: Visitor) -> None:
    leaving, heir = live.user(), live.user()
    for owner in (leaving, heir):
        live.world.repo(f"{owner}/tea", by=live.actor(owner))
    page = f"/-/admin/owners/{leaving}"

    refused = admin.submit(page, f"{page}/delete", confirm=leaving, repos="transfer", heir=heir)

    assert refused.status_code == 409 and "e-heir" in refused.text
    assert live.actor(leaving)


def test_a_user_and_everything_of_theirs_is_deleted(live: LiveHub, admin: Visitor) -> None:
    leaving = live.user()
    live.world.repo(f"{leaving}/tea", by=live.actor(leaving))
    page = f"/-/admin/owners/{leaving}"
    assert admin.submit(page, f"{page}/delete", confirm=leaving, repos="delete").status_code == 303
    admin.read(f"/{leaving}/tea", 404)
    admin.read(f"/{leaving}", 404)


def test_the_only_administrator_of_an_organization_stays(live: LiveHub, admin: Visitor) -> None:
    name = live.user()
    live.world.organization(live.fresh_name("org"), admin=live.actor(name))
    page = f"/-/admin/owners/{name}"
    refused = admin.submit(page, f"{page}/delete", confirm=name)
    assert refused.status_code == 409 and "only administrator" in refused.text


def test_an_organization_is_deleted(live: LiveHub, admin: Visitor) -> None:
    place = live.world.organization(live.fresh_name("org"), admin=live.actor(live.user()))
    page = f"/-/admin/owners/{place.name}"
    assert admin.submit(page, f"{page}/delete", confirm=place.name).status_code == 303
    admin.read(f"/{place.name}", 404)


def test_nobody_deletes_themselves(admin: Visitor, root: str) -> None:
    page = f"/-/admin/owners/{root}"
    assert admin.submit(page, f"{page}/delete", confirm=root).status_code == 400


# --- storage


def test_a_limit_is_set_and_taken_back(live: LiveHub, admin: Visitor) -> None:
    name = live.user()
    owner, page = live.actor(name).user, f"/-/admin/owners/{name}"
    assert owner is not None

    admin.submit(page, f"{page}/quota", choice="own", gigabytes="1.5")
    assert live.world.read_in(accounts.get_quota, owner.id).limit_bytes == 1_500_000_000
    assert "1.5 GB" in admin.read(f"/-/admin/storage?q={name}")
    refused = admin.submit(page, f"{page}/quota", choice="own", gigabytes="much")
    assert refused.status_code == 400
    admin.submit(page, f"{page}/quota", choice="default")
    assert not live.world.read_in(accounts.get_quota, owner.id).is_own


def test_limits_for_everybody_are_kept_apart(live: LiveHub, admin: Visitor) -> None:
    refused = admin.submit("/-/admin/storage", user="-1", organization="")
    assert refused.status_code == 400 and 'value="-1"' in refused.text
    admin.submit("/-/admin/storage", user="5000", organization="")
    try:
        assert live.world.read_in(accounts.get_default_quotas)["user"] == 5_000_000_000_000
        assert "organization" not in live.world.read_in(accounts.get_default_quotas)
    finally:
        admin.submit("/-/admin/storage", user="", organization="")
    assert live.world.read_in(accounts.get_default_quotas)["user"] is None


# --- jobs


def test_a_job_is_started_and_watched_from_the_page(live: LiveHub, admin: Visitor) -> None:
    answer = admin.submit("/-/admin/jobs", kind="gc", dry_run="1")
    place = answer.headers["location"]
    number = int(place.rpartition("/")[2])
    while live.world.read_in(upkeep.get_run, number).state in upkeep.OPEN:
        assert admin.get(place).status_code == 200
    shown = admin.get(place)
    assert "Would free" in shown.text and "refresh" not in shown.headers


def test_a_waiting_job_is_cancelled(live: LiveHub, admin: Visitor, root: str) -> None:
    with live.site.db.write() as session:  # nobody claims it before this is committed
        number = upkeep.ask(session, "index", {}, by=None)
        upkeep.cancel(session, number, by=live.actor(root).id)
    assert "Cancelled" in admin.read(f"/-/admin/jobs/{number}")


def test_there_is_no_such_job(admin: Visitor) -> None:
    admin.read("/-/admin/jobs/999999", 404)
    admin.read("/-/admin/jobs/x", 404)
    assert admin.submit("/-/admin/jobs", kind="rm").status_code == 400


# --- the audit log


def test_the_log_tells_who_did_what_from_where(live: LiveHub, visit: Visit, admin: Visitor, root: str) -> None:
    name = live.user(password="long enough")
    page = f"/-/admin/owners/{name}"
    visit().submit("/login", name=name, password="a wrong secret")
    visit().submit("/login", name=name, password="long enough")
    admin.submit(page, f"{page}/suspend")

    shown = admin.read(f"/-/admin/audit?actor={name}")
    assert f"failed to sign in as {name}" in shown and "signed in (password)" in shown
    assert "127.0.0.1" in shown
    assert f"suspended {name}" in admin.read(f"/-/admin/audit?actor={root}&group=people")
    assert "a wrong secret" not in shown


def test_a_password_typed_for_a_name_is_not_written_down(live: LiveHub, visit: Visit, admin: Visitor) -> None:
    visit().submit("/login", name="my-secret-password", password="lin")
    shown = admin.read("/-/admin/audit?group=signin")
    assert "an unknown name" in shown and "my-secret-password" not in shown


def test_the_log_is_filtered_by_repo_and_time(live: LiveHub, admin: Visitor, lin_name: str) -> None:
    repo = live.world.repo(f"{lin_name}/tea", by=live.actor(lin_name))
    today = f"{clock.now():%Y-%m-%d}"
    assert f"created {repo.repo_id}" in admin.read(f"/-/admin/audit?repo={repo.repo_id}&since={today}&until={today}")
    assert f"created {repo.repo_id}" not in admin.read(f"/-/admin/audit?repo={repo.repo_id}&until=2020-01-01")
    assert "Nothing was found" in admin.read("/-/admin/audit?actor=nobody-here")


def test_the_log_goes_into_a_spreadsheet_without_formulas(live: LiveHub, admin: Visitor, lin_name: str) -> None:
    live.world.repo(f"{lin_name}/tea", by=live.actor(lin_name))
    answer = admin.get(f"/-/admin/audit.csv?actor={lin_name}")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["actor"] for row in rows} == {lin_name}
    assert any(row["kind"] == "RepoCreated" for row in rows)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
