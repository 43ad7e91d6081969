"""Users follow users and organizations; on both databases."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import accounts
from yungu.accounts import Actor, FollowsItself, LinkInvalid


def test_following_is_counted_once_and_ends(world: World, lin: Actor, mei: Actor) -> None:
    assert lin.user is not None and mei.user is not None
    town = world.organization("town", admin=mei)

    for owner in (mei.user, mei.user, town):
        world.write_in(accounts.follow_owner, lin.user, owner)
    assert world.read_in(accounts.count_follows, lin.user.id) == (0, 2)
    assert world.read_in(accounts.count_follows, mei.user.id) == (1, 0)
    followed = world.read_in(accounts.list_followed, lin.user.id, limit=10).items
    assert [owner.name for owner in followed] == ["town", "mei"]
    assert world.read_in(accounts.is_following, lin.user.id, town.id)

    for _ in range(2):
        world.write_in(accounts.unfollow_owner, lin.user, town)
    assert world.read_in(accounts.list_followers, town.id, limit=10).items == []


def test_lists_of_followers_go_on(world: World, lin: Actor) -> None:
    assert lin.user is not None
    for number in range(3):
        fan = world.user(f"fan{number}")
        world.write_in(accounts.follow_owner, fan.user, lin.user)  # type: ignore[arg-type]

    first = world.read_in(accounts.list_followers, lin.user.id, limit=2)
    second = world.read_in(accounts.list_followers, lin.user.id, limit=2, cursor=first.next_cursor)

    assert [owner.name for owner in (*first.items, *second.items)] == ["fan2", "fan1", "fan0"]
    assert second.next_cursor is None


def test_nobody_follows_themselves(world: World, lin: Actor) -> None:
    assert lin.user is not None
    with pytest.raises(FollowsItself):
        world.write_in(accounts.follow_owner, lin.user, lin.user)


@pytest.mark.parametrize("link", ["javascript:x", "//a.example", "https://", "https://a b", 'https://a"x', "ftp://a"])
def test_what_is_no_web_address_is_no_link(link: str) -> None:
    with pytest.raises(LinkInvalid):
        accounts.check_links(["https://good.example/x?y#z", link])
