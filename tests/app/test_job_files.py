"""What jobs keep in files goes some time after their end, and is in backups and checks until then."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.keeping import silence
from support.purse import Purse
from support.world import World
from yungu import compute
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.app import backup, fsck, gc, job_files, lock
from yungu.app.settings import load
from yungu.app.wiring import build_site
from yungu.compute import EvaluationSpec, Job, JobTerms, Progress, RepoPlace
from yungu.compute.queries.records import job_folder, list_job_folders
from yungu.compute.service import jobs as queue
from yungu.credits import Use
from yungu.kernel import clock

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ITEMS = b'{"id": 0}\n'


class Shelf:
    """Jobs with files."""

    def __init__(self, world: World, lin: Actor) -> None:
        self.world, self.lin, self.site = world, lin, world.site

    def job(self, *, is_ended: bool = True) -> Job:
        spec = EvaluationSpec(
            RepoPlace(1, "datasets/lin/set", "0" * 40, "d.jsonl"), RepoPlace(2, "lin/tea", "0" * 40), metric="accuracy"
        )
        assert self.lin.user is not None
        terms, use = JobTerms(), Use("job", "lin/tea")
        asked = self.world.write_in(queue.ask, spec, self.lin, self.lin.user, 0, terms, use=use)
        folder = job_folder(self.site.store, asked.id)
        folder.mkdir(parents=True)
        (folder / "items.jsonl").write_bytes(ITEMS)
        (folder / "log").write_text("said\n")
        if is_ended:
            self.world.write_in(queue.claim_job, "w", number=asked.id)
            result = {"sha256": hashlib.sha256(ITEMS).hexdigest()}
            progress = Progress(1, 1, "", 0.0, 0, {})
            self.world.write_in(queue.end_job, asked.id, "w", "succeeded", "", progress, result)
        return self.now(asked)

    def now(self, job: Job) -> Job:
        found = self.world.read_in(compute.find_job, job.id)
        assert found is not None
        return found

    def damage(self, site: Site | None = None) -> list[str]:
        return [f"{found.subject}: {found.problem}" for found in fsck.check(site or self.site, tell=silence).damage]


@pytest.fixture
def shelf(world: World, lin: Actor) -> Shelf:
    return Shelf(world, lin)


def test_files_go_when_they_were_kept_for_long_enough(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    old, running = shelf.job(), shelf.job(is_ended=False)
    assert job_files.sweep(shelf.site) == 0
    later = clock.now() + timedelta(days=91)
    monkeypatch.setattr(clock, "now", lambda: later)
    young = shelf.job()
    shelf.site.job_terms = replace(shelf.site.job_terms, kept_days=0)
    assert job_files.sweep(shelf.site) == 0  # for ever
    shelf.site.job_terms = replace(shelf.site.job_terms, kept_days=90)
    with lock.copying(shelf.site):
        assert job_files.sweep(shelf.site) == 0  # what is being copied stays
    planned = gc.sweep(shelf.site, grace=timedelta(days=1), dry_run=True, tell=silence)
    assert planned.jobs == 1 and planned.freed_bytes >= len(ITEMS)
    swept = gc.sweep(shelf.site, grace=timedelta(days=1), tell=silence)
    assert (swept.jobs, list_job_folders(shelf.site.store)) == (1, [running.id, young.id])
    assert shelf.now(old).cleared_at is not None and shelf.now(young).cleared_at is None
    assert shelf.damage() == []


def test_what_a_pilot_rests_on_stays(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = shelf.job()
    later = clock.now() + timedelta(days=91)
    monkeypatch.setattr(clock, "now", lambda: later)
    monkeypatch.setattr(job_files.validation, "list_evaluated", lambda _session: frozenset({evidence.id}))
    assert job_files.sweep(shelf.site) == 0 and list_job_folders(shelf.site.store) == [evidence.id]


def test_its_own_people_may_delete_what_a_job_made_once_it_has_ended(shelf: Shelf) -> None:
    done, running = shelf.job(), shelf.job(is_ended=False)
    with pytest.raises(compute.JobNotFound):
        shelf.world.write_in(compute.clear_job, done.id, shelf.world.user("mei"))
    with pytest.raises(compute.JobInvalid, match="not ended"):
        shelf.world.write_in(compute.clear_job, running.id, shelf.lin)
    cleared = shelf.world.write_in(compute.clear_job, done.id, shelf.lin)
    assert cleared.cleared_at is not None and cleared.result == done.result
    assert job_files.sweep(shelf.site) == 1  # where the files were left behind
    assert shelf.damage() == []


def test_a_backup_has_the_files_of_jobs_and_fsck_knows_their_content(shelf: Shelf, tmp_path: Path) -> None:
    done, running = shelf.job(), shelf.job(is_ended=False)
    copied = backup.back_up(shelf.site, tmp_path / "hub.tar", tell=silence)
    assert copied.files == 4
    settings = load({}, data=str(tmp_path / "again"))
    backup.restore(tmp_path / "hub.tar", settings, tell=silence)
    again = build_site(settings)
    try:
        assert list_job_folders(again.store) == [done.id, running.id]
        assert list(compute.iter_log(again.store, done)) == ["said"]
        assert shelf.damage(again) == []
        (job_folder(again.store, done.id) / "items.jsonl").write_bytes(b'{"id": 1}\n')
        assert shelf.damage(again) == [f"job {done.id}: items.jsonl holds other bytes than it was made with"]
        (job_folder(again.store, done.id) / "items.jsonl").unlink()
        assert shelf.damage(again) == [f"job {done.id}: items.jsonl is gone"]
    finally:
        again.workers.shutdown()
        again.db.close()
    Purse(shelf.site.db).check()
