"""What can be done on the pages, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import accounts, hub
from yungu.api.http.auth import SESSION_COOKIE
from yungu.api.web import limits

Visit = Callable[..., Visitor]


@pytest.fixture
def member(live: LiveHub) -> str:
    """A user with the password "long enough"."""
    return live.user(live.fresh_name("member"), password="long enough")


# --- signing in and out


def test_somebody_signs_in_and_goes_on_to_where_they_wanted(visit: Visit, member: str) -> None:
    visitor = visit()

    closed = visitor.get("/settings/tokens?x=1")
    assert closed.headers["location"] == "/login?next=%2Fsettings%2Ftokens%3Fx%3D1"
    response = visitor.submit(
        closed.headers["location"], name=member, password="long enough", next="/settings/tokens?x=1"
    )

    assert response.status_code == 303 and response.headers["location"] == "/settings/tokens?x=1"
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie
    assert "New token" in visitor.read("/settings/tokens")


def test_a_wrong_password_keeps_the_name_and_says_so(visit: Visit, member: str) -> None:
    response = visit().submit("/login", name=member, password="wrong <password>")

    assert response.status_code == 403
    assert "The name or the password is wrong." in response.text
    assert f'value="{member}"' in response.text
    assert "wrong &lt;password&gt;" not in response.text
    assert SESSION_COOKIE not in response.cookies


def test_signing_out_ends_the_session_itself(visit: Visit, lin_name: str) -> None:
    visitor = visit(lin_name)
    cookie = visitor.cookies[SESSION_COOKIE]

    assert visitor.submit("/", "/logout").status_code == 303

    other = visit()
    other.cookies.set(SESSION_COOKIE, cookie)
    assert other.get("/settings/tokens").headers["location"].startswith("/login")


def test_a_session_that_is_over_is_no_error_but_a_stranger(visit: Visit) -> None:
    visitor = visit()
    visitor.cookies.set(SESSION_COOKIE, "over")

    response = visitor.get("/models")

    assert response.status_code == 200 and "Sign in" in response.text
    assert f'{SESSION_COOKIE}=""' in response.headers["set-cookie"]


def test_many_wrong_passwords_are_stopped_even_for_the_right_one(visit: Visit, member: str) -> None:
    visitor = visit()
    answers = [visitor.submit("/login", name=member, password="wrong") for _ in range(11)]

    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert visitor.submit("/login", name=member, password="long enough").status_code == 429


def test_tries_are_forgotten_after_a_while() -> None:
    now = 0.0
    attempts = limits.Attempts(most=2, window_seconds=300, keys=2, clock=lambda: now)
    attempts.begin("a")
    attempts.begin("a")
    with pytest.raises(limits.TooManyAttempts):
        attempts.begin("a")

    now = 301.0
    attempts.begin("a")

    attempts.begin("b")
    attempts.begin("c")  # only two keys are remembered: "a" is forgotten
    attempts.begin("a")
    attempts.begin("a")


# --- joining


def test_registration_is_closed_unless_opened(live: LiveHub, visit: Visit) -> None:
    visit().read("/join", 404)
    assert "/join" not in visit().read("/login")


def test_a_newcomer_joins_when_registration_is_open(
    live: LiveHub, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.site, "registration", "open")
    visitor, name = visit(), live.fresh_name("new")

    response = visitor.submit("/join", name=name, password="long enough", full_name="New One", email="new@example.org")

    assert response.status_code == 303
    assert f'href="/{name}"' in visitor.read("/")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "settings", "some words are reserved"),
        ("name", "<script>", "1 to 96 letters"),
        ("password", "short", "at least 8 characters"),
        ("email", "nobody", "not an e-mail address"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_rest_is_kept(
    live: LiveHub, visit: Visit, monkeypatch: pytest.MonkeyPatch, field: str, value: str, said: str
) -> None:
    monkeypatch.setattr(live.site, "registration", "open")
    typed = {"name": live.fresh_name("new"), "password": "long enough", "full_name": "Kept & Co"} | {field: value}

    response = visit().submit("/join", **typed)

    assert response.status_code == 400
    at_field = re.search(rf'id="e-{field}">([^<]*)<', response.text)
    assert at_field is not None and said in at_field[1]
    assert 'value="Kept &amp; Co"' in response.text
    with live.site.db.read() as session:
        assert accounts.find_owner(session, typed["name"]) is None


# --- profile and tokens


def test_a_profile_is_changed(live: LiveHub, visit: Visit, lin_name: str) -> None:
    visitor = visit(lin_name)

    assert visitor.submit("/settings/profile", full_name="Lin Yun", email="lin@example.org").status_code == 303

    assert "Lin Yun" in visitor.read(f"/{lin_name}")
    assert "lin@example.org" not in visitor.read(f"/{lin_name}")


def test_a_changed_password_signs_out_everywhere_else(visit: Visit, member: str) -> None:
    here, elsewhere = visit(member), visit(member)

    wrong = here.submit("/settings/profile", "/settings/password", old_password="no", password="quite new one")
    assert wrong.status_code == 403 and 'id="e-old_password"' in wrong.text
    right = here.submit("/settings/profile", "/settings/password", old_password="long enough", password="quite new one")

    assert right.status_code == 303
    here.read("/settings/profile")
    assert elsewhere.get("/settings/profile").status_code == 303
    assert visit().submit("/login", name=member, password="quite new one").status_code == 303


def test_a_token_is_shown_once_works_and_can_be_revoked(live: LiveHub, visit: Visit, lin_name: str) -> None:
    visitor = visit(lin_name)

    page = visitor.submit("/settings/tokens", name="laptop", scope="write").text
    value = re.search(r"yg_[\w-]{20,}", page)

    assert value is not None
    assert value[0] not in visitor.read("/settings/tokens")
    with live.site.db.read() as session:
        actor = accounts.authenticate_token(session, live.site.secret, value[0])
    assert actor.name == lin_name and actor.scope == "write"

    number = re.search(r'name="token" value="(\d+)"', page)
    assert number is not None
    visitor.submit("/settings/tokens", "/settings/tokens/revoke", token=number[1])
    with live.site.db.read() as session, pytest.raises(accounts.TokenInvalid):
        accounts.authenticate_token(session, live.site.secret, value[0])


def test_a_fine_grained_token_holds_what_was_named(live: LiveHub, visit: Visit, lin_name: str) -> None:
    repo = live.world.repo(f"{lin_name}/tea", by=live.actor(lin_name))

    page = (
        visit(lin_name)
        .submit(
            "/settings/tokens",
            name="job",
            scope="fine-grained",
            read_targets=lin_name,
            write_targets=f"models/{repo.repo_id}",
        )
        .text
    )
    value = re.search(r"yg_[\w-]{20,}", page)

    assert value is not None
    with live.site.db.read() as session:
        actor = accounts.authenticate_token(session, live.site.secret, value[0])
    assert {(grant.target, grant.right) for grant in actor.grants} == {
        (lin_name.casefold(), "read"),
        (f"models/{repo.repo_id}".casefold(), "write"),
    }


def test_a_token_for_what_one_cannot_see_is_refused(live: LiveHub, visit: Visit, lin_name: str) -> None:
    secret = live.world.repo(f"{lin_name}/secret", by=live.actor(lin_name), visibility="private")

    response = visit(live.user()).submit(
        "/settings/tokens", name="job", scope="fine-grained", read_targets=f"models/{secret.repo_id}"
    )

    assert response.status_code == 400 and "that you can see" in response.text


def test_an_access_token_cannot_make_itself_a_stronger_one(live: LiveHub, visit: Visit, lin_name: str) -> None:
    bearer = {"authorization": f"Bearer {live.token(lin_name, 'read')}"}

    assert visit().get("/settings/tokens", headers=bearer).status_code == 401
    response = visit().post("/settings/tokens", headers=bearer, data={"name": "x", "scope": "write"})

    assert response.status_code == 401


def test_nobody_revokes_the_token_of_somebody_else(live: LiveHub, visit: Visit, lin_name: str) -> None:
    value = live.token(lin_name)
    with live.site.db.read() as session:
        number = accounts.authenticate_token(session, live.site.secret, value).token_id

    response = visit(live.user()).submit("/settings/tokens", "/settings/tokens/revoke", token=str(number))

    assert response.status_code == 404
    with live.site.db.read() as session:
        accounts.authenticate_token(session, live.site.secret, value)


# --- repos


def test_a_repo_is_made_changed_moved_and_deleted(live: LiveHub, visit: Visit, lin_name: str) -> None:
    visitor, name = visit(lin_name), live.fresh_name("tea")

    made = visitor.submit("/new", kind="dataset", owner=lin_name, name=name, visibility="private")
    assert made.headers["location"] == f"/datasets/{lin_name}/{name}"
    settings = f"/datasets/{lin_name}/{name}/settings"
    assert visitor.submit(settings, visibility="public", gated="manual").status_code == 303
    assert "Gated" in visit().read(f"/datasets/{lin_name}/{name}")

    moved = visitor.submit(settings, f"{settings}/move", owner=lin_name, name=f"{name}-2").headers["location"]
    assert moved == f"/datasets/{lin_name}/{name}-2/settings"

    kept = visitor.submit(moved, f"{moved}/delete", confirm=name)
    assert kept.status_code == 400 and "exactly" in kept.text
    gone = visitor.submit(moved, f"{moved}/delete", confirm=f"{lin_name}/{name}-2")
    assert gone.headers["location"] == f"/{lin_name}"
    visitor.read(f"/datasets/{lin_name}/{name}-2", 404)


def test_a_taken_name_is_told_at_the_name(live: LiveHub, visit: Visit, lin_name: str) -> None:
    repo = live.world.repo(f"{lin_name}/tea", by=live.actor(lin_name))

    response = visit(lin_name).submit("/new", kind="model", owner=lin_name, name=repo.name, visibility="internal")

    assert response.status_code == 409
    assert re.search(r'id="e-name">There is already a repository', response.text)
    assert re.search(r'value="internal" checked', response.text)


def test_nobody_makes_a_repo_under_somebody_else(live: LiveHub, visit: Visit, lin_name: str) -> None:
    response = visit(live.user()).submit("/new", kind="model", owner=lin_name, name="mine", visibility="public")

    assert response.status_code == 403 and 'id="e-owner"' in response.text
    with live.site.db.read() as session:
        assert hub.find_repo(session, "model", f"{lin_name}/mine") is None


@pytest.mark.parametrize("path", ["", "/move", "/delete"])
def test_settings_of_a_repo_are_for_who_rules_it(live: LiveHub, visit: Visit, lin_name: str, path: str) -> None:
    repo = live.world.repo(f"{lin_name}/tea", by=live.actor(lin_name))
    stranger = visit(live.user())

    stranger.read(f"/{repo.repo_id}/settings", 403)
    fields = {"visibility": "private", "gated": "", "owner": lin_name, "name": "x", "confirm": repo.repo_id}
    response = stranger.submit("/settings/profile", f"/{repo.repo_id}/settings{path}", **fields)

    kept = live.world.fresh(repo)
    assert response.status_code == 403
    assert (kept.repo_id, kept.visibility, kept.gated) == (repo.repo_id, repo.visibility, repo.gated)


# --- organizations


def test_an_organization_is_made_and_its_members_are_managed(live: LiveHub, visit: Visit, lin_name: str) -> None:
    visitor, name, mei = visit(lin_name), live.fresh_name("org"), live.user()
    assert visitor.submit("/organizations/new", name=name, full_name="Tea").headers["location"] == f"/{name}"
    members = f"/organizations/{name}/members"

    assert visitor.submit(members, user=mei, role="read").status_code == 303
    assert visitor.submit(members, user=mei, role="write").status_code == 303
    with live.site.db.read() as session:
        organization = accounts.get_organization(session, name)
        assert {member.user: member.role for member in accounts.list_members(session, organization.id)} == {
            lin_name: "admin",
            mei: "write",
        }

    last = visitor.submit(members, f"{members}/remove", user=lin_name)
    assert last.status_code == 409 and "without an administrator" in last.text
    assert visitor.submit(members, f"{members}/remove", user=mei).status_code == 303
    assert mei not in visitor.read(members)


def test_an_unknown_member_is_told_at_the_field(live: LiveHub, visit: Visit, lin_name: str) -> None:
    name = live.fresh_name("org")
    live.world.organization(name, admin=live.actor(lin_name))

    response = visit(lin_name).submit(f"/organizations/{name}/members", user="nobody-at-all", role="read")

    assert response.status_code == 404
    assert 'id="e-user">There is no user nobody-at-all.' in response.text


def test_only_administrators_manage_members(live: LiveHub, visit: Visit, lin_name: str) -> None:
    name, mei = live.fresh_name("org"), live.user()
    live.world.organization(name, admin=live.actor(lin_name), write=[live.actor(mei)])

    visit(mei).read(f"/organizations/{name}/members", 403)
    response = visit(mei).submit("/settings/profile", f"/organizations/{name}/members", user=mei, role="admin")

    assert response.status_code == 403
    assert "Manage" not in visit(mei).read(f"/{name}")
