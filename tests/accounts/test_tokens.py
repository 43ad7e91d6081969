"""Access tokens: shown once, stored hashed, scoped, revocable, for a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.world import World
from yungu import accounts
from yungu.accounts import Actor, TokenGrant
from yungu.kernel import clock


def authenticate(world: World, value: str) -> Actor:
    return world.read_in(accounts.authenticate_token, world.site.secret, value)


@pytest.mark.parametrize("scope", ["read", "write", "admin", "fine-grained"])
def test_a_token_tells_who_holds_it_and_its_scope(world: World, lin: Actor, scope: accounts.Scope) -> None:
    actor = authenticate(world, world.token("lin", scope))
    assert (actor.name, actor.scope) == ("lin", scope)


def test_the_value_of_a_token_is_nowhere_in_the_database(world: World, lin: Actor) -> None:
    value = world.token("lin")
    with world.site.db.read() as session:
        row = session.exec_driver_sql("SELECT * FROM tokens").one()
    assert value not in [str(column) for column in row]
    assert [column for column in row if isinstance(column, str) and value[4:-4] in column] == []


@pytest.mark.parametrize("value", ["", "yg_", "yg_wrong", "林", "a" * 10_000])
def test_an_unknown_token_is_refused_and_never_anonymous(world: World, lin: Actor, value: str) -> None:
    with pytest.raises(accounts.TokenInvalid):
        authenticate(world, value)


def test_a_token_ends_at_its_moment(world: World, lin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    end = clock.now() + timedelta(hours=1)
    value = world.token("lin", expires_at=end)
    monkeypatch.setattr(clock, "now", lambda: end - timedelta(seconds=1))
    assert authenticate(world, value).name == "lin"
    monkeypatch.setattr(clock, "now", lambda: end)
    with pytest.raises(accounts.TokenInvalid):
        authenticate(world, value)


def test_a_revoked_token_opens_nothing(world: World, lin: Actor) -> None:
    value = world.token("lin")
    token_id = authenticate(world, value).token_id
    world.write_in(accounts.revoke_token, lin.id, token_id)
    with pytest.raises(accounts.TokenInvalid):
        authenticate(world, value)


def test_nobody_revokes_the_token_of_another(world: World, lin: Actor, mei: Actor) -> None:
    value = world.token("lin")
    token_id = authenticate(world, value).token_id
    with pytest.raises(accounts.TokenNotFound):
        world.write_in(accounts.revoke_token, mei.id, token_id)
    assert authenticate(world, value).name == "lin"


def test_a_given_value_may_be_imported_once(world: World, lin: Actor, mei: Actor) -> None:
    options = {"name": "ci", "scope": "write", "value": "hf_imported"}
    world.write_in(accounts.create_token, world.site.secret, lin.id, **options)
    assert authenticate(world, "hf_imported").name == "lin"
    with pytest.raises(accounts.NameTaken):
        world.write_in(accounts.create_token, world.site.secret, mei.id, **options)


def test_the_grants_of_a_fine_grained_token_come_with_it_whatever_their_case(world: World, lin: Actor) -> None:
    actor = authenticate(
        world, world.token("lin", "fine-grained", grants=[("models/Lin/Tea", "read"), ("lin", "write")])
    )
    assert set(actor.grants) == {TokenGrant("models/lin/tea", "read"), TokenGrant("lin", "write")}


def test_the_list_shows_a_preview_and_not_the_value(world: World, lin: Actor) -> None:
    value = world.token("lin")
    (token,) = world.read_in(accounts.list_tokens, lin.id)
    assert token.preview == f"yg_…{value[-4:]}"
    assert token.last_used_at is None


def test_use_is_noted_at_most_once_in_five_minutes(world: World, lin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    start = clock.now()
    token_id = authenticate(world, world.token("lin")).token_id
    used = []
    for minutes in (0, 4, 6):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: start + timedelta(minutes=minutes))
        world.write_in(accounts.touch_token, token_id)
        used.append(world.read_in(accounts.list_tokens, lin.id)[0].last_used_at)
    assert used == [start, start, start + timedelta(minutes=6)]


def test_only_a_person_or_an_admin_token_makes_a_site_admin(world: World) -> None:
    root = world.user("root1", is_admin=True)
    assert root.is_site_admin
    assert world.with_token("root1", "admin").is_site_admin
    assert not world.with_token("root1", "write").is_site_admin
    assert not world.with_token("root1", "read").is_site_admin


def test_an_admin_token_of_an_ordinary_user_is_no_site_admin(world: World, lin: Actor) -> None:
    assert not world.with_token("lin", "admin").is_site_admin
