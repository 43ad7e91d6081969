"""Repos come, change, move and go."""

from __future__ import annotations

import subprocess

import pytest

from support.world import World
from yungu import accounts, hub
from yungu.accounts import ANONYMOUS, Actor, Owner
from yungu.hub import Kind, Repo
from yungu.hub.rules import check_repo_name


def find(world: World, repo_id: str, kind: Kind = "model") -> Repo | None:
    return world.read_in(hub.find_repo, kind, repo_id)


def move(world: World, repo: Repo, to: str, by: Actor) -> Repo:
    return world.write_in(hub.move_repo, world.fresh(repo), to, by)


@pytest.fixture
def tea(world: World, lin: Actor) -> Repo:
    return world.repo("lin/tea", by=lin, files={"a.txt": b"hello"})


@pytest.fixture
def company(world: World, lin: Actor, mei: Actor) -> Owner:
    return world.organization("company", admin=lin, write=[mei])


# --- create


def test_a_new_repo_has_a_first_commit_on_main(world: World, tea: Repo) -> None:
    assert (tea.repo_id, tea.visibility, tea.default_branch) == ("lin/tea", "public", "main")
    assert world.history(tea) == ["initial commit"]
    assert world.paths(tea) == ["a.txt"]
    assert tea.head == world.resolve(tea, "main")


def test_models_datasets_and_spaces_of_one_name_live_side_by_side(world: World, lin: Actor) -> None:
    repos = [world.repo("lin/tea", by=lin, kind=kind) for kind in hub.KINDS]
    assert [find(world, "lin/tea", kind) for kind in hub.KINDS] == repos


def test_a_name_without_a_namespace_means_ones_own(world: World, lin: Actor) -> None:
    assert world.repo("tea", by=lin).repo_id == "lin/tea"


def test_a_name_is_taken_whatever_its_case(world: World, lin: Actor, tea: Repo) -> None:
    with pytest.raises(hub.RepoExists):
        world.repo("Lin/TEA", by=lin)


def test_a_refused_repo_leaves_the_transaction_usable(world: World, lin: Actor, tea: Repo) -> None:
    with world.site.db.write() as session:
        with pytest.raises(hub.RepoExists):
            hub.create_repo(session, world.site.git, "model", "lin/tea", lin)
        hub.create_repo(session, world.site.git, "model", "lin/coffee", lin)
    assert find(world, "lin/coffee") is not None


def test_nobody_creates_in_a_strangers_namespace(world: World, mei: Actor, tea: Repo) -> None:
    for namespace in ("lin", "nobody"):
        with pytest.raises(hub.NamespaceDenied):
            world.repo(f"{namespace}/x", by=mei)
    with pytest.raises(accounts.SignInRequired):
        world.repo("lin/x", by=ANONYMOUS)


def test_an_organization_decides_how_visible_its_new_repos_are(world: World, lin: Actor) -> None:
    world.organization("quiet", admin=lin, default_visibility="private")
    lin = world.actor("lin")
    assert world.repo("quiet/a", by=lin).visibility == "private"
    assert world.repo("quiet/b", by=lin, visibility="public").visibility == "public"


@pytest.mark.parametrize("role", ["contributor", "write"])
def test_contributors_and_above_create_in_their_organization(world: World, lin: Actor, mei: Actor, role: str) -> None:
    world.organization("company", admin=lin, **{role: [mei]})
    assert world.repo("company/a", by=world.actor("mei")).namespace == "company"


def test_readers_do_not_create_in_their_organization(world: World, lin: Actor, mei: Actor) -> None:
    world.organization("company", admin=lin, read=[mei])
    with pytest.raises(hub.NamespaceDenied):
        world.repo("company/a", by=world.actor("mei"))


def test_a_token_creates_only_what_its_scope_lets_it(world: World, lin: Actor) -> None:
    world.repo("lin/by-write", by=world.with_token("lin", "write"))
    world.repo("lin/by-grant", by=world.with_token("lin", "fine-grained", ("lin", "write")))
    too_weak = [
        world.with_token("lin", "read"),
        world.with_token("lin", "fine-grained", ("lin", "read")),
        world.with_token("lin", "fine-grained", ("models/lin/other", "write")),
    ]
    for actor in too_weak:
        with pytest.raises(hub.NamespaceDenied):
            world.repo("lin/refused", by=actor)


@pytest.mark.parametrize("name", ["tea", "Tea-1_2.3", "a", "_a_", "x" * 96, "qwen2.5-7b"])
def test_a_good_name_may_be_used(name: str) -> None:
    check_repo_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "-a", "a-", ".a", "a.", "a--b", "a..b", "x" * 97, "a b", "a\n", "茶", "a.git", "A.GIT", "a.ipynb", "a/b"],
)
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(hub.RepoNameInvalid):
        check_repo_name(name)


# --- settings and deletion


def test_settings_change_and_are_told(world: World, lin: Actor, tea: Repo) -> None:
    changed = world.write_in(hub.change_settings, tea, lin, visibility="private", gated="auto")
    assert (changed.visibility, changed.gated) == ("private", "auto")
    assert world.write_in(hub.change_settings, changed, lin, gated="").gated == ""


def test_a_deleted_repo_is_gone_with_all_its_rows(world: World, lin: Actor, tea: Repo) -> None:
    world.write_in(hub.create_tag, world.site.git, tea, "v1", lin)
    world.write_in(hub.delete_repo, tea, lin)
    assert find(world, "lin/tea") is None
    with world.site.db.read() as session:
        for table in ("refs", "repo_tags", "repo_blobs", "repo_names"):
            assert session.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0


def test_a_deleted_repos_name_may_be_used_again_and_starts_empty(world: World, lin: Actor, tea: Repo) -> None:
    world.write_in(hub.delete_repo, tea, lin)
    again = world.repo("lin/tea", by=lin)
    assert again.id != tea.id
    assert world.paths(again) == []


# --- rename and transfer


def test_a_renamed_repo_is_found_under_both_names(world: World, lin: Actor, tea: Repo) -> None:
    moved = move(world, tea, "lin/green-tea", lin)
    assert moved.repo_id == "lin/green-tea"
    assert find(world, "lin/tea") == moved
    assert find(world, "Lin/Green-Tea") == moved
    assert world.read(moved, "a.txt") == b"hello"


def test_every_former_name_leads_to_the_present_one(world: World, lin: Actor, tea: Repo) -> None:
    for name in ("lin/b", "lin/c", "lin/d"):
        moved = move(world, tea, name, lin)
    assert [find(world, name) for name in ("lin/tea", "lin/b", "lin/c", "lin/d")] == [moved] * 4


def test_a_repo_may_return_to_its_former_name(world: World, lin: Actor, tea: Repo) -> None:
    move(world, tea, "lin/b", lin)
    back = move(world, tea, "lin/tea", lin)
    assert back.repo_id == "lin/tea"
    assert find(world, "lin/b") == back


def test_only_the_case_of_a_name_may_change(world: World, lin: Actor, tea: Repo) -> None:
    assert move(world, tea, "lin/TEA", lin).repo_id == "lin/TEA"
    assert find(world, "lin/tea") == world.fresh(tea)


def test_a_former_name_may_be_taken_by_a_new_repo(world: World, lin: Actor, tea: Repo) -> None:
    move(world, tea, "lin/b", lin)
    newcomer = world.repo("lin/tea", by=lin)
    assert find(world, "lin/tea") == newcomer


def test_a_repo_moves_over_the_former_name_of_another(world: World, lin: Actor, tea: Repo) -> None:
    move(world, tea, "lin/b", lin)
    other = world.repo("lin/c", by=lin)
    moved = move(world, other, "lin/tea", lin)
    assert find(world, "lin/tea") == moved


def test_a_taken_name_is_refused(world: World, lin: Actor, tea: Repo) -> None:
    world.repo("lin/b", by=lin)
    with pytest.raises(hub.RepoExists):
        move(world, tea, "lin/B", lin)


def test_a_transfer_changes_the_owner(world: World, lin: Actor, tea: Repo, company: Owner) -> None:
    moved = move(world, tea, "company/tea", world.actor("lin"))
    assert (moved.owner_id, moved.namespace) == (company.id, "company")
    assert find(world, "lin/tea") == moved


def test_a_repo_is_not_pushed_onto_somebody_else(world: World, lin: Actor, mei: Actor, tea: Repo) -> None:
    with pytest.raises(hub.NamespaceDenied):
        move(world, tea, "mei/tea", lin)


# --- duplicate


def test_a_duplicate_has_every_ref_and_shares_every_byte(world: World, lin: Actor, mei: Actor, tea: Repo) -> None:
    weights = world.upload(tea, b"weights" * 1000, by=lin)
    plan = hub.CommitPlan("main", [hub.LfsPut("w.bin", weights.sha256)], "add weights")
    world.apply(tea, plan, by=lin)
    world.write_in(hub.create_tag, world.site.git, tea, "v1", lin, message="first")
    copy = world.write_in(hub.duplicate_repo, world.site.git, world.fresh(tea), "mei/tea", mei)
    assert world.read_in(hub.list_refs, copy) == world.read_in(hub.list_refs, tea)
    assert world.paths(copy) == ["a.txt", "w.bin"]
    assert copy.stored_bytes == 7000
    for path in world.objects(tea).path.rglob("objects/*/*"):
        if path.is_file():
            twin = world.objects(copy).path / path.relative_to(world.objects(tea).path)
            assert twin.stat().st_ino == path.stat().st_ino


def test_a_duplicate_goes_its_own_way(world: World, lin: Actor, mei: Actor, tea: Repo) -> None:
    copy = world.write_in(hub.duplicate_repo, world.site.git, tea, "mei/tea", mei)
    world.commit(copy, {"b.txt": b"mine"}, by=mei)
    world.write_in(hub.delete_repo, tea, lin)
    world.site.git.delete(tea.id)
    assert world.paths(copy) == ["a.txt", "b.txt"]
    assert world.read(copy, "a.txt") == b"hello"


def test_git_itself_finds_nothing_wrong(world: World, lin: Actor, mei: Actor, tea: Repo) -> None:
    world.commit(tea, {"a/b.txt": b"1", "a/c.txt": b"2"}, by=lin)
    copy = world.write_in(hub.duplicate_repo, world.site.git, world.fresh(tea), "mei/tea", mei)
    for repo in (tea, copy):
        world.write_in(hub.sync_refs, world.site.git, repo)
        checked = subprocess.run(
            ["git", "-C", world.site.git.path(repo.id), "fsck", "--full", "--strict"], capture_output=True, text=True
        )
        assert (checked.returncode, checked.stderr) == (0, "")
