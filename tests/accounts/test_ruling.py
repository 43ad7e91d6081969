"""Who may administer an organization."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import accounts
from yungu.accounts import Actor, OrganizationDenied, OwnerNotFound, SignInRequired


def test_its_administrators_and_those_of_the_site_rule_an_organization(world: World, lin: Actor, mei: Actor) -> None:
    world.organization("tea", admin=lin, write=[mei])
    root = world.user("root", is_admin=True)

    assert world.read_in(accounts.ruled_organization, "tea", world.actor("lin")).name == "tea"
    assert world.read_in(accounts.ruled_organization, "tea", root).name == "tea"
    with pytest.raises(OrganizationDenied):
        world.read_in(accounts.ruled_organization, "tea", world.actor("mei"))
    with pytest.raises(SignInRequired):
        world.read_in(accounts.ruled_organization, "tea", accounts.ANONYMOUS)


def test_a_weak_token_does_not_rule(world: World, lin: Actor) -> None:
    world.organization("tea", admin=lin)

    with pytest.raises(OrganizationDenied):
        world.read_in(accounts.ruled_organization, "tea", world.with_token("lin", "write"))


def test_a_user_is_no_organization(world: World, lin: Actor) -> None:
    with pytest.raises(OwnerNotFound):
        world.read_in(accounts.ruled_organization, "lin", lin)
