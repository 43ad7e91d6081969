"""Invitations: links that let one guest in, also where registration is closed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import accounts
from yungu.accounts import Owner
from yungu.kernel import clock

Visit = Callable[..., Visitor]


@pytest.fixture
def admin(live: LiveHub, visit: Visit) -> Visitor:
    return visit(live.user(is_admin=True))


@pytest.fixture
def place(live: LiveHub) -> tuple[Owner, str]:
    """An organization and its administrator."""
    boss = live.user()
    return live.world.organization(live.fresh_name("lab"), admin=live.actor(boss)), boss


def link_in(text: str) -> str:
    found = re.search(r"(/join\?invitation=[\w-]+)</code>", text)
    assert found is not None
    return found[1]


def takes(visitor: Visitor, link: str, **fields: str) -> int:
    value = link.partition("=")[2]
    return visitor.submit(link, "/join", invitation=value, **fields).status_code


def test_a_guest_joins_once_although_registration_is_closed(live: LiveHub, visit: Visit, admin: Visitor) -> None:
    answer = admin.submit("/-/admin/invitations", note="for Hua", days="1")
    link, name = link_in(answer.text), live.fresh_name("hua")
    assert answer.headers["cache-control"] == "no-store"

    guest = visit()
    assert takes(guest, link, name=name, password="short") == 400
    assert takes(guest, link, name=name, password="long enough") == 303

    assert f'href="/{name}"' in guest.read("/")
    visit().read(link, 404)
    shown = admin.read("/-/admin/invitations")
    assert "for Hua" in shown and name in shown
    assert link.partition("=")[2] not in shown


def test_only_a_digest_of_the_link_is_kept(live: LiveHub, admin: Visitor) -> None:
    link = link_in(admin.submit("/-/admin/invitations").text)
    with live.site.db.read() as session:
        rows = str(session.exec_driver_sql("SELECT * FROM invitations").all())
        facts = str(session.exec_driver_sql("SELECT payload FROM events").all())
    assert link.partition("=")[2] not in rows + facts


def test_an_invitation_to_an_organization_makes_a_member(
    live: LiveHub, visit: Visit, admin: Visitor, place: tuple[Owner, str]
) -> None:
    answer = admin.submit("/-/admin/invitations", organization=place[0].name, role="write")
    name = live.fresh_name("hua")
    assert takes(visit(), link_in(answer.text), name=name, password="long enough") == 303
    assert live.actor(name).roles[place[0].id] == "write"


def test_somebody_with_an_account_accepts_with_one_click(live: LiveHub, visit: Visit, place: tuple[Owner, str]) -> None:
    organization, boss = place
    page = f"/organizations/{organization.name}/invitations"
    link = link_in(visit(boss).submit(page, role="contributor", days="7").text)
    name = live.user(password="long enough")

    stranger = visit()
    assert "Sign in to accept it" in stranger.read(link)
    member = visit(name)
    assert organization.name in member.read(link)
    assert takes(member, link) == 303

    assert live.actor(name).roles[organization.id] == "contributor"
    visit(live.user()).read(link, 404)


def test_an_organization_s_invitation_does_not_open_a_closed_registration(
    live: LiveHub, visit: Visit, place: tuple[Owner, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    organization, boss = place
    page = f"/organizations/{organization.name}/invitations"
    link = link_in(visit(boss).submit(page, role="read").text)
    value, name, guest = link.partition("=")[2], live.fresh_name("hua"), visit()

    token = re.search(r'name="form_token" value="([0-9a-f]+)"', guest.read("/login"))
    assert token is not None
    fields = {"form_token": token[1], "invitation": value, "name": name, "password": "long enough"}
    assert guest.post("/join", data=fields).status_code == 404

    monkeypatch.setattr(live.site, "registration", "open")
    assert takes(guest, link, name=name, password="long enough") == 303
    assert live.actor(name).roles[organization.id] == "read"


def test_an_invitation_raises_a_role_but_never_lowers_one(
    live: LiveHub, visit: Visit, place: tuple[Owner, str]
) -> None:
    organization, boss = place
    page = f"/organizations/{organization.name}/invitations"
    link = link_in(visit(boss).submit(page, role="read").text)
    takes(visit(boss), link)
    assert live.actor(boss).roles[organization.id] == "admin"


def test_an_invitation_dies_with_the_rights_of_whoever_made_it(
    live: LiveHub, visit: Visit, place: tuple[Owner, str]
) -> None:
    organization, _ = place
    second = live.user()
    live.world.write_in(accounts.add_member, organization, live.actor(second).user, "admin", by=None)
    page = f"/organizations/{organization.name}/invitations"
    link = link_in(visit(second).submit(page, role="admin").text)
    live.world.write_in(accounts.add_member, organization, live.actor(second).user, "read", by=None)
    visit(live.user()).read(link, 404)


def test_a_withdrawn_and_an_expired_invitation_open_nothing(
    live: LiveHub, visit: Visit, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "/-/admin/invitations"
    withdrawn = link_in(admin.submit(page, note="withdraw me").text)
    number = re.search(r'name="invitation" value="(\d+)"', admin.read(page))
    assert number is not None
    admin.submit(page, f"{page}/revoke", invitation=number[1])
    visit().read(withdrawn, 404)

    expired = link_in(admin.submit(page, days="1").text)
    visit().read(expired)
    later = clock.now() + timedelta(days=1, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    visit().read(expired, 404)


def test_an_organization_withdraws_only_its_own(
    live: LiveHub, visit: Visit, admin: Visitor, place: tuple[Owner, str]
) -> None:
    organization, boss = place
    link = link_in(admin.submit("/-/admin/invitations").text)
    newest = live.world.read_in(accounts.list_invitations, limit=1)[0]
    page = f"/organizations/{organization.name}/invitations"
    assert visit(boss).submit(page, f"{page}/revoke", invitation=str(newest.id)).status_code == 404
    visit().read(link)


def test_only_its_administrators_invite_to_an_organization(
    live: LiveHub, visit: Visit, place: tuple[Owner, str]
) -> None:
    organization, _ = place
    member = live.user()
    live.world.write_in(accounts.add_member, organization, live.actor(member).user, "write", by=None)
    visit(member).read(f"/organizations/{organization.name}/invitations", 403)


@pytest.mark.parametrize("value", ["", "x", "0" * 43, "%00"])
def test_a_made_up_invitation_is_none(visit: Visit, value: str) -> None:
    assert visit().get(f"/join?invitation={value}").status_code in (400, 404)
