"""Collections, and what is in them."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import accounts, hub
from yungu.accounts import ANONYMOUS, Actor


@pytest.fixture
def shelf(world: World, lin: Actor) -> hub.Collection:
    return world.write_in(hub.create_collection, "lin", "Spring Teas", lin)


def fill(world: World, shelf: hub.Collection, by: Actor, *names: str) -> None:
    for name in names:
        world.write_in(hub.add_collection_item, shelf, world.repo(f"lin/{name}", by=by), by)


def items(world: World, shelf: hub.Collection, asker: Actor) -> list[hub.CollectionItem]:
    return list(world.read_in(hub.list_collection_items, [shelf], asker)[shelf.id])


def names(world: World, shelf: hub.Collection, asker: Actor) -> list[str]:
    return [item.target.name if isinstance(item.target, hub.Repo) else "+" for item in items(world, shelf, asker)]


def test_a_slug_is_made_of_owner_title_and_number(world: World, shelf: hub.Collection, lin: Actor) -> None:
    assert shelf.slug == f"lin/spring-teas-{shelf.id:024x}"
    chinese = world.write_in(hub.create_collection, "lin", "春茶", lin)
    assert chinese.slug == f"lin/{chinese.id:024x}"
    for made in (shelf, chinese):
        assert world.read_in(hub.visible_collection, made.slug, lin) == made


def test_a_former_slug_leads_to_the_renamed_collection(world: World, shelf: hub.Collection, lin: Actor) -> None:
    renamed = world.write_in(hub.change_collection, shelf, lin, title="Autumn teas", theme="pink", description="all")
    assert renamed.slug != shelf.slug
    assert (renamed.title, renamed.theme, renamed.description) == ("Autumn teas", "pink", "all")
    assert world.read_in(hub.visible_collection, shelf.slug, ANONYMOUS) == renamed


@pytest.mark.parametrize("slug", ["lin/spring-teas", "lin/spring-teas-zz", "", "lin/" + "f" * 24, "lin/x-" + "0" * 24])
def test_a_slug_without_a_number_of_ours_leads_nowhere(world: World, lin: Actor, slug: str) -> None:
    with pytest.raises(hub.CollectionNotFound):
        world.read_in(hub.visible_collection, slug, lin)


def test_a_title_is_there_once(world: World, shelf: hub.Collection, lin: Actor, mei: Actor) -> None:
    with pytest.raises(hub.CollectionExists) as caught:
        world.write_in(hub.create_collection, "lin", "spring  teas", lin)
    assert caught.value.slug == shelf.slug
    other = world.write_in(hub.create_collection, "lin", "Other", lin)
    with pytest.raises(hub.CollectionExists):
        world.write_in(hub.change_collection, other, lin, title="SPRING TEAS")
    assert world.write_in(hub.change_collection, shelf, lin, title="SPRING TEAS").title == "SPRING TEAS"
    assert world.write_in(hub.create_collection, "mei", "Spring Teas", mei).owner == "mei"


@pytest.mark.parametrize("title", ["", "  \n ", "x" * 121])
def test_a_title_has_1_to_120_characters(world: World, lin: Actor, title: str) -> None:
    with pytest.raises((hub.TextMissing, hub.TextTooLong)):
        world.write_in(hub.create_collection, "lin", title, lin)


def test_items_keep_their_order_and_can_be_moved(world: World, shelf: hub.Collection, lin: Actor) -> None:
    fill(world, shelf, lin, "a", "b", "c")
    first = items(world, shelf, lin)[0]
    world.write_in(hub.change_collection_item, shelf, first, position=1, note="best")
    assert names(world, shelf, lin) == ["b", "a", "c"]
    assert [item.note for item in items(world, shelf, lin)] == ["", "best", ""]
    world.write_in(hub.change_collection_item, shelf, first, position=99)
    assert names(world, shelf, lin) == ["b", "c", "a"]
    world.write_in(hub.remove_collection_item, shelf, items(world, shelf, lin)[0])
    assert names(world, shelf, lin) == ["c", "a"]
    assert [item.position for item in items(world, shelf, lin)] == [0, 1]


def test_a_deleted_repo_leaves_no_gap_after_the_next_change(world: World, shelf: hub.Collection, lin: Actor) -> None:
    fill(world, shelf, lin, "a", "b", "c")
    target = items(world, shelf, lin)[1].target
    assert isinstance(target, hub.Repo)
    world.write_in(hub.delete_repo, target, lin)
    assert names(world, shelf, lin) == ["a", "c"]
    fill(world, shelf, lin, "d")
    assert [(item.position, item.target.name) for item in items(world, shelf, lin)] == [(0, "a"), (1, "c"), (2, "d")]  # type: ignore[union-attr]


def test_a_thing_is_in_a_collection_once_and_never_the_collection_itself(
    world: World, shelf: hub.Collection, lin: Actor
) -> None:
    tea = world.repo("lin/tea", by=lin)
    inner = world.write_in(hub.create_collection, "lin", "Inner", lin)
    for target in (tea, inner):
        world.write_in(hub.add_collection_item, shelf, target, lin)
        with pytest.raises(hub.CollectionItemExists):
            world.write_in(hub.add_collection_item, shelf, target, lin)
    with pytest.raises(hub.CollectionItemInvalid):
        world.write_in(hub.add_collection_item, shelf, shelf, lin)
    assert names(world, shelf, lin) == ["tea", "+"]


def test_what_a_reader_may_not_see_is_not_in_the_collection(
    world: World, shelf: hub.Collection, lin: Actor, mei: Actor
) -> None:
    fill(world, shelf, lin, "open")
    world.write_in(hub.add_collection_item, shelf, world.repo("lin/silk", by=lin, visibility="private"), lin)
    secret = world.write_in(hub.create_collection, "lin", "Secret", lin, is_private=True)
    world.write_in(hub.add_collection_item, shelf, secret, lin)
    assert names(world, shelf, lin) == ["open", "silk", "+"]
    assert names(world, shelf, mei) == ["open"]
    assert names(world, shelf, ANONYMOUS) == ["open"]


def test_a_private_collection_is_known_to_its_owner_and_members_only(world: World, lin: Actor, mei: Actor) -> None:
    house = world.organization("house", admin=lin, read=[mei])
    lin, mei, stranger = world.actor("lin"), world.actor("mei"), world.user("stranger")
    secret = world.write_in(hub.create_collection, house.name, "Secret", lin, is_private=True)
    weak = world.with_token("mei", "fine-grained", ("house", "read"))
    for actor in (lin, mei, world.with_token("mei", "read"), weak):
        assert world.read_in(hub.visible_collection, secret.slug, actor) == secret
        assert world.read_in(hub.list_collections, actor, namespaces=["house"]).items == [secret]
    for actor in (stranger, ANONYMOUS, world.with_token("mei", "fine-grained", ("mei", "write"))):
        with pytest.raises(hub.CollectionNotFound):
            world.read_in(hub.visible_collection, secret.slug, actor)
        assert world.read_in(hub.list_collections, actor, namespaces=["house"]).items == []


def test_only_who_may_write_there_changes_collections(
    world: World, shelf: hub.Collection, lin: Actor, mei: Actor
) -> None:
    house = world.organization("house", admin=lin, read=[mei])
    made = world.write_in(hub.create_collection, house.name, "Open", world.actor("lin"))
    for actor in (world.actor("mei"), world.with_token("lin", "read")):
        with pytest.raises(hub.CollectionDenied):
            world.write_in(hub.curated_collection, made.slug, actor)
        with pytest.raises(hub.CollectionDenied):
            world.write_in(hub.create_collection, "house", "Another", actor)
    with pytest.raises(hub.CollectionDenied):
        world.write_in(hub.curated_collection, shelf.slug, mei)
    with pytest.raises(accounts.SignInRequired):
        world.write_in(hub.curated_collection, shelf.slug, ANONYMOUS)
    with pytest.raises(hub.CollectionDenied):
        world.write_in(hub.create_collection, "nobody-there", "X", lin)


def test_collections_are_found_by_what_they_hold(world: World, shelf: hub.Collection, lin: Actor) -> None:
    fill(world, shelf, lin, "a")
    world.write_in(hub.create_collection, "lin", "Empty", lin)
    target = items(world, shelf, lin)[0].target
    page = world.read_in(hub.list_collections, ANONYMOUS, holding=[target.id])
    assert [found.title for found in page.items] == ["Spring Teas"]
    assert world.read_in(hub.list_collections, ANONYMOUS, holding=[]).items == []
    assert [found.title for found in world.read_in(hub.list_collections, lin, search="EMP").items] == ["Empty"]


def test_collections_come_by_pages_the_latest_changed_first(world: World, lin: Actor) -> None:
    made = [world.write_in(hub.create_collection, "lin", title, lin) for title in "abc"]
    world.write_in(hub.change_collection, made[0], lin, description="changed")
    first = world.read_in(hub.list_collections, lin, limit=2)
    second = world.read_in(hub.list_collections, lin, limit=2, cursor=first.next_cursor)
    assert [found.title for found in (*first.items, *second.items)] == ["a", "c", "b"]
    assert second.next_cursor is None


def test_a_deleted_collection_is_gone_from_those_that_held_it(world: World, shelf: hub.Collection, lin: Actor) -> None:
    inner = world.write_in(hub.create_collection, "lin", "Inner", lin)
    world.write_in(hub.add_collection_item, shelf, inner, lin)
    world.write_in(hub.delete_collection, inner, lin)
    assert items(world, shelf, lin) == []
    with pytest.raises(hub.CollectionNotFound):
        world.read_in(hub.visible_collection, inner.slug, lin)
