"""Rewriting and undoing: squash, revert, merge, and taking content out for good."""

from __future__ import annotations

import subprocess

import pytest

from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.hub import Repo
from yungu.storage.git import Commit


@pytest.fixture
def tea(world: World, lin: Actor) -> Repo:
    return world.repo("lin/tea", by=lin, files={"a.txt": b"one\n", "b.txt": b"one\n"})


def branch(world: World, repo: Repo, name: str, by: Actor) -> None:
    world.write_in(hub.create_branch, world.site.git, world.fresh(repo), name, by)


def merge(world: World, repo: Repo, source: str, by: Actor) -> Commit:
    return world.write_in(hub.merge_ref, world.site.git, repo, source, "main", "merge it", by)


def add_content(world: World, repo: Repo, path: str, data: bytes, by: Actor, branch: str = "main") -> str:
    put = world.upload(repo, data, by=by)
    world.apply(repo, hub.CommitPlan(branch, [hub.LfsPut(path, put.sha256)], f"add {path}"), by=by)
    return put.sha256


# --- squash


def test_a_squash_leaves_one_commit_with_the_same_files(world: World, lin: Actor, tea: Repo) -> None:
    for number in range(3):
        world.commit(tea, {f"f{number}": b"1"}, by=lin)
    tree = world.objects(tea).commit(world.resolve(tea)).tree
    squashed = world.write_in(hub.super_squash, world.site.git, tea, "main", "all in one", lin)
    assert world.history(tea) == ["all in one"]
    assert (squashed.parents, squashed.tree) == ((), tree)
    assert world.fresh(tea).head == squashed.oid


def test_a_squash_of_one_branch_leaves_the_others(world: World, lin: Actor, tea: Repo) -> None:
    world.commit(tea, {"x": b"1"}, by=lin, title="second")
    branch(world, tea, "dev", lin)
    world.write_in(hub.super_squash, world.site.git, tea, "main", "one", lin)
    assert world.history(tea, "dev") == ["second", "initial commit"]


# --- revert


def test_a_revert_undoes_one_commit_and_keeps_what_came_after(world: World, lin: Actor, tea: Repo) -> None:
    bad = world.commit(tea, {"a.txt": b"two\n"}, by=lin, title="bad idea")
    world.commit(tea, {"c.txt": b"later\n"}, by=lin)
    made = world.write_in(hub.revert_commit, world.site.git, tea, "main", bad.oid, lin)
    assert world.read(tea, "a.txt") == b"one\n"
    assert world.paths(tea) == ["a.txt", "b.txt", "c.txt"]
    assert (made.title, bad.oid in made.body) == ('Revert "bad idea"', True)


def test_a_revert_of_what_was_changed_since_is_a_conflict(world: World, lin: Actor, tea: Repo) -> None:
    bad = world.commit(tea, {"a.txt": b"two\n"}, by=lin)
    world.commit(tea, {"a.txt": b"three\n"}, by=lin)
    with pytest.raises(hub.MergeConflict) as refused:
        world.write_in(hub.revert_commit, world.site.git, tea, "main", bad.oid, lin)
    assert refused.value.paths == ("a.txt",)
    assert world.read(tea, "a.txt") == b"three\n"


def test_a_first_commit_cannot_be_undone(world: World, lin: Actor, tea: Repo) -> None:
    with pytest.raises(hub.MergeConflict):
        world.write_in(hub.revert_commit, world.site.git, tea, "main", world.resolve(tea), lin)


# --- merge


def test_a_merge_brings_both_sides_together(world: World, lin: Actor, tea: Repo) -> None:
    branch(world, tea, "dev", lin)
    world.commit(tea, {"a.txt": b"from dev\n"}, by=lin, branch="dev")
    world.commit(tea, {"b.txt": b"from main\n"}, by=lin)
    merged = merge(world, tea, "refs/heads/dev", lin)
    assert (world.read(tea, "a.txt"), world.read(tea, "b.txt")) == (b"from dev\n", b"from main\n")
    assert merged.parents[1] == world.resolve(tea, "dev")


def test_what_is_in_already_is_not_merged_again(world: World, lin: Actor, tea: Repo) -> None:
    branch(world, tea, "dev", lin)
    head = world.resolve(tea)
    assert merge(world, tea, "refs/heads/dev", lin).oid == head


def test_a_conflict_names_its_files_and_changes_nothing(world: World, lin: Actor, tea: Repo) -> None:
    branch(world, tea, "dev", lin)
    world.commit(tea, {"a.txt": b"from dev\n"}, by=lin, branch="dev")
    head = world.commit(tea, {"a.txt": b"from main\n"}, by=lin).oid
    with pytest.raises(hub.MergeConflict) as refused:
        merge(world, tea, "refs/heads/dev", lin)
    assert refused.value.paths == ("a.txt",)
    assert world.resolve(tea) == head


# --- taking content out


def test_dropped_content_is_in_no_commit_of_any_branch_or_tag(world: World, lin: Actor, tea: Repo) -> None:
    secret = add_content(world, tea, "secret.bin", b"secret" * 100, lin)
    kept = add_content(world, tea, "kept.bin", b"kept" * 100, lin)
    world.write_in(hub.create_tag, world.site.git, tea, "light", lin)
    world.write_in(hub.create_tag, world.site.git, tea, "v1", lin, message="annotated")
    branch(world, tea, "dev", lin)
    world.commit(tea, {"secret.bin": None, "c.txt": b"c"}, by=lin, title="remove it")
    world.write_in(hub.drop_content, world.site.git, world.fresh(tea), [secret], lin)
    objects = world.objects(tea)
    for revision in ("main", "dev", "light", "v1"):
        for commit in objects.log(world.resolve(tea, revision)):
            held = [file.pointer.sha256 for file in hub.list_files(objects, commit.oid) if file.pointer]
            assert secret not in held
    assert world.history(tea) == ["remove it", "add kept.bin", "add secret.bin", "initial commit"]
    assert world.paths(tea) == ["a.txt", "b.txt", "c.txt", "kept.bin"]
    with world.site.db.read() as session:
        assert hub.readable_blobs(session, [secret, kept], world.fresh(tea), lin) == {kept}


def test_a_tag_from_before_the_content_stays_as_it_was(world: World, lin: Actor, tea: Repo) -> None:
    world.write_in(hub.create_tag, world.site.git, tea, "before", lin, message="before the secret")
    before = world.read_in(hub.find_ref, tea, "refs/tags/before")
    secret = add_content(world, tea, "secret.bin", b"secret" * 100, lin)
    world.write_in(hub.drop_content, world.site.git, world.fresh(tea), [secret], lin)
    assert world.read_in(hub.find_ref, tea, "refs/tags/before") == before


def test_content_is_dropped_from_both_sides_of_a_merge(world: World, lin: Actor, tea: Repo) -> None:
    branch(world, tea, "dev", lin)
    secret = add_content(world, tea, "secret.bin", b"secret" * 100, lin, branch="dev")
    world.commit(tea, {"later.txt": b"1"}, by=lin, branch="dev")
    world.commit(tea, {"main.txt": b"1"}, by=lin)
    merge(world, tea, "refs/heads/dev", lin)
    world.write_in(hub.drop_content, world.site.git, world.fresh(tea), [secret], lin)
    world.write_in(hub.sync_refs, world.site.git, tea)
    reached = subprocess.run(
        ["git", "-C", world.site.git.path(tea.id), "log", "--all", "--name-only", "--format=", "-m"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "secret.bin" not in reached
    assert {"later.txt", "main.txt"} <= set(reached)


def test_a_merge_cannot_make_up_a_pointer_to_content_of_others(world: World, lin: Actor, mei: Actor, tea: Repo) -> None:
    secret = world.repo("mei/secret", by=mei, visibility="private")
    sha256 = add_content(world, secret, "w.bin", b"secret", mei)
    middle = b"".join(b"# %d\n" % number for number in range(9))
    named = b"oid sha256:" + sha256.encode() + b"\n"
    world.commit(tea, {"w": b"no pointer\n" + middle + named + b"cut\nsize 6\n"}, by=lin)
    branch(world, tea, "dev", lin)
    first = b"version https://git-lfs.github.com/spec/v1\n"
    world.commit(tea, {"w": first + middle + named + b"cut\nsize 6\n"}, by=lin)
    world.commit(tea, {"w": b"no pointer\n" + middle + named + b"size 6\n"}, by=lin, branch="dev")

    with pytest.raises(hub.LfsObjectMissing):
        merge(world, tea, "dev", lin)

    assert world.read(tea, "w").startswith(first)
