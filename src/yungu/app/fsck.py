"""Is everything still what it was? Every byte and every reference, on a running or a stopped hub.

Nothing is changed. What a running server changes meanwhile is no damage: whatever looks wrong is looked at twice."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import pygit2
import sqlalchemy as sa

from yungu import compute, credits, hub
from yungu.api.http import Site
from yungu.compute.queries.records import ANSWERS, ITEMS, digest_of, job_folder
from yungu.hub.models import Repo
from yungu.kernel.db import Session
from yungu.kernel.errors import YunguError
from yungu.storage import content, git_keeping, xet
from yungu.storage.models import Blob

T = TypeVar("T")
Tell = Callable[[str, int, int], None]
_READ_BYTES = 1 << 20
_LINES_PER_REPO = 20
_BROKEN = (YunguError, struct.error, IndexError)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. ``is_damage`` False: it is only in the way, ``yungu gc`` takes it."""

    subject: str
    problem: str
    is_damage: bool = True


@dataclass(slots=True)
class Report:
    """``counts``: how much of what was looked at."""

    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def damage(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_damage]


def check(site: Site, *, fast: bool = False, tell: Tell) -> Report:
    """Look at everything; ``fast``: at sizes and references only, without reading the bytes."""
    report = Report()
    report.findings += _check_database(site)
    if report.findings:
        return report  # what a broken database says about the rest is not worth reading
    for name, subjects, examine in _sections(site, fast):
        report.counts[name] = len(subjects)
        report.findings += _examine_all(name, subjects, examine, tell)
    with site.db.read() as session:
        for repo_id, sha256 in hub.list_bound_without_blob(session):
            report.findings.append(Finding(f"blob {sha256}", f"repo #{repo_id} relies on it, but it is not here"))
    report.findings += _check_credits(site, report.counts)
    report.findings += _find_orphans(site)
    return report


def _sections(site: Site, fast: bool) -> Iterator[tuple[str, Sequence[object], Callable[..., Iterable[Finding]]]]:
    with site.db.read() as session:
        blobs = content.list_sha256s(session)
        xorbs = xet.list_xorb_hashes(session)
        files = xet.list_file_hashes(session)
        numbers = sorted(hub.list_repo_numbers(session))
        jobs = compute.list_results(session)
    yield "blobs", blobs, lambda sha256: _check_blob(site, sha256, fast)
    yield "xorbs", xorbs, lambda xorb_hash: _check_xorb(site, xorb_hash, fast)
    yield "xet files", files, lambda file_hash: _check_xet_file(site, file_hash, fast)
    yield "repos", numbers, lambda number: _check_repo(site, number, fast)
    if jobs:
        yield "jobs", jobs, lambda job: _check_job(site, job, fast)


def _examine_all(
    name: str, subjects: Sequence[object], examine: Callable[..., Iterable[Finding]], tell: Tell
) -> list[Finding]:
    """Look at all subjects, several at once: hashing lets other threads run."""
    found: list[Finding] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for done, findings in enumerate(pool.map(lambda subject: _twice(examine, subject), subjects), 1):
            found += findings
            tell(name, done, len(subjects))
    return found


def _twice(examine: Callable[[object], Iterable[Finding]], subject: object) -> list[Finding]:
    return list(examine(subject)) and list(examine(subject))


# --- the database


def _check_database(site: Site) -> Iterator[Finding]:
    """PostgreSQL watches over itself; a SQLite file is asked (https://sqlite.org/pragma.html#pragma_integrity_check)."""
    if not site.db.is_sqlite:
        return
    try:
        with site.db.read() as session:
            for (line,) in session.exec_driver_sql("PRAGMA integrity_check"):
                if line != "ok":
                    yield Finding("database", str(line))
            for table, row, parent, _ in session.exec_driver_sql("PRAGMA foreign_key_check"):
                yield Finding("database", f"row {row} of {table} refers to a row of {parent} that is not there")
    except sa.exc.DatabaseError as error:
        yield Finding("database", str(error.orig))


# --- credits


def _check_credits(site: Site, counts: dict[str, int]) -> Iterator[Finding]:
    """Every balance is what its transfers make it, and every call was paid with what its receipt says."""
    with site.db.snapshot() as session:
        audit = credits.replay(session)
        wrong = compute.list_wrong_receipts(session)
    if audit.transfers:
        counts["transfers"] = audit.transfers
    for difference in audit.differences:
        told = f"{difference.what}: {difference.stored} is stored, its transfers make {difference.replayed}"
        yield Finding(f"credits {difference.where}", told)
    for call_id, amount, paid in wrong:
        yield Finding(f"call {call_id}", f"its receipt says {amount} micro-credits, its hold {paid}")


# --- bytes


def _check_blob(site: Site, sha256: str, fast: bool) -> Iterator[Finding]:
    with site.db.read() as session:
        blob = content.find_blob(session, sha256)
        backing = xet.find_file(session, blob.xet_hash) if blob and blob.xet_hash else None
    if blob is None:
        return
    subject = f"blob {sha256}"
    if not blob.has_raw and blob.xet_hash is None:
        yield Finding(subject, "it has neither a raw file nor a Xet file")
    if blob.xet_hash and (backing is None or (backing.sha256, backing.size_bytes) != (sha256, blob.size_bytes)):
        yield Finding(subject, f"the Xet file {blob.xet_hash} is not there, or another one")
    if blob.has_raw:
        problem = _raw_problem(site, blob, fast)
        if problem:
            yield Finding(subject, f"{content.raw_key(sha256)} {problem}")


def _raw_problem(site: Site, blob: Blob, fast: bool) -> str | None:
    key = content.raw_key(blob.sha256)
    try:
        size = site.store.size(key)
        if size != blob.size_bytes:
            return f"has {size} bytes instead of {blob.size_bytes}"
        return None if fast or _hash(site, key) == blob.sha256 else "holds other bytes than its name says"
    except (YunguError, OSError) as error:
        return f"cannot be read: {error}"


def _hash(site: Site, key: str) -> str:
    digest = hashlib.sha256()
    with site.store.open(key) as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _check_xorb(site: Site, xorb_hash: str, fast: bool) -> Iterator[Finding]:
    with site.db.read() as session:
        xorb = xet.find_xorb(session, xorb_hash)
        if xorb is None:
            return
        index = xet.get_index(session, xorb_hash)
        advertised = xet.list_advertised(session, xorb_hash)
    try:
        if site.store.size(xet.xorb_key(xorb_hash)) != xorb.stored_bytes:
            raise xet.XorbDamaged(f"it should have {xorb.stored_bytes} bytes")
        if not fast:
            xet.check_xorb(site.store, xorb_hash, index)
        if any(xet.to_hex(index.chunk_hash(chunk)) != chunk_hash for chunk_hash, chunk in advertised):
            raise xet.XorbDamaged("it does not have the chunks that are advertised of it")
    except _BROKEN as error:
        yield Finding(f"xorb {xorb_hash}", str(error))


def _check_xet_file(site: Site, file_hash: str, fast: bool) -> Iterator[Finding]:
    with site.db.read() as session:
        file = xet.find_file(session, file_hash)
        edges = xet.list_xorbs_of_file(session, file_hash)
    if file is None:
        return
    try:
        if {term.xorb_hash for term in xet.decode_terms(file.terms)} != edges:
            raise xet.XorbMissing("its terms and its edges name different xorbs")
        if not fast:
            xet.check_file(site.store, xet.IndexReader(site.db), file)
    except _BROKEN as error:
        yield Finding(f"xet file {file_hash}", str(error))


# --- repos


def _check_repo(site: Site, number: int, fast: bool) -> Iterator[Finding]:
    with site.db.read() as session:
        repo = hub.find_repo_by_id(session, number)
        refs = {ref.name: ref.oid for ref in hub.list_refs(session, repo)} if repo else {}
    if repo is None or not refs:
        return
    subject, path = f"{repo.kind} {repo.repo_id} (#{repo.id})", site.git.path(repo.id)
    if not path.exists():
        yield Finding(subject, f"its git directory {path.relative_to(site.git.root.parent)} is gone")
        return
    if repo.head != refs.get(f"refs/heads/{repo.default_branch}"):
        yield Finding(subject, "its head is not where its default branch points")
    problems = [] if fast else git_keeping.find_damage(path, next(iter(refs.values())))
    yield from (Finding(subject, problem) for problem in problems[:_LINES_PER_REPO])
    yield from _check_reachable(site, repo, refs, subject)


def _check_reachable(site: Site, repo: Repo, refs: dict[str, str], subject: str) -> Iterator[Finding]:
    pointers = dict[str, int]()
    try:
        objects = site.git.open(repo.id)
        for found in git_keeping.iter_reachable(objects.path, set(refs.values())):
            if found.kind == "missing":
                names = ", ".join(name for name, oid in refs.items() if oid == found.oid)
                yield Finding(subject, f"object {found.oid} is missing" + (f", where {names} points" if names else ""))
            elif hub.may_be_pointer(found.kind, found.size_bytes):
                pointer = hub.parse_pointer(objects.read_blob(found.oid))
                if pointer is not None:
                    pointers[pointer.sha256] = pointer.size_bytes
    except (YunguError, pygit2.GitError) as error:
        yield Finding(subject, f"its history cannot be followed: {error}")
    with site.db.read() as session:
        yield from _check_pointers(session, repo, pointers, subject)


def _check_pointers(session: Session, repo: Repo, pointers: dict[str, int], subject: str) -> Iterator[Finding]:
    held, bound = content.list_blobs(session, pointers), hub.list_bound(session, repo)
    for sha256, size_bytes in sorted(pointers.items()):
        if sha256 not in held:
            yield Finding(subject, f"its history refers to the content {sha256}, which is not here")
        elif held[sha256].size_bytes != size_bytes:
            yield Finding(subject, f"a pointer says {size_bytes} bytes, but {sha256} has {held[sha256].size_bytes}")
        elif sha256 not in bound:
            yield Finding(subject, f"its history refers to the content {sha256}, which is not bound to it")


# --- jobs


def _check_job(site: Site, job: compute.Job, fast: bool) -> Iterator[Finding]:
    """What a job made is there, and the same: its row says the sha256."""
    path = job_folder(site.store, job.id) / (ANSWERS if job.kind == "batch" else ITEMS)
    with site.db.read() as session:
        still = compute.find_job(session, job.id)
    if still is None or still.cleared_at is not None:
        return
    if not path.exists():
        yield Finding(f"job {job.id}", f"{path.name} is gone")
    elif not fast and digest_of(path) != (job.result or {})["sha256"]:
        yield Finding(f"job {job.id}", f"{path.name} holds other bytes than it was made with")


# --- what is in the way


def _find_orphans(site: Site) -> Iterator[Finding]:
    for key in site.store.iter_keys("blobs"):
        with site.db.read() as session:
            blob = content.find_blob(session, key.rpartition("/")[2])
        if blob is None or not blob.has_raw:
            yield Finding(key, "no content refers to these bytes", is_damage=False)
    for key in site.store.iter_keys("xorbs"):
        with site.db.read() as session:
            if xet.find_xorb(session, key.rpartition("/")[2]) is None:
                yield Finding(key, "no xorb is recorded for these bytes", is_damage=False)
    with site.db.read() as session:
        numbers = hub.list_repo_numbers(session)
    for number in sorted(set(site.git.iter_ids()) - numbers):
        yield Finding(f"git directory {number}.git", "its repo was deleted", is_damage=False)
