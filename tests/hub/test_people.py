"""What people have on the hub, as seen by others; and the tags in use."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import accounts, hub
from yungu.accounts import ANONYMOUS, Actor


def test_counts_and_lists_hold_what_the_asker_may_know_of(world: World, lin: Actor, mei: Actor) -> None:
    world.repo("lin/tea", by=lin)
    world.repo("lin/silk", by=lin, visibility="private")
    world.repo("lin/leaves", by=lin, kind="dataset")
    assert lin.id is not None
    assert world.read_in(hub.count_repos, lin.id, lin) == {"model": 2, "dataset": 1, "space": 0}
    assert world.read_in(hub.count_repos, lin.id, mei) == {"model": 1, "dataset": 1, "space": 0}
    found = world.read_in(hub.list_owned_repos, lin.id, mei, limit=10).items
    assert [repo.repo_id for repo in found] == ["lin/leaves", "lin/tea"]


def test_owned_repos_come_by_pages_newest_first(world: World, lin: Actor) -> None:
    for name in "abc":
        world.repo(f"lin/{name}", by=lin)
    assert lin.id is not None
    first = world.read_in(hub.list_owned_repos, lin.id, lin, limit=2)
    second = world.read_in(hub.list_owned_repos, lin.id, lin, limit=2, cursor=first.next_cursor)
    assert [repo.name for repo in (*first.items, *second.items)] == ["c", "b", "a"]
    assert second.next_cursor is None


def test_members_come_as_users_by_name(world: World, lin: Actor, mei: Actor) -> None:
    house = world.organization("house", admin=lin, read=[mei, world.user("An")])
    first = world.read_in(accounts.list_member_users, house.id, limit=2)
    second = world.read_in(accounts.list_member_users, house.id, limit=2, cursor=first.next_cursor)
    assert [user.name for user in (*first.items, *second.items)] == ["An", "lin", "mei"]


def test_tags_are_counted_in_public_repos_only(world: World, lin: Actor) -> None:
    card = b"---\ntags: [tea, Green]\n---\n"
    world.repo("lin/a", by=lin, files={"README.md": card})
    world.repo("lin/b", by=lin, files={"README.md": b"---\ntags: [tea]\nlibrary_name: leaves\n---\n"})
    world.repo("lin/c", by=lin, files={"README.md": b"---\ntags: [secret]\n---\n"}, visibility="private")
    counted = dict(world.read_in(hub.count_tags, "model", limit=10))
    assert counted == {"tea": 2, "green": 1, "leaves": 1}
    assert world.read_in(hub.list_libraries) == ["leaves"]


@pytest.mark.parametrize(
    ("kind", "tag", "group"),
    [
        ("model", "zh", "language"),
        ("model", "license:mit", "license"),
        ("model", "tf", "other"),
        ("model", "task_ids:parsing", "other"),
        ("dataset", "language:zh", "language"),
        ("dataset", "zh", "other"),
        ("dataset", "size_categories:n<1k", "size_categories"),
    ],
)
def test_a_tag_belongs_to_a_group(kind: hub.Kind, tag: str, group: str) -> None:
    assert hub.tag_type(kind, tag) == group


def test_spaces_are_listed_by_what_they_use(world: World, lin: Actor) -> None:
    card = b"---\nsdk: static\nmodels: [lin/Tea]\ndatasets: leaves\n---\n"
    world.repo("lin/shop", by=lin, kind="space", files={"README.md": card})
    world.repo("lin/empty", by=lin, kind="space")
    for tag in ("model:lin/tea", "dataset:leaves"):
        page = world.read_in(hub.list_repos, hub.RepoFilter("space", tags=[tag]), ANONYMOUS)
        assert [(repo.name, list(repo.tags)) for repo in page.items] == [("shop", ["static"])]
