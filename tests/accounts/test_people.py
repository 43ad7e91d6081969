"""Users: names, passwords, browser sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.world import World
from yungu import accounts
from yungu.accounts import Actor, Owner
from yungu.accounts.errors import PasswordWeak
from yungu.accounts.rules import check_owner_name
from yungu.kernel import clock

SECRET = b"s" * 32


def signs_in(world: World, name: str, password: str) -> Owner:
    return accounts.verify_password(world.read_in(accounts.find_credentials, name), password)


@pytest.mark.parametrize("name", ["lin", "Lin-2", "__DUMMY_HUB_USER__", "a", "a.b", "x" * 96, "0x"])
def test_a_good_name_may_be_taken(name: str) -> None:
    check_owner_name(name)


@pytest.mark.parametrize(
    "name",
    "|-lin|lin-|.lin|lin.|a--b|a..b|lin tea|lin/tea|林|lin\n|lin\0|api|API|models|settings|lin.git|../etc".split("|"),
)
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(accounts.NameInvalid):
        check_owner_name(name)


def test_an_over_long_name_is_refused() -> None:
    with pytest.raises(accounts.NameInvalid):
        check_owner_name("x" * 97)


def test_a_name_is_taken_whatever_its_case_and_whoever_has_it(world: World, lin: Actor) -> None:
    world.organization("Tea", admin=lin)
    for name in ("LIN", "tea"):
        with pytest.raises(accounts.NameTaken):
            world.user(name)
    with pytest.raises(accounts.NameTaken):
        world.organization("Lin", admin=lin)


def test_a_refused_name_leaves_the_transaction_usable(world: World, lin: Actor) -> None:
    with world.site.db.write() as session:
        with pytest.raises(accounts.NameTaken):
            accounts.create_user(session, "lin")
        accounts.create_user(session, "hua")
    assert world.actor("hua").name == "hua"


def test_a_user_is_found_whatever_the_case_and_shown_as_typed(world: World) -> None:
    world.user("LinLin")
    assert world.actor("linlin").name == "LinLin"


def test_the_right_password_opens_and_no_other(world: World) -> None:
    world.user("lin", password="correct horse")
    assert signs_in(world, "Lin", "correct horse").name == "lin"
    for name, password in [("lin", "Correct horse"), ("lin", ""), ("nobody", "correct horse")]:
        with pytest.raises(accounts.PasswordWrong):
            signs_in(world, name, password)


def test_a_user_without_a_password_and_an_organization_cannot_sign_in(world: World, lin: Actor) -> None:
    world.organization("tea", admin=lin)
    for name in ("lin", "tea"):
        with pytest.raises(accounts.PasswordWrong):
            signs_in(world, name, "")


def test_a_short_password_is_refused(world: World) -> None:
    with pytest.raises(PasswordWeak):
        world.user("lin", password="1234567")


def test_the_password_itself_is_nowhere_in_the_database(world: World) -> None:
    world.user("lin", password="correct horse")
    with world.site.db.read() as session:
        stored = session.exec_driver_sql("SELECT password_hash FROM owners").scalar_one()
    assert stored.startswith("$argon2id$")
    assert "horse" not in stored


def test_a_session_lasts_until_it_is_ended(world: World, lin: Actor) -> None:
    cookie = world.write_in(accounts.start_session, SECRET, lin.id)
    assert world.read_in(accounts.authenticate_session, SECRET, cookie).name == "lin"
    world.write_in(accounts.end_session, SECRET, cookie)
    with pytest.raises(accounts.TokenInvalid):
        world.read_in(accounts.authenticate_session, SECRET, cookie)


def test_a_session_is_over_after_thirty_days(world: World, lin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = world.write_in(accounts.start_session, SECRET, lin.id)
    later = clock.now() + timedelta(days=30, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(accounts.TokenInvalid):
        world.read_in(accounts.authenticate_session, SECRET, cookie)


def test_a_new_password_ends_every_session(world: World, lin: Actor) -> None:
    cookie = world.write_in(accounts.start_session, SECRET, lin.id)
    world.write_in(accounts.change_password, lin.id, accounts.hash_password("a new password"))
    with pytest.raises(accounts.TokenInvalid):
        world.read_in(accounts.authenticate_session, SECRET, cookie)


def test_a_session_made_under_another_secret_opens_nothing(world: World, lin: Actor) -> None:
    cookie = world.write_in(accounts.start_session, b"another" * 5, lin.id)
    with pytest.raises(accounts.TokenInvalid):
        world.read_in(accounts.authenticate_session, SECRET, cookie)


def test_a_suspended_user_is_out_everywhere(world: World) -> None:
    lin = world.user("lin", password="correct horse")
    token = world.token("lin")
    cookie = world.write_in(accounts.start_session, SECRET, lin.id)
    world.write_in(accounts.suspend_user, lin.user, by=None)
    with pytest.raises(accounts.PasswordWrong):
        signs_in(world, "lin", "correct horse")
    with pytest.raises(accounts.TokenInvalid):
        world.read_in(accounts.authenticate_token, SECRET, token)
    with pytest.raises(accounts.TokenInvalid):
        world.read_in(accounts.authenticate_session, SECRET, cookie)


def test_only_the_very_first_start_sees_no_user(world: World) -> None:
    assert not world.read_in(accounts.user_exists)
    world.user("lin")
    assert world.read_in(accounts.user_exists)
