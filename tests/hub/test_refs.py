"""Branches, tags and revisions; a ref moves by compare-and-swap."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.hub import Repo


@pytest.fixture
def tea(world: World, lin: Actor) -> Repo:
    return world.repo("lin/tea", by=lin, files={"a.txt": b"a"})


def move(world: World, repo: Repo, name: str, *, expect: str | None, to: str | None) -> None:
    world.write_in(hub.move_ref, world.site.git, repo, name, expect=expect, to=to, actor_id=None)


def branch(world: World, repo: Repo, name: str, by: Actor, start: str | None = None) -> None:
    world.write_in(hub.create_branch, world.site.git, repo, name, by, start)


def tag(world: World, repo: Repo, name: str, by: Actor, **options: str) -> None:
    world.write_in(hub.create_tag, world.site.git, repo, name, by, **options)


def names(world: World, repo: Repo) -> list[str]:
    return [ref.name for ref in world.read_in(hub.list_refs, repo)]


# --- compare and swap


def test_a_ref_moves_only_from_where_it_is_expected(world: World, lin: Actor, tea: Repo) -> None:
    first = world.resolve(tea)
    second = world.commit(tea, {"b": b"b"}, by=lin).oid
    with pytest.raises(hub.RefMoved):
        move(world, tea, "refs/heads/main", expect=first, to=first)
    move(world, tea, "refs/heads/main", expect=second, to=first)
    assert world.resolve(tea) == first


def test_a_new_ref_must_be_new_and_a_moved_one_must_be_there(world: World, tea: Repo) -> None:
    head = world.resolve(tea)
    with pytest.raises(hub.RefMoved):
        move(world, tea, "refs/heads/main", expect=None, to=head)
    with pytest.raises(hub.RefMoved):
        move(world, tea, "refs/heads/dev", expect=head, to=head)


def test_a_ref_is_deleted_only_from_where_it_is_expected(world: World, lin: Actor, tea: Repo) -> None:
    head = world.resolve(tea)
    branch(world, tea, "dev", lin)
    with pytest.raises(hub.RefMoved):
        move(world, tea, "refs/heads/dev", expect="0" * 40, to=None)
    move(world, tea, "refs/heads/dev", expect=head, to=None)
    assert names(world, tea) == ["refs/heads/main"]


BAD_ENDINGS = ["", "a..b", "a b", ".a", "a.lock", "a~1", "a^", "a:b", "a\\b", "@{1}", "a//b", "a\n", "x" * 300]


@pytest.mark.parametrize("name", ["main", "refs/main", *(f"refs/heads/{ending}" for ending in BAD_ENDINGS)])
def test_what_git_would_not_take_is_no_ref(world: World, tea: Repo, name: str) -> None:
    with pytest.raises(hub.RefNameInvalid):
        move(world, tea, name, expect=None, to=world.resolve(tea))


# --- branches and tags


def test_a_branch_starts_where_it_is_told_to(world: World, lin: Actor, tea: Repo) -> None:
    first = world.resolve(tea)
    world.commit(tea, {"b": b"b"}, by=lin)
    branch(world, tea, "now", lin)
    branch(world, tea, "before", lin, first)
    branch(world, tea, "feat/中文", lin, "before")
    assert world.resolve(tea, "now") == world.resolve(tea, "main")
    assert world.resolve(tea, "before") == world.resolve(tea, "feat/中文") == first


def test_a_branch_exists_only_once(world: World, lin: Actor, tea: Repo) -> None:
    branch(world, tea, "dev", lin)
    with pytest.raises(hub.RefExists):
        branch(world, tea, "dev", lin)


def test_a_branch_needs_somewhere_to_start(world: World, lin: Actor, tea: Repo) -> None:
    with pytest.raises(hub.RevisionNotFound):
        branch(world, tea, "dev", lin, "nowhere")


@pytest.mark.parametrize("name", ["HEAD", "-x", "a b", "a..b", "0" * 40, "refs/pr/1", "refs/tags/v1"])
def test_a_branch_has_a_branchs_name(world: World, lin: Actor, tea: Repo, name: str) -> None:
    with pytest.raises(hub.RefNameInvalid):
        branch(world, tea, name, lin)


def test_the_default_branch_cannot_be_deleted(world: World, lin: Actor, tea: Repo) -> None:
    for name in ("main", "refs/heads/main"):
        with pytest.raises(hub.RefProtected):
            world.write_in(hub.delete_branch, world.site.git, tea, name, lin)


def test_a_deleted_branch_and_tag_are_gone(world: World, lin: Actor, tea: Repo) -> None:
    branch(world, tea, "dev", lin)
    tag(world, tea, "v1", lin)
    world.write_in(hub.delete_branch, world.site.git, tea, "dev", lin)
    world.write_in(hub.delete_tag, world.site.git, tea, "v1", lin)
    assert names(world, tea) == ["refs/heads/main"]
    with pytest.raises(hub.RevisionNotFound):
        world.write_in(hub.delete_branch, world.site.git, tea, "dev", lin)
    with pytest.raises(hub.RevisionNotFound):
        world.write_in(hub.delete_tag, world.site.git, tea, "v1", lin)


def test_a_tag_stays_where_it_was_put(world: World, lin: Actor, tea: Repo) -> None:
    first = world.resolve(tea)
    tag(world, tea, "light", lin)
    tag(world, tea, "annotated", lin, message="the first one")
    world.commit(tea, {"b": b"b"}, by=lin)
    tag(world, tea, "old", lin, revision=first[:10])
    assert [world.resolve(tea, name) for name in ("light", "annotated", "old")] == [first] * 3


def test_an_annotated_tag_is_an_object_of_its_own(world: World, lin: Actor, tea: Repo) -> None:
    tag(world, tea, "v1", lin, message="the first one")
    ref = world.read_in(hub.find_ref, tea, "refs/tags/v1")
    assert ref is not None
    assert ref.oid != world.resolve(tea)
    assert world.objects(tea).commit(ref.oid).oid == world.resolve(tea)


def test_a_tag_exists_only_once(world: World, lin: Actor, tea: Repo) -> None:
    tag(world, tea, "v1", lin)
    with pytest.raises(hub.RefExists):
        tag(world, tea, "v1", lin, message="again")


# --- revisions


def test_a_revision_may_be_typed_in_many_ways(world: World, lin: Actor, tea: Repo) -> None:
    head = world.resolve(tea)
    tag(world, tea, "v1", lin)
    typed = [None, "", "HEAD", "main", "master", "refs/heads/main", "v1", "refs/tags/v1", head, head[:7], head.upper()]
    assert [world.resolve(tea, revision) for revision in typed] == [head] * len(typed)


def test_a_branch_is_meant_before_a_tag_of_the_same_name(world: World, lin: Actor, tea: Repo) -> None:
    tag(world, tea, "both", lin)
    world.commit(tea, {"b": b"b"}, by=lin)
    branch(world, tea, "both", lin)
    assert world.resolve(tea, "both") == world.resolve(tea, "main")


@pytest.mark.parametrize("revision", ["nowhere", "refs/heads/nowhere", "0" * 40, "abcd", "main~1", "../main", "林"])
def test_what_means_nothing_is_not_found(world: World, tea: Repo, revision: str) -> None:
    with pytest.raises(hub.RevisionNotFound):
        world.resolve(tea, revision)


def test_a_tree_or_blob_id_is_no_revision(world: World, tea: Repo) -> None:
    objects = world.objects(tea)
    for oid in (objects.commit(world.resolve(tea)).tree, objects.write_blob(b"a")):
        with pytest.raises(hub.RevisionNotFound):
            world.resolve(tea, oid)
