"""Likes move the count and the fashion of a repo with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from support.world import World
from yungu import accounts, hub
from yungu.accounts import ANONYMOUS, Actor
from yungu.kernel import clock


@pytest.fixture
def tea(world: World, lin: Actor) -> hub.Repo:
    return world.repo("lin/tea", by=lin)


@pytest.fixture
def silk(world: World, lin: Actor) -> hub.Repo:
    return world.repo("lin/silk", by=lin, visibility="private")


def liked(world: World, user: str, asker: Actor) -> list[str]:
    found = world.read_in(accounts.get_user, user)
    return [like.repo.repo_id for like in world.read_in(hub.list_likes, found.id, asker, limit=10).items]


def likers(world: World, repo: hub.Repo) -> list[str]:
    return [user.name for user in world.read_in(hub.list_likers, repo, limit=10).items]


def test_a_like_is_counted_once_and_can_be_taken_back(world: World, tea: hub.Repo, mei: Actor) -> None:
    assert world.write_in(hub.like_repo, tea, mei)
    assert not world.write_in(hub.like_repo, tea, mei)
    assert world.fresh(tea).likes_count == 1
    assert world.read_in(hub.has_liked, tea, mei)
    assert likers(world, tea) == ["mei"]
    assert world.write_in(hub.unlike_repo, tea, mei)
    assert not world.write_in(hub.unlike_repo, tea, mei)
    assert world.fresh(tea).likes_count == 0
    assert likers(world, tea) == []


def test_a_like_that_is_taken_back_leaves_no_trace_in_fashion(
    world: World, tea: hub.Repo, mei: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write_in(hub.like_repo, tea, mei)
    assert world.fresh(tea).trending > 0
    later = datetime.now(UTC) + timedelta(days=60)
    monkeypatch.setattr(clock, "now", lambda: later)
    world.write_in(hub.unlike_repo, tea, mei)
    assert world.fresh(tea).trending == pytest.approx(0)


def test_a_new_like_outweighs_an_old_one(
    world: World, tea: hub.Repo, lin: Actor, mei: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    oolong = world.repo("lin/oolong", by=lin)
    world.write_in(hub.like_repo, tea, mei)
    later = datetime.now(UTC) + timedelta(days=60)
    monkeypatch.setattr(clock, "now", lambda: later)
    world.write_in(hub.like_repo, oolong, mei)
    page = world.read_in(hub.list_repos, hub.RepoFilter("model", sort="trending"), mei)
    assert [repo.name for repo in page.items] == ["oolong", "tea"]


def test_fashion_halves_in_two_weeks_and_keeps_its_order() -> None:
    start = datetime(2026, 9, 1, tzinfo=UTC)
    kept = hub.trending_gain(100, start)
    assert hub.trending_score(kept, start) == 100
    assert hub.trending_score(kept, start + timedelta(days=14)) == 50
    assert hub.trending_gain(60, start + timedelta(days=14)) > kept
    assert hub.trending_gain(1e9, datetime(2060, 1, 1, tzinfo=UTC)) < float("inf")


def test_strangers_and_read_tokens_cannot_like(world: World, tea: hub.Repo, mei: Actor) -> None:
    with pytest.raises(accounts.SignInRequired):
        world.write_in(hub.like_repo, tea, ANONYMOUS)
    with pytest.raises(hub.RepoDenied):
        world.write_in(hub.like_repo, tea, world.with_token("mei", "read"))
    assert world.fresh(tea).likes_count == 0


def test_who_asks_for_likes_hears_of_no_hidden_repo(
    world: World, tea: hub.Repo, silk: hub.Repo, lin: Actor, mei: Actor
) -> None:
    for repo in (tea, silk):
        world.write_in(hub.like_repo, repo, lin)
    assert liked(world, "lin", lin) == ["lin/silk", "lin/tea"]
    assert liked(world, "lin", mei) == ["lin/tea"]
    assert world.read_in(hub.count_likes, lin.id, mei) == 1  # type: ignore[arg-type]


def test_likes_come_by_pages_newest_first(world: World, lin: Actor, mei: Actor) -> None:
    for name in "abc":
        world.write_in(hub.like_repo, world.repo(f"lin/{name}", by=lin), mei)
    seen, cursor = [], None
    while True:
        page = world.read_in(hub.list_likes, mei.id, mei, limit=2, cursor=cursor)  # type: ignore[arg-type]
        seen += [like.repo.name for like in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["c", "b", "a"]


def test_likes_go_with_their_repo(world: World, tea: hub.Repo, lin: Actor, mei: Actor) -> None:
    world.write_in(hub.like_repo, tea, mei)
    world.write_in(hub.delete_repo, tea, lin)
    assert liked(world, "mei", mei) == []
