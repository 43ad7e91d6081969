"""Git objects on disk, held against git itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from yungu.storage.errors import GitObjectMissing, TreeConflict
from yungu.storage.git import GitObjects, GitStore, Person

LIN = Person("Lin", "lin@example.org")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Files = dict[str, bytes | None]


@pytest.fixture
def objects(git_store: GitStore) -> GitObjects:
    return git_store.open(1)


def git(objects: GitObjects, *arguments: str) -> str:
    command = ["git", "-C", str(objects.path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def write(objects: GitObjects, files: Files, *parents: str, title: str = "c", minutes: int = 0) -> str:
    """A commit on the tree of its first parent."""
    base = objects.commit(parents[0]).tree if parents else None
    puts = {path: (objects.write_blob(data), 0o100644) for path, data in files.items() if data is not None}
    drops = [path for path, data in files.items() if data is None]
    tree = objects.edit_tree(base, puts, drops)
    return objects.write_commit(tree, parents, title, LIN, NOON + timedelta(minutes=minutes))


# --- trees


@given(st.dictionaries(st.text("ab/._-é茶", min_size=1, max_size=8), st.binary(max_size=5), min_size=1, max_size=12))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_tree_has_what_git_would_put_into_it(objects: GitObjects, files: dict[str, bytes]) -> None:
    wanted = {f"{path.strip('/').replace('//', '/x')}~": data for path, data in files.items()}
    wanted = {path.replace("/", "d/"): data for path, data in wanted.items() if "//" not in path}
    wanted = {path: data for path, data in wanted.items() if not {".", ".."} & set(path.split("/")) and path[0] != "/"}
    puts = {path: (objects.write_blob(data), 0o100644) for path, data in wanted.items()}
    try:
        tree = objects.edit_tree(None, puts)
    except TreeConflict:
        return
    listed = git(objects, "-c", "core.quotePath=false", "ls-tree", "-r", "-z", tree).split("\0")[:-1]
    assert {line.split("\t")[1]: line.split()[2] for line in listed} == {path: oid for path, (oid, _) in puts.items()}
    assert git(objects, "fsck", "--strict", "--no-dangling") == ""


def test_only_touched_folders_are_rewritten(objects: GitObjects) -> None:
    first = write(objects, {"a/x": b"1", "b/y": b"2"})
    second = write(objects, {"a/x": b"3"}, first)
    trees = [
        {entry.path: entry.oid for entry in objects.list_tree(objects.commit(oid).tree)} for oid in (first, second)
    ]
    assert trees[0]["b"] == trees[1]["b"]
    assert trees[0]["a"] != trees[1]["a"]


def test_an_emptied_folder_is_gone(objects: GitObjects) -> None:
    first = write(objects, {"a/b/c": b"1", "d": b"2"})
    second = write(objects, {"a/b/c": None}, first)
    assert [entry.path for entry in objects.list_tree(objects.commit(second).tree, recursive=True)] == ["d"]


def test_dropping_what_is_not_there_changes_nothing(objects: GitObjects) -> None:
    first = write(objects, {"a/b": b"1"})
    tree = objects.commit(first).tree
    assert objects.edit_tree(tree, {}, ["x", "a/x", "a/b/c", "x/y/z"]) == tree


def test_a_file_and_a_folder_cannot_have_one_name(objects: GitObjects) -> None:
    tree = objects.commit(write(objects, {"a/b": b"1", "f": b"2"})).tree
    blob = (objects.write_blob(b"x"), 0o100644)
    for puts in ({"a": blob}, {"f/x": blob}, {"new": blob, "new/x": blob}, {"new/x": blob, "new": blob}):
        with pytest.raises(TreeConflict):
            objects.edit_tree(tree, puts)


# --- objects


def test_what_is_missing_or_of_another_kind_is_said_to_be_missing(objects: GitObjects) -> None:
    commit = write(objects, {"a": b"1"})
    for read in (objects.read_blob, objects.blob_size, objects.commit):
        with pytest.raises(GitObjectMissing):
            read("0" * 40)
    with pytest.raises(GitObjectMissing):
        objects.read_blob(commit)
    with pytest.raises(GitObjectMissing):
        objects.commit(objects.write_blob(b"1"))


def test_a_short_id_means_a_commit_only_when_there_is_one(objects: GitObjects) -> None:
    commit = write(objects, {"a": b"1"})
    assert objects.find_commit(commit[:8]) == commit
    assert objects.find_commit("0" * 8) is None
    assert objects.find_commit(objects.write_blob(b"1")[:12]) is None


def test_a_tag_object_leads_to_its_commit(objects: GitObjects) -> None:
    commit = write(objects, {"a": b"1"})
    tag = objects.write_tag("v1", commit, "the first", LIN, NOON)
    assert objects.commit(tag).oid == commit
    assert git(objects, "cat-file", "-t", tag) == "tag\n"


def test_names_cannot_break_out_of_a_commits_header(objects: GitObjects) -> None:
    tree = objects.edit_tree(None, {})
    evil = Person("Lin <x@y> 0 +0000\nparent 123", "a>\nb")
    oid = objects.write_commit(tree, [], "title", evil, NOON)
    assert git(objects, "rev-list", "--parents", "-n1", oid).split() == [oid]
    assert git(objects, "fsck", "--strict", "--no-dangling") == ""


def test_refs_are_written_out_for_git_and_taken_back(objects: GitObjects) -> None:
    commit = write(objects, {"a": b"1"})
    tag = objects.write_tag("v1", commit, "the first", LIN, NOON)
    objects.project_refs({"refs/heads/dev": commit, "refs/tags/v1": tag, "refs/pr/1": commit}, "dev")
    shown = git(objects, "show-ref", "-d", "--head").splitlines()
    assert f"{commit} HEAD" in shown
    assert f"{commit} refs/tags/v1^{{}}" in shown
    objects.project_refs({"refs/heads/dev": commit}, "dev")
    assert git(objects, "show-ref").splitlines() == [f"{commit} refs/heads/dev"]


def test_a_duplicate_shares_files_and_survives_its_source(git_store: GitStore, objects: GitObjects) -> None:
    commit = write(objects, {"a": b"1"})
    git_store.duplicate(1, 2)
    git_store.delete(1)
    assert git_store.open(2).commit(commit).oid == commit
    assert sorted(git_store.iter_ids()) == [2]


# --- history


@pytest.fixture
def compare(objects: GitObjects) -> Callable[[str], None]:
    def check(head: str) -> None:
        objects.project_refs({"refs/heads/main": head}, "main")
        paths = [entry.path for entry in objects.list_tree(objects.commit(head).tree, recursive=True)]
        found = {path: commit.oid for path, commit in objects.last_commits(head, paths).items()}
        assert found == {path: git(objects, "log", "-1", "--format=%H", head, "--", path).strip() for path in paths}

    return check


def test_the_last_commit_of_each_path_is_the_one_that_git_log_names(
    objects: GitObjects, compare: Callable[[str], None]
) -> None:
    head = write(objects, {"a": b"1", "d/x": b"1", "d/y": b"1", "d/e/z": b"1"})
    for minute, files in enumerate(
        [{"a": b"2"}, {"d/x": b"2"}, {"d/e/z": b"2"}, {"n": b"1"}, {"d/y": None}, {"a": b"3"}], 1
    ):
        head = write(objects, dict(files), head, minutes=minute)
    compare(head)


def test_commits_of_one_second_and_a_merge_do_not_confuse_the_last_commit(
    objects: GitObjects, compare: Callable[[str], None]
) -> None:
    base = write(objects, {"a": b"1", "b": b"1", "c": b"1"})
    one = write(objects, {"a": b"2"}, base, title="one")
    other = write(objects, {"b": b"2"}, base, title="other")
    tree, conflicts = objects.merge(one, other)
    assert tree is not None
    assert conflicts == ()
    merged = objects.write_commit(tree, [one, other], "merge", LIN, NOON)
    compare(merged)


def test_a_file_put_back_as_it_was_was_changed_last_when_it_was_put_back(
    objects: GitObjects, compare: Callable[[str], None]
) -> None:
    head = write(objects, {"a": b"1", "b": b"1"})
    for minute, data in enumerate([b"2", None, b"1"], 1):
        head = write(objects, {"a": data}, head, minutes=minute)
    compare(head)


def test_a_merge_of_the_same_change_tells_conflict_or_not(objects: GitObjects) -> None:
    base = write(objects, {"a": b"1\n", "b": b"1\n"})
    one = write(objects, {"a": b"2\n"}, base)
    other = write(objects, {"a": b"3\n"}, base)
    assert objects.merge(one, other) == (None, ("a",))
    assert objects.merge(one, one)[0] == objects.commit(one).tree
    assert objects.merge_base(one, other) == base
    assert objects.is_ancestor(base, one)
    assert not objects.is_ancestor(one, other)


def test_folders_of_two_stores_on_one_disk_see_each_others_objects(tmp_path: Path) -> None:
    here, there = GitStore(tmp_path), GitStore(tmp_path)
    before = there.open(7)
    commit = write(here.open(7), {"a": b"1"})
    assert before.commit(commit).oid == commit
