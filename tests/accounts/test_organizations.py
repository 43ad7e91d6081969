"""Organizations and the roles in them."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import accounts
from yungu.accounts import Actor, Owner, Role
from yungu.accounts.errors import LastAdmin
from yungu.accounts.rules import includes


@pytest.fixture
def tea(world: World, lin: Actor) -> Owner:
    return world.organization("tea", admin=lin)


def set_role(world: World, organization: Owner, actor: Actor, role: Role) -> None:
    world.write_in(accounts.add_member, organization, actor.user, role, by=None)


def roles(world: World, organization: Owner) -> dict[str, str]:
    return {member.user: member.role for member in world.read_in(accounts.list_members, organization.id)}


def test_who_makes_an_organization_is_its_admin(world: World, tea: Owner) -> None:
    assert roles(world, tea) == {"lin": "admin"}
    assert world.actor("lin").roles == {tea.id: "admin"}


def test_a_member_has_one_role_that_can_change(world: World, tea: Owner, mei: Actor) -> None:
    set_role(world, tea, mei, "read")
    set_role(world, tea, mei, "write")
    assert roles(world, tea) == {"lin": "admin", "mei": "write"}


def test_the_last_admin_can_neither_go_nor_step_down(world: World, tea: Owner, lin: Actor) -> None:
    with pytest.raises(LastAdmin):
        world.write_in(accounts.remove_member, tea, lin.user, by=None)
    with pytest.raises(LastAdmin):
        set_role(world, tea, lin, "write")
    assert roles(world, tea) == {"lin": "admin"}


def test_with_a_second_admin_the_first_may_go(world: World, tea: Owner, lin: Actor, mei: Actor) -> None:
    set_role(world, tea, mei, "admin")
    world.write_in(accounts.remove_member, tea, lin.user, by=None)
    assert roles(world, tea) == {"mei": "admin"}


def test_who_is_no_member_cannot_be_removed(world: World, tea: Owner, mei: Actor) -> None:
    with pytest.raises(accounts.NotMember):
        world.write_in(accounts.remove_member, tea, mei.user, by=None)


def test_a_removed_member_has_no_role_left(world: World, tea: Owner, mei: Actor) -> None:
    set_role(world, tea, mei, "write")
    world.write_in(accounts.remove_member, tea, mei.user, by=None)
    assert world.actor("mei").roles == {}


def test_a_user_is_no_organization_and_the_other_way_round(world: World, tea: Owner) -> None:
    with pytest.raises(accounts.OwnerNotFound):
        world.read_in(accounts.get_organization, "lin")
    with pytest.raises(accounts.UserNotFound):
        world.read_in(accounts.get_user, "tea")


def test_only_its_admins_and_site_admins_rule_an_organization(world: World, tea: Owner, mei: Actor) -> None:
    set_role(world, tea, mei, "write")
    root = world.user("root1", is_admin=True)
    for actor in (world.actor("lin"), root):
        assert world.read_in(accounts.ruled_organization, "tea", actor).id == tea.id
    for actor in (world.actor("mei"), world.with_token("lin", "write")):
        with pytest.raises(accounts.OrganizationDenied):
            world.read_in(accounts.ruled_organization, "tea", actor)
    with pytest.raises(accounts.SignInRequired):
        world.read_in(accounts.ruled_organization, "tea", accounts.ANONYMOUS)


@pytest.mark.parametrize(
    ("role", "contained"),
    [
        (None, ""),
        ("read", "read"),
        ("contributor", "read contributor"),
        ("write", "read contributor write"),
        ("admin", "read contributor write admin"),
    ],
)
def test_each_role_contains_the_ones_below_it(role: Role | None, contained: str) -> None:
    found = [wanted for wanted in ("read", "contributor", "write", "admin") if includes(role, wanted)]  # type: ignore[arg-type]
    assert " ".join(found) == contained
