"""What a commit changed, for a reader."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.hub.queries import changes


def test_a_first_commit_adds_everything(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin, files={"a.txt": b"one\ntwo"})

    diff = hub.diff_commit(world.objects(repo), world.resolve(repo))

    added = next(file for file in diff.files if file.path == "a.txt")
    assert added.kind == "added" and added.lines is not None
    assert [(line.sign, line.text, line.new_number) for line in added.lines if line.sign != "@"] == [
        ("+", "one", 1),
        ("+", "two", 2),
    ]


def test_changes_renames_and_deletions_are_told_apart(world: World, lin: Actor) -> None:
    text = b"".join(b"line %d\n" % number for number in range(30))
    repo = world.repo("lin/tea", by=lin, files={"old.txt": text, "gone.txt": b"gone", "kept.txt": b"1"})
    commit = world.commit(repo, {"old.txt": None, "new.txt": text, "gone.txt": None, "kept.txt": b"2"}, by=lin)

    diff = hub.diff_commit(world.objects(repo), commit.oid)

    assert {(file.path, file.kind) for file in diff.files} == {
        ("new.txt", "renamed"),
        ("gone.txt", "deleted"),
        ("kept.txt", "modified"),
    }
    assert next(file for file in diff.files if file.kind == "renamed").old_path == "old.txt"


def test_binary_files_are_named_without_lines(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    commit = world.commit(repo, {"x.dat": b"\0\1"}, by=lin)

    (file,) = hub.diff_commit(world.objects(repo), commit.oid).files

    assert file.is_binary and file.lines is None


def test_a_huge_commit_is_shown_in_part(world: World, lin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_FILES", 5)
    monkeypatch.setattr(changes, "MAX_LINES", 10)
    monkeypatch.setattr(changes, "MAX_BLOB_BYTES", 100)
    repo = world.repo("lin/tea", by=lin)
    files = {"0-large.txt": b"x" * 101} | {f"{number}.txt": b"a\nb\nc\n" for number in range(1, 9)}

    diff = hub.diff_commit(world.objects(repo), world.commit(repo, dict(files), by=lin).oid)

    assert diff.files_count == 9
    assert [file.lines is not None for file in diff.files] == [False, True, True, False, False]


def test_a_merge_is_compared_with_its_first_parent(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    world.write_in(hub.create_branch, world.site.git, repo, "side", lin)
    side = world.commit(repo, {"side.txt": b"s"}, by=lin, branch="side")
    main = world.commit(repo, {"main.txt": b"m"}, by=lin)
    objects = world.objects(repo)
    tree, _ = objects.merge(main.oid, side.oid)
    assert tree is not None
    merge = objects.write_commit(tree, [main.oid, side.oid], "merge", main.author, main.at)

    assert [file.path for file in hub.diff_commit(objects, merge).files] == ["side.txt"]


def test_tasks_are_counted_among_visible_repos(world: World, lin: Actor, mei: Actor) -> None:
    card = b"---\npipeline_tag: %s\n---\n"
    for number, task in enumerate([b"text-generation", b"text-generation", b"fill-mask"]):
        world.repo(f"lin/m{number}", by=lin, files={"README.md": card % task})
    world.repo("lin/hidden", by=lin, files={"README.md": card % b"fill-mask"}, visibility="private")

    assert world.read_in(hub.list_tasks, "model", mei) == [("text-generation", 2), ("fill-mask", 1)]
    assert world.read_in(hub.list_tasks, "model", lin) == [("fill-mask", 2), ("text-generation", 2)]


def test_dots_without_end_are_no_comparison(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    with pytest.raises((hub.SpecInvalid, hub.RevisionNotFound)):
        world.read_in(hub.compare, world.site.git, repo, "." * 60_000 + "\n\nx")
