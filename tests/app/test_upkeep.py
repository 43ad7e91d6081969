"""What administrators ask for is done beside requests, one after the other, and tells how far it is."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from support.loops import run_async
from support.world import World
from yungu.accounts import Actor
from yungu.app import upkeep as worker
from yungu.app.backup import Copied
from yungu.kernel import upkeep
from yungu.kernel.upkeep import AlreadyAsked, Kind, Run


def ask(world: World, kind: Kind, **options: object) -> int:
    return world.write_in(upkeep.ask, kind, options, by=None)


def look(world: World, number: int) -> Run:
    return world.read_in(upkeep.get_run, number)


def work(world: World, until: Callable[[], bool]) -> None:
    """Let the worker run until something is so."""

    async def running() -> None:
        task = asyncio.create_task(worker.run(world.site))
        for _ in range(600):
            if await asyncio.to_thread(until):
                break
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_async(running())


def is_over(world: World, number: int) -> Callable[[], bool]:
    return lambda: look(world, number).state not in upkeep.OPEN


@pytest.fixture
def tea(world: World, lin: Actor) -> None:
    world.repo("lin/tea", by=lin, files={"a.txt": b"hello"})


@pytest.mark.usefixtures("tea")
def test_a_check_tells_what_it_looked_at(world: World) -> None:
    number = ask(world, "fsck", fast=True)
    work(world, is_over(world, number))
    run = look(world, number)
    assert run.state == "done" and "1 repos" in run.result
    assert run.started_at is not None and run.ended_at is not None
    assert any("repos" in line for line in run.log)


@pytest.mark.usefixtures("tea")
def test_damage_is_a_failure_with_its_place(world: World, lin: Actor) -> None:
    repo = world.repo("lin/green", by=lin)
    put = world.upload(repo, b"x" * 100, by=lin)
    world.site.store.path(f"blobs/{put.sha256[:2]}/{put.sha256[2:4]}/{put.sha256}").unlink()
    number = ask(world, "fsck", fast=True)
    work(world, is_over(world, number))
    run = look(world, number)
    assert run.state == "failed" and "damaged" in run.result
    assert any(put.sha256 in line for line in run.log)


@pytest.mark.usefixtures("tea")
def test_a_backup_lies_in_its_folder_and_is_remembered(world: World, tmp_path: Path) -> None:
    world.site.backups = tmp_path / "backups"
    number = ask(world, "backup")
    work(world, is_over(world, number))
    assert look(world, number).state == "done", look(world, number).result
    (file,) = world.site.backups.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    with tarfile.open(file) as tar:
        assert tar.getnames()[0] == "manifest.json"
    assert world.read_in(upkeep.last_done)["backup"].id == number


def test_a_sweep_without_deleting_says_what_would_go(world: World) -> None:
    number = ask(world, "gc", dry_run=True)
    work(world, is_over(world, number))
    assert look(world, number).result.startswith("Would free 0 bytes")


def test_the_same_is_not_asked_for_twice(world: World) -> None:
    ask(world, "gc")
    with pytest.raises(AlreadyAsked):
        ask(world, "gc")
    ask(world, "fsck")


def test_what_waits_is_taken_out_of_the_queue(world: World) -> None:
    number = ask(world, "gc")
    world.write_in(upkeep.cancel, number, by=None)
    assert look(world, number).state == "cancelled"
    assert world.write_in(upkeep.claim) is None


def test_what_runs_stops_at_its_next_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_site: object, _target: Path, *, tell: Callable[[str, int, int], None]) -> Copied:
        step = 0
        while True:
            step += 1
            tell(f"step {step}", step, 0)

    monkeypatch.setattr("yungu.app.backup.back_up", endless)
    number = ask(world, "backup")

    def is_cancelled() -> bool:
        run = look(world, number)
        if run.state == "running" and run.done_count:
            world.write_in(upkeep.cancel, number, by=None)
        return run.state == "cancelled"

    work(world, is_cancelled)
    assert look(world, number).state == "cancelled"


def test_a_server_that_is_stopped_interrupts_what_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_site: object, _target: Path, *, tell: Callable[[str, int, int], None]) -> Copied:
        step = 0
        while True:
            step += 1
            tell(f"step {step}", step, 0)

    monkeypatch.setattr("yungu.app.backup.back_up", endless)
    number = ask(world, "backup")
    work(world, lambda: look(world, number).done_count > 0)
    assert look(world, number).state == "interrupted"


def test_what_was_running_when_the_server_died_is_interrupted_and_the_next_one_runs(world: World) -> None:
    dead, after = ask(world, "backup"), ask(world, "gc", dry_run=True)
    claimed = world.write_in(upkeep.claim)
    assert claimed is not None and claimed.id == dead
    assert world.write_in(upkeep.claim) is None  # one at a time
    work(world, is_over(world, after))
    assert look(world, dead).state == "interrupted"
    assert look(world, after).state == "done"


def test_a_refusal_is_told_as_it_is(world: World, tmp_path: Path) -> None:
    world.site.backups = tmp_path / "backups"
    from yungu.app.lock import clearing

    number = ask(world, "backup")
    with clearing(world.site):
        work(world, is_over(world, number))
    run = look(world, number)
    assert run.state == "failed" and "under way" in run.result
