"""Clearing out what nobody can reach any more, on a running or a stopped hub.

First a *plan* is made from what can be read; it changes nothing. Then the plan is carried out, and **every step looks
again, in the transaction that deletes**, because uploads and commits go on meanwhile. In this order, so that whatever
is cut off leaves bytes without rows (harmless, swept next time), never rows without bytes:

1. *Bindings* (which content a repo may refer to). All histories are walked from the ref rows to the pointers. A binding
   goes when no ref of its repo reaches the content and nobody sent or committed it to the repo within the grace. The
   transaction first sees that all refs still point where they did when they were walked; a commit that comes later
   binds what it refers to again, and is refused when it is no longer here. A repo that cannot be walked keeps all.
2. *Contents* (blob rows, with the Xet files behind them) that no repo is bound to and nobody touched within the grace.
   Commits and uploads touch before they rely (``content.touch_blobs``), so either the touch comes first and the row
   stays, or the row goes first and the commit is refused with the content's name.
3. *Xorbs* that no Xet file uses and nobody touched within the grace: advertised chunks first, then the row.
4. *Bytes* that have no row. A row is written only after its bytes were published, which renews their age; only bytes
   older than the grace go; the age is looked at and the bytes deleted while nobody can publish (``delete_stale``).
   So an upload that publishes before keeps its bytes, and one that publishes after makes new ones: it wins either way.
5. *Git objects* in files of their own, unreachable and older than the grace, in a transaction in which the refs are
   still those that were walked; see ``git_keeping.drop_loose`` about writers at the same moment. Packs are rewritten
   without losing anything: what is unreachable in them becomes files, and goes the next time.
6. *Git directories* whose repo was deleted, files of jobs that ended long enough ago (see ``job_files``), and what was
   left in staging by uploads that were cut off.

The grace is never less than a day, which is longer than any upload may pause."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pygit2

from yungu import hub
from yungu.api.http import Site
from yungu.app import chores, job_files
from yungu.app.lock import clearing
from yungu.hub.models import Repo
from yungu.kernel import clock
from yungu.kernel.db import Busy, Session
from yungu.kernel.errors import YunguError
from yungu.storage import content, git_keeping, xet
from yungu.storage.quarantine import sweep_quarantines

Tell = Callable[[str, int, int], None]
LEAST_GRACE = timedelta(days=1)
_STEP = 200
_TRIES = 20


@dataclass(frozen=True, slots=True)
class RepoPlan:
    """What one repo no longer needs. ``refs``: where its refs pointed when they were walked."""

    repo: Repo
    refs: dict[str, str]
    sha256s: frozenset[str]
    loose: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """What may go. ``bytes_count``: what that frees on the disk, before anything is looked at again."""

    grace: timedelta
    repos: list[RepoPlan] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    xorbs: list[xet.Xorb] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    git_directories: list[int] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)
    freed_bytes: int = 0
    skipped: list[str] = field(default_factory=list)

    @property
    def grace_seconds(self) -> float:
        return self.grace.total_seconds()


@dataclass(slots=True)
class Swept:
    """What is gone (or, after a dry run, what would go)."""

    bindings: int = 0
    blobs: int = 0
    xorbs: int = 0
    files: int = 0
    git_objects: int = 0
    git_directories: int = 0
    jobs: int = 0
    staged: int = 0
    freed_bytes: int = 0
    skipped: list[str] = field(default_factory=list)


def sweep(site: Site, *, grace: timedelta, dry_run: bool = False, tell: Tell) -> Swept:
    """Plan and carry out; a dry run only plans. Raises HouseBusy while a backup or another sweep runs."""
    with clearing(site):
        plan = make_plan(site, max(grace, LEAST_GRACE), tell=tell)
        return _expectation(plan) if dry_run else carry_out(site, plan, tell=tell)


# --- the plan


def make_plan(site: Site, grace: timedelta, *, tell: Tell) -> Plan:
    """What may go as far as can be seen now. Changes nothing."""
    plan, before = Plan(grace), clock.now() - grace
    with site.db.read() as session:
        numbers = sorted(hub.list_repo_numbers(session))
    for done, number in enumerate(numbers, 1):
        _plan_repo(site, plan, number, before)
        tell("walking the histories", done, len(numbers))
    with site.db.read() as session:
        plan.blobs = sorted(_unbound_soon(session, plan, before))
        plan.xorbs = list(_unused_soon(session, plan, before))
    plan.keys = list(_plan_keys(site, plan))
    plan.git_directories = [number for number in site.git.iter_ids() if _is_abandoned(site, plan, number, set(numbers))]
    plan.freed_bytes += sum(_folder_bytes(site.git.path(number)) for number in plan.git_directories)
    plan.jobs = job_files.list_due(site)
    plan.freed_bytes += job_files.size_of(site, plan.jobs)
    return plan


def _plan_repo(site: Site, plan: Plan, number: int, before: datetime) -> None:
    with site.db.read() as session:
        repo = hub.find_repo_by_id(session, number)
        if repo is None:
            return
        refs = {ref.name: ref.oid for ref in hub.list_refs(session, repo)}
        bound = hub.list_bound(session, repo, before=before)
    try:
        reached, pointers = _walk(site, repo, refs)
    except (YunguError, pygit2.GitError, OSError) as error:
        plan.skipped.append(f"{repo.kind} {repo.repo_id}: {error}")
        return
    path = site.git.path(number)
    old = git_keeping.list_loose(path, plan.grace_seconds) if path.exists() else []
    loose = tuple(oid for oid in old if bytes.fromhex(oid) not in reached)
    plan.freed_bytes += git_keeping.loose_bytes(path, loose)
    if loose or bound - pointers:
        plan.repos.append(RepoPlan(repo, refs, frozenset(bound - pointers), loose))


def _walk(site: Site, repo: Repo, refs: dict[str, str]) -> tuple[set[bytes], set[str]]:
    """(git objects, contents) that the refs lead to. Raises GitWalkFailed when anything is missing."""
    reached, pointers = set[bytes](), set[str]()
    if not refs:
        return reached, pointers
    objects = site.git.open(repo.id)
    for found in git_keeping.iter_reachable(objects.path, set(refs.values())):
        if found.kind == "missing":
            raise git_keeping.GitWalkFailed(f"object {found.oid} is missing")
        reached.add(bytes.fromhex(found.oid))
        if hub.may_be_pointer(found.kind, found.size_bytes):
            pointer = hub.parse_pointer(objects.read_blob(found.oid))
            if pointer is not None:
                pointers.add(pointer.sha256)
    return reached, pointers


def _unbound_soon(session: Session, plan: Plan, before: datetime) -> set[str]:
    """Old contents that no repo will be bound to."""
    going = {(planned.repo.id, sha256) for planned in plan.repos for sha256 in planned.sha256s}
    found = set(hub.list_unbound(session, before=before))
    for some in _slices(sorted({sha256 for _, sha256 in going})):
        for sha256, binders in hub.list_binders(session, some, before=before).items():
            if all((number, sha256) in going for number in binders):
                found.add(sha256)
    return found


def _unused_soon(session: Session, plan: Plan, before: datetime) -> Iterator[xet.Xorb]:
    """Old xorbs that no Xet file will use."""
    yield from xet.iter_unreferenced_xorbs(session, before)
    going = {
        blob.xet_hash
        for some in _slices(plan.blobs)
        for blob in content.list_blobs(session, some).values()
        if blob.xet_hash is not None
    }
    for xorb_hash in sorted({name for file_hash in going for name in xet.list_xorbs_of_file(session, file_hash)}):
        xorb = xet.find_xorb(session, xorb_hash)
        users = set(xet.list_files_of_xorb(session, xorb_hash, limit=len(going) + 1))
        if xorb is not None and xorb.touched_at < before and users <= going:
            yield xorb


def _plan_keys(site: Site, plan: Plan) -> Iterator[str]:
    """Old files of the byte store that have no row, or will have none."""
    going = {content.raw_key(sha256) for sha256 in plan.blobs} | {xet.xorb_key(xorb.hash) for xorb in plan.xorbs}
    for prefix in ("blobs", "xorbs"):
        for keys in _batches(site.store.iter_keys(prefix)):
            with site.db.read() as session:
                unknown = _without_row(session, keys)
            for key in keys:
                if (key in going or key in unknown) and site.store.age_seconds(key) > plan.grace_seconds:
                    plan.freed_bytes += site.store.size(key)
                    yield key


def _without_row(session: Session, keys: Sequence[str]) -> set[str]:
    by_name = {key.rpartition("/")[2]: key for key in keys}
    raw = {name for name, blob in content.list_blobs(session, by_name).items() if blob.has_raw}
    known = {content.raw_key(name) for name in raw}
    known |= {xet.xorb_key(name) for name in xet.list_known_xorbs(session, by_name)}
    return set(keys) - known


def _is_abandoned(site: Site, plan: Plan, number: int, numbers: set[int]) -> bool:
    """A repo that is only just being made has no row that others see, but a directory that was only just changed."""
    path = site.git.path(number)
    if number in numbers:
        return False
    with suppress(FileNotFoundError):
        changed_at = max(folder.stat().st_mtime for folder in (path, path / "objects"))
        return changed_at < time.time() - plan.grace_seconds
    return False


def _expectation(plan: Plan) -> Swept:
    return Swept(
        bindings=sum(len(planned.sha256s) for planned in plan.repos),
        blobs=len(plan.blobs),
        xorbs=len(plan.xorbs),
        files=len(plan.keys),
        git_objects=sum(len(planned.loose) for planned in plan.repos),
        git_directories=len(plan.git_directories),
        jobs=len(plan.jobs),
        freed_bytes=plan.freed_bytes,
        skipped=plan.skipped,
    )


# --- carrying it out


def carry_out(site: Site, plan: Plan, *, tell: Tell) -> Swept:
    """Delete what is planned, as far as it still holds when it is looked at again."""
    swept, before = Swept(skipped=list(plan.skipped)), clock.now() - plan.grace
    for done, planned in enumerate(plan.repos, 1):
        _patiently(swept, planned.repo.repo_id, partial(_sweep_repo, site, plan, planned, before, swept))
        tell("unbinding", done, len(plan.repos))
    for some in _slices(plan.blobs):
        _patiently(swept, "some contents", partial(_forget, site, some, before, swept))
    for xorb in plan.xorbs:
        with site.db.write() as session:
            swept.xorbs += xet.drop_xorb(session, xorb)
    for done, keys in enumerate(_batches(plan.keys), 1):
        _delete_bytes(site, plan, keys, swept)
        tell("deleting bytes", done * _STEP, len(plan.keys))
    for number in plan.git_directories:
        _delete_directory(site, plan, number, swept)
    swept.jobs, freed_bytes = job_files.clear(site, plan.jobs)
    swept.freed_bytes += freed_bytes
    swept.staged = site.store.sweep_staging(LEAST_GRACE.total_seconds())
    swept.staged += sweep_quarantines(site.git, LEAST_GRACE.total_seconds())
    chores.pack_repos(site, tell=tell)
    return swept


def _sweep_repo(site: Site, plan: Plan, planned: RepoPlan, before: datetime, swept: Swept) -> None:
    with site.db.write() as session:
        if not hub.unchanged_refs(session, planned.repo, planned.refs):
            swept.skipped.append(f"{planned.repo.kind} {planned.repo.repo_id}: somebody is committing to it")
            return
        swept.bindings += hub.unbind_blobs(session, planned.repo, planned.sha256s, before=before)
        if planned.loose:
            path = site.git.path(planned.repo.id)
            swept.freed_bytes += git_keeping.drop_loose(path, planned.loose, plan.grace_seconds)
            swept.git_objects += len(planned.loose)


def _forget(site: Site, sha256s: Sequence[str], before: datetime, swept: Swept) -> None:
    with site.db.write() as session:
        swept.blobs += len(hub.forget_unbound(session, sha256s, before=before))


def _delete_bytes(site: Site, plan: Plan, keys: Sequence[str], swept: Swept) -> None:
    with site.db.write() as session:
        for key in sorted(_without_row(session, keys)):
            freed = site.store.delete_stale(key, plan.grace_seconds)
            swept.files += freed > 0
            swept.freed_bytes += freed


def _delete_directory(site: Site, plan: Plan, number: int, swept: Swept) -> None:
    path = site.git.path(number)
    with site.db.write() as session:
        if not _is_abandoned(site, plan, number, hub.list_repo_numbers(session)):
            return
        size_bytes = _folder_bytes(path)
        aside = site.store.root / "tmp" / f"{number}.git"
        path.rename(aside)
    shutil.rmtree(aside)
    site.git.forget(number)
    swept.git_directories += 1
    swept.freed_bytes += size_bytes


def _patiently(swept: Swept, what: str, step: Callable[[], None]) -> None:
    """Try a step again while others write without a pause; leave it for next time in the end."""
    for _ in range(_TRIES):
        with suppress(Busy):
            step()
            return
        time.sleep(0.2)
    swept.skipped.append(f"{what}: others are writing without a pause")


def _folder_bytes(path: Path) -> int:
    return sum(file.lstat().st_blocks * 512 for file in path.rglob("*"))


def _slices(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _STEP):
        yield names[start : start + _STEP]


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for name in names:
        batch.append(name)
        if len(batch) == _STEP:
            yield batch
            batch = []
    if batch:
        yield batch
