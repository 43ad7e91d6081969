"""Nobody keeps more than allowed."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import accounts, hub
from yungu.accounts import Actor, QuotaExceeded

KB = 1000


def limit(world: World, actor: Actor, limit_bytes: int | None) -> None:
    assert actor.user is not None
    world.write_in(accounts.set_quota, actor.user, limit_bytes, by=None)


def used(world: World, actor: Actor) -> int:
    return world.read_in(hub.used_bytes, actor.id)


def lfs(world: World, repo: hub.Repo, path: str, data: bytes, by: Actor) -> None:
    put = world.upload(repo, data, by=by)
    plan = hub.CommitPlan("main", [hub.LfsPut(path, put.sha256, put.size_bytes)], "add")
    world.apply(repo, plan, by=by)


def test_without_a_limit_anything_fits(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    lfs(world, repo, "a.bin", b"a" * 50 * KB, lin)
    assert used(world, lin) >= 50 * KB


def test_an_upload_that_does_not_fit_is_refused_and_says_the_numbers(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    limit(world, lin, 20 * KB)
    lfs(world, repo, "a.bin", b"a" * 15 * KB, lin)
    with pytest.raises(QuotaExceeded) as refused:
        world.upload(repo, b"b" * 15 * KB, by=lin)
    assert (refused.value.owner, refused.value.limit_bytes) == ("lin", 20 * KB)
    assert "'lin'" in refused.value.message


def test_what_is_uploaded_but_not_committed_counts_for_who_sent_it(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    limit(world, lin, 20 * KB)
    world.upload(repo, b"a" * 12 * KB, by=lin)
    with pytest.raises(QuotaExceeded):
        world.upload(repo, b"b" * 12 * KB, by=lin)


def propose(world: World, repo: hub.Repo, by: Actor) -> hub.Discussion:
    return world.write_in(hub.open_discussion, world.site.git, repo, by, title="more", is_pull=True)


def send(world: World, repo: hub.Repo, pull: hub.Discussion, data: bytes, by: Actor) -> None:
    """A large and a regular file of so many bytes each, as one commit."""
    put = world.upload(repo, data, by=by)
    regular = hub.FilePut(f"{put.sha256}.txt", world.site.git.open(repo.id).write_blob(data), len(data))
    changes = [hub.LfsPut(f"{put.sha256}.bin", put.sha256, put.size_bytes), regular]
    world.apply(repo, hub.CommitPlan(pull.ref, changes, "add"), by=by)


def test_a_guest_s_proposals_use_the_guest_s_room_until_they_are_merged(world: World, lin: Actor, mei: Actor) -> None:
    repo = world.repo("lin/tea", by=lin, files={"a.txt": b"tea"})
    before = used(world, lin)
    limit(world, lin, before + 15 * KB)
    limit(world, mei, 50 * KB)
    small, large = propose(world, repo, mei), propose(world, repo, mei)
    send(world, repo, small, b"a" * 5 * KB, mei)
    send(world, repo, large, b"b" * 15 * KB, mei)
    assert (used(world, lin), used(world, mei)) == (before, 40 * KB)
    rows = {row.name: row.used_bytes for row in world.read_in(hub.list_usage, limit=9)}
    assert (rows["lin"], rows["mei"]) == (before, 40 * KB)
    with pytest.raises(QuotaExceeded) as refused:
        world.upload(repo, b"c" * 15 * KB, by=mei)
    assert refused.value.owner == "mei"

    world.write_in(hub.merge_pull_request, world.site.git, repo, small, lin)
    assert (used(world, lin), used(world, mei)) == (before + 10 * KB, 30 * KB)
    with pytest.raises(QuotaExceeded) as refused:
        world.write_in(hub.merge_pull_request, world.site.git, repo, large, lin)
    assert refused.value.owner == "lin"
    assert (used(world, lin), used(world, mei)) == (before + 10 * KB, 30 * KB)


def test_a_guest_pays_nothing_for_what_is_there_already(world: World, lin: Actor, mei: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    lfs(world, repo, "a.bin", b"a" * 5 * KB, lin)
    before = used(world, lin)
    pull = propose(world, repo, mei)
    put = hub.LfsPut("again.bin", world.upload(repo, b"a" * 5 * KB, by=mei).sha256)
    world.apply(repo, hub.CommitPlan(pull.ref, [put], "again"), by=mei)
    assert (used(world, lin), used(world, mei)) == (before, 0)
    assert world.read_in(hub.store_sizes).logical_bytes == before


def test_what_who_may_write_adds_to_a_proposal_is_the_owner_s(world: World, lin: Actor, mei: Actor) -> None:
    repo = world.repo("lin/tea", by=lin, files={"a.txt": b"tea"})
    before = used(world, lin)
    pull = propose(world, repo, mei)
    send(world, repo, pull, b"a" * 5 * KB, mei)
    send(world, repo, pull, b"a" * 5 * KB, lin)
    assert (used(world, lin), used(world, mei)) == (before + 5 * KB, 5 * KB)


def test_the_same_content_again_needs_no_more_room(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    limit(world, lin, 20 * KB)
    lfs(world, repo, "a.bin", b"a" * 15 * KB, lin)
    lfs(world, repo, "again.bin", b"a" * 15 * KB, lin)
    assert used(world, lin) < 20 * KB


def test_content_of_a_readable_repo_counts_for_whoever_commits_it(world: World, lin: Actor, mei: Actor) -> None:
    source = world.repo("mei/tea", by=mei)
    put = world.upload(source, b"a" * 15 * KB, by=mei)
    world.apply(source, hub.CommitPlan("main", [hub.LfsPut("a.bin", put.sha256)], "add"), by=mei)
    repo = world.repo("lin/tea", by=lin)
    limit(world, lin, 10 * KB)
    with pytest.raises(QuotaExceeded):
        world.apply(repo, hub.CommitPlan("main", [hub.LfsPut("a.bin", put.sha256)], "take"), by=lin)


def test_regular_files_count_as_they_are_committed(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    before = used(world, lin)
    world.commit(repo, {"a.txt": b"a" * 5 * KB}, by=lin)
    assert used(world, lin) == before + 5 * KB
    limit(world, lin, before + 6 * KB)
    with pytest.raises(QuotaExceeded):
        world.commit(repo, {"b.txt": b"b" * 5 * KB}, by=lin)
    assert world.paths(repo) == ["a.txt"]


def test_deleting_files_is_always_possible(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin, files={"a.txt": b"a" * 5 * KB})
    limit(world, lin, 0)
    world.commit(repo, {"a.txt": None}, by=lin)
    assert world.paths(repo) == []


def test_a_copy_and_a_transfer_need_room_with_the_new_owner(world: World, lin: Actor, mei: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    lfs(world, repo, "a.bin", b"a" * 15 * KB, lin)
    limit(world, mei, 10 * KB)
    with pytest.raises(QuotaExceeded):
        world.write_in(hub.duplicate_repo, world.site.git, world.fresh(repo), "mei/copy", mei)
    root = world.user("root", is_admin=True)
    with pytest.raises(QuotaExceeded):
        world.write_in(hub.move_repo, world.fresh(repo), "mei/tea", root)


def test_the_default_holds_for_whoever_has_no_limit_of_their_own(world: World, lin: Actor, mei: Actor) -> None:
    world.write_in(accounts.set_default_quota, "user", 10 * KB, by=None)
    limit(world, mei, None)
    repo, free = world.repo("lin/tea", by=lin), world.repo("mei/tea", by=mei)
    with pytest.raises(QuotaExceeded):
        world.upload(repo, b"a" * 15 * KB, by=lin)
    world.upload(free, b"a" * 15 * KB, by=mei)
    world.write_in(accounts.reset_quota, mei.user, by=None)
    with pytest.raises(QuotaExceeded):
        world.upload(free, b"b" * 15 * KB, by=mei)


def test_usage_is_listed_with_limits_the_largest_first(world: World, lin: Actor, mei: Actor) -> None:
    world.write_in(accounts.set_default_quota, "user", 90 * KB, by=None)
    limit(world, mei, None)
    lfs(world, world.repo("lin/tea", by=lin), "a.bin", b"a" * 15 * KB, lin)
    lfs(world, world.repo("mei/tea", by=mei), "a.bin", b"a" * 15 * KB, mei)
    lfs(world, world.repo("mei/more", by=mei), "b.bin", b"b" * 15 * KB, mei)

    first, second = world.read_in(hub.list_usage, limit=10)

    assert (first.name, first.repo_count, first.limit_bytes, first.has_own_limit) == ("mei", 2, None, True)
    assert (second.name, second.repo_count, second.limit_bytes, second.has_own_limit) == ("lin", 1, 90 * KB, False)
    assert first.used_bytes > second.used_bytes
    sizes = world.read_in(hub.store_sizes)
    assert (sizes.content_count, sizes.content_bytes, sizes.kept_bytes) == (2, 30 * KB, 30 * KB)
    assert sizes.logical_bytes == first.used_bytes + second.used_bytes
