"""What people did, as far as the reader may know of it; on both databases."""

from __future__ import annotations

from datetime import timedelta

from support.world import World
from yungu import accounts, hub
from yungu.accounts import Actor
from yungu.kernel import clock

YEAR = timedelta(days=365)


def test_days_count_what_the_reader_may_know(world: World, lin: Actor, mei: Actor) -> None:
    assert lin.id is not None
    repo = world.repo("lin/tea", by=lin)
    world.commit(repo, {"a": b"1"}, by=lin)
    world.repo("lin/hidden", by=lin, visibility="private")
    world.commit(repo, {"b": b"1"}, by=mei)

    since = clock.now() - YEAR
    own = world.read_in(hub.count_daily, lin.id, lin, since=since)
    others = world.read_in(hub.count_daily, lin.id, mei, since=since)

    assert list(own) == list(others) == [clock.now().date()]
    assert 0 < sum(others.values()) < sum(own.values())
    assert world.read_in(hub.count_daily, lin.id, lin, since=clock.now() + YEAR) == {}


def test_activities_go_on_page_by_page_and_none_twice(world: World, lin: Actor, mei: Actor) -> None:
    assert lin.id is not None
    repos = [world.repo(f"lin/tea{number}", by=lin) for number in range(3)]
    world.write_in(hub.like_repo, repos[0], mei)
    world.write_in(hub.like_repo, repos[1], lin)

    seen, cursor = [], None
    while True:
        found = world.read_in(hub.list_activities, lin.id, mei, limit=2, cursor=cursor)
        seen += found.items
        cursor = found.next_cursor
        if cursor is None:
            break

    assert [one.id for one in seen] == sorted({one.id for one in seen}, reverse=True)
    assert [one.repo.name for one in seen if one.kind == "RepoCreated"] == ["tea2", "tea1", "tea0"]
    assert {one.who for one in seen if one.kind == "RepoLiked"} == {"lin", "mei"}, "also what others did to the repos"


def test_those_whom_one_follows_are_told_of(world: World, lin: Actor, mei: Actor) -> None:
    assert lin.user is not None and mei.user is not None
    town = world.organization("town", admin=mei)
    world.repo("mei/cups", by=mei)
    world.repo("mei/hidden", by=mei, visibility="private")
    world.repo("lin/tea", by=lin)

    def told() -> set[str]:
        found = world.read_in(hub.list_followed_activities, lin.id, lin, limit=50)
        return {one.repo.repo_id for one in found}

    assert told() == set()
    world.write_in(accounts.follow_owner, lin.user, mei.user)
    assert told() == {"mei/cups"}
    world.repo("town/plan", by=world.actor("mei"))
    world.write_in(accounts.unfollow_owner, lin.user, mei.user)
    assert told() == set()
    world.write_in(accounts.follow_owner, lin.user, town)
    assert told() == {"town/plan"}


def test_the_numbers_of_the_place_leave_out_what_is_not_public(world: World, lin: Actor) -> None:
    before = world.read_in(hub.count_everything)

    world.repo("lin/tea", by=lin)
    world.repo("lin/leaves", by=lin, kind="dataset")
    world.repo("lin/hidden", by=lin, visibility="private")

    after = world.read_in(hub.count_everything)
    assert after["model"] == before["model"] + 1 and after["dataset"] == before["dataset"] + 1
    assert after["owners"] >= 1 and after["downloads"] == 0
