"""Commits through an API: laid onto the branch in order, whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.hub import Repo
from yungu.storage.errors import TreeConflict


@pytest.fixture
def tea(world: World, lin: Actor) -> Repo:
    return world.repo("lin/tea", by=lin, files={"a.txt": b"a", "dir/b.txt": b"b"})


def events(world: World, kind: str) -> int:
    with world.site.db.read() as session:
        query = f"SELECT count(*) FROM events WHERE kind = '{kind}'"
        return int(session.exec_driver_sql(query).scalar_one())


# --- one commit


def test_a_commit_adds_changes_and_deletes(world: World, lin: Actor, tea: Repo) -> None:
    world.commit(tea, {"a.txt": b"changed", "new/deep/c.txt": b"c", "dir/b.txt": None}, by=lin, title="three at once")
    assert world.paths(tea) == ["a.txt", "new/deep/c.txt"]
    assert world.read(tea, "a.txt") == b"changed"
    assert world.history(tea) == ["three at once", "initial commit"]


def test_the_message_has_a_title_a_body_and_the_author(world: World, lin: Actor, tea: Repo) -> None:
    made = world.commit(tea, {"x": b"x"}, by=lin, title="a title", body="a body\n\nof two parts")
    assert (made.title, made.body, made.author.name) == ("a title", "a body\n\nof two parts", "lin")


def test_a_commit_that_changes_nothing_is_the_head_itself(world: World, lin: Actor, tea: Repo) -> None:
    head = world.resolve(tea)
    assert world.commit(tea, {"a.txt": b"a"}, by=lin).oid == head
    assert world.history(tea) == ["initial commit"]


def test_a_folder_is_deleted_with_all_that_is_in_it(world: World, lin: Actor, tea: Repo) -> None:
    world.apply(tea, hub.CommitPlan("main", [hub.Drop("dir/", folder=True)], "clean"), by=lin)
    assert world.paths(tea) == ["a.txt"]


def test_a_repo_may_be_emptied(world: World, lin: Actor, tea: Repo) -> None:
    world.commit(tea, {"a.txt": None, "dir/b.txt": None, ".gitattributes": None}, by=lin)
    assert world.paths(tea) == []
    world.commit(tea, {"again.txt": b"1"}, by=lin)
    assert world.paths(tea) == ["again.txt"]


def test_the_fact_is_recorded_once_per_commit(world: World, lin: Actor, tea: Repo) -> None:
    before = events(world, "CommitPushed")
    world.commit(tea, {"x": b"x"}, by=lin)
    assert events(world, "CommitPushed") == before + 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ([], hub.CommitEmpty),
        ([hub.Drop("absent.txt")], hub.DropMissing),
        ([hub.Drop("")], hub.DropMissing),
        ([hub.LfsPut("w.bin", "0" * 64)], hub.LfsObjectMissing),
    ],
)
def test_a_plan_that_cannot_be_done_is_refused(
    world: World, lin: Actor, tea: Repo, changes: list[hub.Change], error: type[Exception]
) -> None:
    with pytest.raises(error):
        world.apply(tea, hub.CommitPlan("main", changes, "no"), by=lin)
    assert world.history(tea) == ["initial commit"]


@pytest.mark.parametrize("paths", [["a.txt/b"], ["dir"], ["x", "x/y"], ["x/y", "x"]])
def test_a_name_is_either_a_file_or_a_folder(world: World, lin: Actor, tea: Repo, paths: list[str]) -> None:
    with pytest.raises(TreeConflict):
        world.commit(tea, dict.fromkeys(paths, b"x"), by=lin)
    assert world.paths(tea) == ["a.txt", "dir/b.txt"]


def test_a_file_may_become_a_folder_in_one_commit(world: World, lin: Actor, tea: Repo) -> None:
    changes = [hub.Drop("a.txt"), world.put(tea, "a.txt/inner", b"1")]
    world.apply(tea, hub.CommitPlan("main", changes, "swap"), by=lin)
    assert world.paths(tea) == ["a.txt/inner", "dir/b.txt"]


def test_the_last_change_of_a_path_counts(world: World, lin: Actor, tea: Repo) -> None:
    changes = [world.put(tea, "x", b"first"), world.put(tea, "x", b"second")]
    world.apply(tea, hub.CommitPlan("main", changes, "twice"), by=lin)
    assert world.read(tea, "x") == b"second"


def test_ten_thousand_files_are_one_commit(world: World, lin: Actor, tea: Repo) -> None:
    oid = world.objects(tea).write_blob(b"same")
    changes = [hub.FilePut(f"d{number % 100:02}/f{number}", oid, 4) for number in range(10_000)]
    world.apply(tea, hub.CommitPlan("main", changes, "many"), by=lin)
    assert len(world.paths(tea)) == 10_002


# --- a failed commit


def test_a_failed_transaction_leaves_nothing_visible(world: World, lin: Actor, tea: Repo) -> None:
    head, told = world.resolve(tea), events(world, "CommitPushed")
    change = world.put(tea, "x", b"x")
    with pytest.raises(ZeroDivisionError), world.site.db.write() as session:
        hub.apply_commit(session, world.site.git, tea, hub.CommitPlan("main", [change], "lost"), lin)
        raise ZeroDivisionError
    assert world.resolve(tea) == head
    assert world.fresh(tea) == tea
    assert events(world, "CommitPushed") == told


def test_one_bad_path_stops_the_whole_commit(world: World, lin: Actor, tea: Repo) -> None:
    with pytest.raises(hub.PathInvalid):
        world.commit(tea, {"good.txt": b"1", "../bad.txt": b"2"}, by=lin)
    assert world.paths(tea) == ["a.txt", "dir/b.txt"]


# --- parents


def test_a_commit_on_the_parent_it_names_goes_through(world: World, lin: Actor, tea: Repo) -> None:
    head = world.resolve(tea)
    assert world.commit(tea, {"x": b"1"}, by=lin, parent=head).parents == (head,)
    assert world.commit(tea, {"x": b"2"}, by=lin, parent=world.resolve(tea)[:12]).title == "change"


def test_a_commit_on_a_stale_parent_is_refused(world: World, lin: Actor, tea: Repo) -> None:
    stale = world.resolve(tea)
    world.commit(tea, {"x": b"1"}, by=lin)
    with pytest.raises(hub.ParentStale):
        world.commit(tea, {"y": b"2"}, by=lin, parent=stale)
    assert world.paths(tea) == ["a.txt", "dir/b.txt", "x"]


# --- branches


def test_a_commit_may_open_its_branch(world: World, lin: Actor, tea: Repo) -> None:
    world.commit(tea, {"x": b"1"}, by=lin, branch="dev", create_branch=True)
    assert world.history(tea, "dev") == ["change", "initial commit"]
    assert world.history(tea, "main") == ["initial commit"]


def test_a_commit_to_a_branch_that_is_not_there_is_refused(world: World, lin: Actor, tea: Repo) -> None:
    with pytest.raises(hub.RevisionNotFound):
        world.commit(tea, {"x": b"1"}, by=lin, branch="dev")


def test_master_means_main_where_there_is_no_master(world: World, lin: Actor, tea: Repo) -> None:
    world.commit(tea, {"x": b"1"}, by=lin, branch="master")
    assert world.paths(tea, "main") == ["a.txt", "dir/b.txt", "x"]
    assert [ref.name for ref in world.read_in(hub.list_refs, tea)] == ["refs/heads/main"]


def test_only_the_default_branch_tells_what_the_repo_is(world: World, lin: Actor, tea: Repo) -> None:
    card = {"README.md": b"---\ntags: [green]\n---\n"}
    world.commit(tea, card, by=lin, branch="dev", create_branch=True)
    assert "green" not in world.fresh(tea).tags
    world.commit(tea, card, by=lin)
    assert "green" in world.fresh(tea).tags


# --- at the same time


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """``work(0)`` to ``work(count - 1)``, all begun at the same moment; answers or errors."""
    gate = threading.Barrier(count)

    def run(number: int) -> object:
        gate.wait(30)
        try:
            return work(number)
        except hub.RefMoved as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_concurrent_commits_to_one_branch_all_land_in_order(world: World, lin: Actor, tea: Repo) -> None:
    made = together(8, lambda number: world.commit(tea, {f"f{number}": b"1"}, by=lin, title=f"c{number}"))
    assert [error for error in made if isinstance(error, Exception)] == []
    assert world.paths(tea) == ["a.txt", "dir/b.txt", *(f"f{number}" for number in range(8))]
    assert sorted(world.history(tea)) == sorted(["initial commit", *(f"c{number}" for number in range(8))])
    assert world.fresh(tea).head == world.resolve(tea)


def test_of_concurrent_commits_on_one_parent_exactly_one_wins(world: World, lin: Actor, tea: Repo) -> None:
    head = world.resolve(tea)
    made = together(6, lambda number: world.commit(tea, {f"f{number}": b"1"}, by=lin, parent=head))
    losers = [error for error in made if isinstance(error, hub.ParentStale)]
    assert len(losers) == 5
    assert len(world.paths(tea)) == 3


def test_concurrent_first_commits_to_a_new_branch_land_or_are_told_to_try_again(
    world: World, lin: Actor, tea: Repo
) -> None:
    made = together(4, lambda number: world.commit(tea, {f"f{number}": b"1"}, by=lin, branch="dev", create_branch=True))
    landed = [commit for commit in made if not isinstance(commit, Exception)]
    assert landed
    assert len(world.paths(tea, "dev")) == 2 + len(landed)


def test_concurrent_commits_to_many_repos_do_not_stop_each_other(world: World, lin: Actor) -> None:
    repos = [world.repo(f"lin/r{number}", by=lin) for number in range(4)]
    together(4, lambda number: [world.commit(repos[number], {f"f{turn}": b"1"}, by=lin) for turn in range(3)])
    assert [world.paths(repo) for repo in repos] == [["f0", "f1", "f2"]] * 4


@pytest.mark.parametrize(
    "name",
    [".git", ".GIT ", "git~1", "GIT~1. ", ".git::$INDEX_ALLOCATION", ".g\u200cit", "\ufeff.Git", "x\\.git\\config"],
)
def test_no_folder_passes_for_gits_own_anywhere(world: World, lin: Actor, tea: Repo, name: str) -> None:
    for path in (f"{name}/config", f"a/{name}"):
        with pytest.raises(hub.PathInvalid):
            world.commit(tea, {path: b"x"}, by=lin)
    world.commit(tea, {".github/x": b"x", "a.git": b"x", "git~10": b"x"}, by=lin)
