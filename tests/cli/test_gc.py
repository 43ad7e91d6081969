"""gc frees what nobody can reach, and nothing else, whatever happens at the same moment."""

from __future__ import annotations

import hashlib
import os
import random
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from support import xet_forge
from support.keeping import grow_old, loose_file, put_lfs, put_xet, send_xorb, silence, stored, upload_xet
from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.app import fsck, gc, lock
from yungu.app.gc import Swept
from yungu.hub import Repo
from yungu.storage import content
from yungu.storage.errors import GitObjectMissing

RAW = b"raw content" * 1000
RAW_NAME = hashlib.sha256(RAW).hexdigest()
CHUNKS = [random.Random(2).randbytes(20_000), b"tea" * 9000]


def sweep(site: Site, *, dry_run: bool = False) -> Swept:
    return gc.sweep(site, grace=timedelta(days=30), dry_run=dry_run, tell=silence)


def check_all_is_well(site: Site) -> None:
    assert [f"{found.subject}: {found.problem}" for found in fsck.check(site, tell=silence).damage] == []


@pytest.fixture
def repo(world: World, lin: Actor) -> Repo:
    """A repo with raw and Xet content."""
    repo = world.repo("lin/tea", by=lin)
    put_lfs(world, repo, {"raw.bin": RAW}, by=lin)
    put_xet(world, repo, "xet.bin", CHUNKS, by=lin)
    return repo


def delete(world: World, repo: Repo, *, by: Actor) -> None:
    world.write_in(hub.delete_repo, world.fresh(repo), by)


def test_what_refs_reach_stays_however_old_it_is(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    world.commit(repo, {"raw.bin": None, "xet.bin": None}, by=lin)
    grow_old(site)
    before = stored(site)
    assert sweep(site).freed_bytes == 0
    assert stored(site) == before
    check_all_is_well(site)


def test_a_deleted_repo_leaves_nothing_behind(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    delete(world, repo, by=lin)
    grow_old(site)
    swept = sweep(site)
    assert stored(site) == set()
    assert (swept.blobs, swept.xorbs, swept.files, swept.git_directories) == (2, 1, 2, 1)
    assert swept.freed_bytes > len(RAW) + sum(map(len, CHUNKS))
    assert list(site.git.iter_ids()) == []
    assert fsck.check(site, tell=silence).findings == []


def test_what_is_younger_than_the_grace_stays(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    delete(world, repo, by=lin)
    grow_old(site, days=29)
    before = stored(site)
    assert sweep(site).freed_bytes == 0
    assert stored(site) == before


def test_a_dry_run_foretells_the_sweep_and_changes_nothing(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    world.write_in(hub.super_squash, site.git, world.fresh(repo), "main", "squashed", lin)
    other = world.repo("lin/other", by=lin)
    put_lfs(world, other, {"more.bin": b"more" * 999}, by=lin)
    delete(world, other, by=lin)
    grow_old(site)
    files = sorted(str(path) for path in site.git.root.rglob("*"))
    told = sweep(site, dry_run=True)
    assert sorted(str(path) for path in site.git.root.rglob("*")) == files and len(stored(site)) == 3
    done = sweep(site)
    assert told.git_objects > 0 and told.blobs == 1
    assert told == done


def test_content_that_another_repo_still_refers_to_stays(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    copy = world.write_in(hub.duplicate_repo, site.git, world.fresh(repo), "lin/copy", lin)
    delete(world, repo, by=lin)
    grow_old(site)
    sweep(site)
    assert RAW_NAME in stored(site)
    assert world.paths(copy) == ["raw.bin", "xet.bin"]
    check_all_is_well(site)


def test_a_xorb_that_another_file_still_uses_stays(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    other = world.repo("lin/other", by=lin)
    put_xet(world, other, "same.bin", CHUNKS, by=lin)
    delete(world, other, by=lin)
    grow_old(site)
    assert sweep(site).xorbs == 0
    check_all_is_well(site)


def test_squashed_history_frees_its_content_and_its_objects(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    world.commit(repo, {"raw.bin": None}, by=lin)
    old = world.resolve(repo)
    world.write_in(hub.super_squash, site.git, world.fresh(repo), "main", "squashed", lin)
    grow_old(site)
    swept = sweep(site)
    assert RAW_NAME not in stored(site) and len(stored(site)) == 1
    assert (swept.bindings, swept.blobs) == (1, 1) and swept.git_objects >= 4
    assert not site.git.open(repo.id).has(old)
    assert world.fresh(repo).stored_bytes == sum(map(len, CHUNKS))
    check_all_is_well(site)


def test_an_upload_that_waits_for_its_commit_stays_within_the_grace(
    site: Site, world: World, repo: Repo, lin: Actor
) -> None:
    grow_old(site)
    put = world.upload(repo, b"waiting" * 500, by=lin)
    sweep(site)
    world.apply(repo, hub.CommitPlan(branch="main", changes=[hub.LfsPut("w.bin", put.sha256)], title="late"), by=lin)
    check_all_is_well(site)


def test_an_upload_that_nobody_committed_goes_after_the_grace_and_its_commit_is_refused(
    site: Site, world: World, repo: Repo, lin: Actor
) -> None:
    put = world.upload(repo, b"forgotten" * 500, by=lin)
    upload_xet(world, repo, [b"f" * 9000], by=lin)
    grow_old(site)
    assert sweep(site).blobs == 2
    plan = hub.CommitPlan(branch="main", changes=[hub.LfsPut("w.bin", put.sha256)], title="too late")
    with pytest.raises(hub.LfsObjectMissing):
        world.apply(repo, plan, by=lin)
    check_all_is_well(site)


def test_bytes_that_nobody_knows_go_when_they_are_old(site: Site, repo: Repo) -> None:
    def leave(data: bytes) -> str:
        with site.store.stage() as staged:
            staged.write(data)
            staged.publish(content.raw_key(staged.sha256))
            return staged.sha256

    leave(b"old")
    grow_old(site)
    young = leave(b"young")
    before = stored(site)
    assert sweep(site).files == 1
    assert len(before) - len(stored(site)) == 1 and young in stored(site)


def test_a_repo_that_cannot_be_walked_keeps_everything(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    old = world.resolve(repo)
    world.write_in(hub.super_squash, site.git, world.fresh(repo), "main", "squashed", lin)
    grow_old(site)
    tree = site.git.open(repo.id).commit(world.resolve(repo)).tree
    loose_file(site, repo, tree).unlink()
    site.git.forget(repo.id)
    before = stored(site)
    swept = sweep(site)
    assert [line.split(":")[0] for line in swept.skipped] == ["model lin/tea"]
    assert stored(site) == before and loose_file(site, repo, old).exists()


def test_nothing_is_swept_while_a_backup_copies(site: Site) -> None:
    with lock.copying(site), pytest.raises(lock.HouseBusy):
        sweep(site)
    with lock.copying(site), lock.copying(site):
        pass
    sweep(site)


def test_packing_loses_nothing_and_the_sweep_after_next_frees_what_was_in_packs(
    site: Site, world: World, repo: Repo, lin: Actor
) -> None:
    world.commit(repo, {f"f{number}.txt": str(number).encode() for number in range(1500)}, by=lin)
    old = world.resolve(repo)
    grow_old(site)
    sweep(site)
    assert len(list((site.git.path(repo.id) / "objects/pack").glob("*.pack"))) == 1
    assert len(world.paths(repo)) == 1502
    world.write_in(hub.super_squash, site.git, world.fresh(repo), "main", "squashed", lin)
    assert site.git.open(repo.id).has(old)
    check_all_is_well(site)


# --- at the same moment


def between_plan_and_deed(site: Site, happening: Callable[[], None]) -> Swept:
    """Sweep, with something happening after the plan was made."""
    plan = gc.make_plan(site, timedelta(days=30), tell=silence)
    happening()
    return gc.carry_out(site, plan, tell=silence)


@pytest.fixture
def doomed(site: Site, world: World, repo: Repo, lin: Actor) -> Repo:
    """A repo whose old content is about to be swept: the branch that held it was squashed and emptied."""
    world.commit(repo, {"raw.bin": None, "xet.bin": None}, by=lin)
    world.write_in(hub.super_squash, site.git, world.fresh(repo), "main", "squashed", lin)
    grow_old(site)
    assert sweep(site, dry_run=True).blobs == 2
    return repo


def test_an_upload_after_the_plan_keeps_its_bytes(site: Site, world: World, doomed: Repo, lin: Actor) -> None:
    between_plan_and_deed(site, lambda: put_lfs(world, doomed, {"again.bin": RAW}, by=lin))
    assert RAW_NAME in stored(site)
    check_all_is_well(site)


def test_bytes_published_but_not_yet_recorded_are_kept(site: Site, world: World, doomed: Repo, lin: Actor) -> None:
    def publish() -> None:
        with site.store.stage() as staged:
            staged.write(RAW)
            staged.publish(content.raw_key(RAW_NAME))

    between_plan_and_deed(site, publish)
    with site.db.write() as session:
        content.record_raw(session, RAW_NAME, len(RAW))
        hub.link_upload(session, doomed, RAW_NAME, lin.id)
    check_all_is_well(site)


def test_a_xorb_sent_again_after_the_plan_is_kept(site: Site, world: World, doomed: Repo, lin: Actor) -> None:
    made = xet_forge.xorb(CHUNKS)
    between_plan_and_deed(site, lambda: send_xorb(world, made, by=lin))
    assert made.hash in stored(site)
    check_all_is_well(site)


def test_a_commit_after_the_plan_keeps_what_it_binds(site: Site, world: World, doomed: Repo, lin: Actor) -> None:
    plan = hub.CommitPlan(branch="main", changes=[hub.LfsPut("back.bin", RAW_NAME)], title="back again")
    between_plan_and_deed(site, lambda: world.apply(doomed, plan, by=lin) and None)
    check_all_is_well(site)
    assert RAW_NAME in stored(site)


def test_a_commit_from_another_repo_keeps_what_it_borrows(site: Site, world: World, doomed: Repo, lin: Actor) -> None:
    other = world.repo("lin/other", by=lin)
    plan = hub.CommitPlan(branch="main", changes=[hub.LfsPut("borrowed.bin", RAW_NAME)], title="borrow")
    between_plan_and_deed(site, lambda: world.apply(other, plan, by=lin) and None)
    check_all_is_well(site)
    assert RAW_NAME in stored(site)


def test_a_branch_made_from_an_old_commit_after_the_plan_keeps_its_history(
    site: Site, world: World, repo: Repo, lin: Actor
) -> None:
    old = world.resolve(repo)
    world.write_in(hub.super_squash, site.git, world.fresh(repo), "main", "squashed", lin)
    grow_old(site)

    def rescue() -> None:
        world.write_in(hub.create_branch, site.git, world.fresh(repo), "rescued", lin, old)

    between_plan_and_deed(site, rescue)
    assert world.resolve(repo, "rescued") == old
    check_all_is_well(site)


def test_a_branch_cannot_be_made_from_a_commit_that_is_gone_though_it_was_remembered(
    site: Site, world: World, repo: Repo, lin: Actor
) -> None:
    old = world.resolve(repo)
    world.write_in(hub.super_squash, site.git, world.fresh(repo), "main", "squashed", lin)
    grow_old(site)
    assert site.git.open(repo.id).commit(old)
    elsewhere = type(site.git)(site.git.root)
    kept, site.git = site.git, elsewhere
    sweep(site)
    site.git = kept
    with pytest.raises(GitObjectMissing):
        site.git.open(repo.id).commit(old)
    with pytest.raises(hub.RevisionNotFound):
        world.write_in(hub.create_branch, site.git, world.fresh(repo), "late", lin, old)
    check_all_is_well(site)


def test_a_git_object_written_again_after_the_plan_is_kept(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    world.commit(repo, {"note.txt": b"a note"}, by=lin)
    world.commit(repo, {"note.txt": None}, by=lin)
    world.write_in(hub.super_squash, site.git, world.fresh(repo), "main", "squashed", lin)
    grow_old(site)
    written: list[hub.FilePut] = []
    between_plan_and_deed(site, lambda: written.append(world.put(repo, "note.txt", b"a note")))
    world.apply(repo, hub.CommitPlan(branch="main", changes=written, title="the note again"), by=lin)
    assert world.read(repo, "note.txt") == b"a note"
    check_all_is_well(site)


def test_sweeps_between_threads_that_upload_commit_and_delete_damage_nothing(
    site: Site, world: World, repo: Repo, lin: Actor
) -> None:
    """Everybody uses the same few contents; all is old at once, again and again."""
    contents = [bytes([number]) * 5000 for number in range(4)]
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        dice = random.Random(seed)
        mine = world.repo(f"lin/r{seed}", by=lin)
        while not stop.is_set():
            try:
                put_lfs(world, mine, {f"{dice.randrange(3)}.bin": dice.choice(contents)}, by=lin)
                put_xet(world, mine, f"{dice.randrange(3)}.x", [dice.choice(contents)], by=lin)
                world.write_in(hub.super_squash, site.git, world.fresh(mine), "main", "less", lin)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
                failures.append(error)
                return

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(6):
            grow_rows_old(site)
            sweep(site)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    check_all_is_well(site)


def grow_rows_old(site: Site) -> None:
    """Age rows and published files as they are, also of uploads that are under way."""
    import sqlalchemy as sa

    from yungu.hub.models import repo_blobs
    from yungu.kernel import clock
    from yungu.storage.models import blobs

    past = clock.now() - timedelta(days=60)
    with site.db.write() as session:
        old = list(session.scalars(sa.select(blobs.c.sha256)))
        session.execute(sa.update(blobs).values(touched_at=past))
        session.execute(sa.update(repo_blobs).where(~repo_blobs.c.is_committed).values(added_at=clock.now()))
        session.execute(sa.update(repo_blobs).where(repo_blobs.c.is_committed).values(added_at=past))
        for name in old:
            path = site.store.path(content.raw_key(name))
            if path.exists():
                os.utime(path, (past.timestamp(), past.timestamp()))
