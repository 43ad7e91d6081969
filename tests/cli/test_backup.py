"""A backup taken from a running hub is a whole hub, on either database."""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from support import postgres
from support.keeping import put_lfs, put_xet, silence
from support.world import World
from yungu import accounts, hub
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.app import backup, fsck, lock, worker
from yungu.app.settings import Settings, load
from yungu.app.tables import metadata
from yungu.app.wiring import build_site
from yungu.hub import Repo
from yungu.kernel.db import Moment


@pytest.fixture
def repo(world: World, lin: Actor) -> Repo:
    repo = world.repo("lin/tea", by=lin, files={"README.md": b"---\ntags: [\xe8\x8c\xb6]\n---\n"})
    put_lfs(world, repo, {"raw.bin": b"raw content" * 1000}, by=lin)
    put_xet(world, repo, "xet.bin", [b"tea" * 9000], by=lin)
    world.write_in(hub.create_tag, site_git(world), world.fresh(repo), "v1", lin, message="the first")
    world.site.downloads.note(repo.id, "somebody")
    worker.flush(world.site)
    return repo


def site_git(world: World):  # type: ignore[no-untyped-def]
    return world.site.git


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Where to restore to: an empty folder and an empty database."""
    data = str(tmp_path / "restored")
    if request.param == "sqlite":
        yield load({}, data=data)
        return
    cluster: postgres.Cluster = request.getfixturevalue("cluster")
    name = cluster.create(template="template0")
    yield load({}, data=data, database_url=cluster.url(name))
    cluster.drop(name)


def rows(site: Site) -> dict[str, list[tuple[object, ...]]]:
    """Everything but what means nothing in another database."""

    def query(table: sa.Table) -> sa.Select[Any]:
        columns = [column for column in table.columns if "of_this_database" not in column.info]
        return sa.select(*columns).order_by(*table.primary_key.columns)

    with site.db.read() as session:
        return {table.name: [tuple(row) for row in session.execute(query(table))] for table in metadata.sorted_tables}


def take(site: Site, tmp_path: Path) -> Path:
    file = tmp_path / "hub.tar"
    backup.back_up(site, file, tell=silence)
    return file


def test_a_restored_hub_is_the_hub_that_was(
    site: Site, world: World, repo: Repo, lin: Actor, target: Settings, tmp_path: Path
) -> None:
    token = world.token("lin")
    before = rows(site)
    backup.restore(take(site, tmp_path), target, tell=silence)
    again = build_site(target)
    try:
        assert rows(again) == before
        assert fsck.check(again, tell=silence).findings == []
        there = World(again)
        assert there.history(repo) == world.history(repo)
        assert there.read_in(accounts.authenticate_token, again.secret, token).name == "lin"
        assert oct((target.data_path / "secret.key").stat().st_mode & 0o777) == "0o600"
        newer = there.repo("lin/newer", by=there.actor("lin"))
        assert newer.id > repo.id
    finally:
        again.workers.shutdown()
        again.db.close()


def test_numbers_of_deleted_repos_are_not_given_again_after_a_restore(
    site: Site, world: World, repo: Repo, lin: Actor, target: Settings, tmp_path: Path
) -> None:
    gone = world.repo("lin/gone", by=lin)
    world.write_in(hub.delete_repo, gone, lin)
    backup.restore(take(site, tmp_path), target, tell=silence)
    again = build_site(target)
    try:
        there = World(again)
        assert there.repo("lin/newer", by=there.actor("lin")).id > gone.id
    finally:
        again.workers.shutdown()
        again.db.close()


def test_a_backup_of_a_hub_that_is_being_written_is_consistent(
    site: Site, world: World, repo: Repo, lin: Actor, tmp_path: Path
) -> None:
    stop, failures = threading.Event(), list[BaseException]()
    written = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            try:
                number += 1
                put_lfs(world, repo, {"moving.bin": str(number).encode() * 2000}, by=lin)
                world.commit(repo, {"a.txt": str(number).encode()}, by=lin)
                world.write_in(hub.delete_repo, world.repo(f"lin/r{number}", by=lin), lin)
                written.set()
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
                failures.append(error)
                written.set()
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        written.wait(60)
        for attempt in range(3):
            file = tmp_path / f"{attempt}.tar"
            backup.back_up(site, file, tell=silence)
            settings = load({}, data=str(tmp_path / f"restored-{attempt}"))
            backup.restore(file, settings, tell=silence)
            again = build_site(settings)
            assert fsck.check(again, tell=silence).damage == []
            again.workers.shutdown()
            again.db.close()
    finally:
        stop.set()
        writer.join()
    assert failures == []


def test_the_file_can_be_read_by_its_owner_only_and_appears_whole(site: Site, repo: Repo, tmp_path: Path) -> None:
    file = take(site, tmp_path)
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("hub.tar")] == ["hub.tar"]
    with tarfile.open(file) as tar:
        assert tar.getnames()[0] == "manifest.json" and tar.getnames()[-1].startswith("database/")


def test_a_backup_that_cannot_be_written_says_so_and_leaves_nothing(site: Site, tmp_path: Path) -> None:
    with pytest.raises(backup.BackupUnwritable):
        backup.back_up(site, tmp_path / "nowhere" / "hub.tar", tell=silence)


def test_nothing_is_backed_up_while_a_sweep_runs(site: Site, tmp_path: Path) -> None:
    with lock.clearing(site), pytest.raises(lock.HouseBusy):
        take(site, tmp_path)


def test_a_folder_with_anything_in_it_is_never_touched(site: Site, repo: Repo, tmp_path: Path) -> None:
    data = tmp_path / "used"
    data.mkdir()
    (data / "mine.txt").write_text("mine")
    with pytest.raises(backup.FolderNotEmpty):
        backup.restore(take(site, tmp_path), load({}, data=str(data)), tell=silence)
    assert [path.name for path in data.iterdir()] == ["mine.txt"]


def test_a_database_with_tables_in_it_is_never_touched(
    site: Site, repo: Repo, database_url: str, tmp_path: Path
) -> None:
    settings = load({}, data=str(tmp_path / "new"), database_url=database_url)
    with pytest.raises(backup.FolderNotEmpty):
        backup.restore(take(site, tmp_path), settings, tell=silence)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_off_backup_is_refused_and_leaves_nothing(site: Site, repo: Repo, tmp_path: Path, share: float) -> None:
    file = take(site, tmp_path)
    with tarfile.open(file) as tar:
        end = max(member.offset_data + member.size for member in tar)
    os.truncate(file, int(end * share))
    with pytest.raises(backup.BackupInvalid):
        backup.restore(file, load({}, data=str(tmp_path / "new")), tell=silence)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "git/00/1.git/hooks/post-receive", "yungu.db"])
def test_a_file_that_would_leave_the_folder_or_run_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "evil.tar"
    with tarfile.open(file, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 4
        tar.addfile(member, BytesIO(b"evil"))
    with pytest.raises(backup.BackupInvalid):
        backup.restore(file, load({}, data=str(tmp_path / "new")), tell=silence)
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_no_tar_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear reader, " * 100)
    with pytest.raises(backup.BackupInvalid):
        backup.restore(file, load({}, data=str(tmp_path / "new")), tell=silence)


def test_moments_are_dumped_as_moments() -> None:
    kinds = {type(column.type) for table in metadata.sorted_tables for column in table.columns}
    assert Moment in kinds and sa.DateTime not in kinds
