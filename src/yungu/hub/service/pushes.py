"""Commits made elsewhere: what a push brings is looked at file by file, then its refs move in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.errors import (
    FileTooBig,
    LfsObjectMissing,
    LfsSizeWrong,
    PathInvalid,
    PushRefused,
    PushTooBig,
    RefNotPushable,
    RefProtected,
    RepoDenied,
)
from yungu.hub.models import Discussion, Pointer, Repo
from yungu.hub.rules.lfs import MAX_POINTER_BYTES, MAX_REGULAR_BYTES
from yungu.hub.service.blobs import link_blobs
from yungu.hub.service.discussions import note_push
from yungu.hub.service.quotas import add_git_bytes
from yungu.hub.service.refs import move_ref
from yungu.kernel.db import Session
from yungu.kernel.errors import YunguError
from yungu.storage import content
from yungu.storage.errors import GitObjectMissing
from yungu.storage.git import GitStore
from yungu.storage.quarantine import Quarantine

MAX_CHANGES = 2_000_000
"""Changed files in all commits of a push. Twenty small trees inside each other can be as many files as one likes."""
_SUBMODULE = 0o160000
_MOST_NOTED = 50
"""Commits of one push that a pull request tells of."""
_SEEN_BLOBS, _SEEN_PATHS = 200_000, 50_000
"""Remembered as checked, 100 to 300 bytes each; beyond that some are checked again."""


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """Move the ref ``name`` from ``before`` (None: it is new) to ``after`` (None: delete it)."""

    name: str
    before: str | None
    after: str | None


def check_update(repo: Repo, update: RefUpdate) -> None:
    """Raises RefNotPushable, RefNameInvalid, RefProtected."""
    if update.name.startswith("refs/heads/"):
        rules.check_branch(update.name.removeprefix("refs/heads/"))
    elif not update.name.startswith("refs/tags/") and not _moves_pull(update):
        raise RefNotPushable(update.name)
    rules.check_ref_name(update.name)
    if update.after is None and update.name == f"refs/heads/{repo.default_branch}":
        raise RefProtected(update.name)


def check_content(
    incoming: Quarantine, updates: Iterable[RefUpdate], known: Collection[str]
) -> Collection[tuple[str, Pointer]]:
    """Look at every file of the commits that are new; returns all git-lfs pointers among them with their paths: a path
    may have another one in every commit.

    ``known``: what the repo's refs point at now. Afterwards all objects that the new commits need are there.
    Raises GitObjectMissing, PackInvalid, PathInvalid, FileTooBig, PushTooBig."""
    tips = [_check_tip(incoming, update.name, update.after) for update in updates if update.after is not None]
    pointers: set[tuple[str, Pointer]] = set()
    paths: dict[bytes, str] = {}
    seen: set[bytes] = set()
    for number, change in enumerate(incoming.iter_changes(tips, known)):
        if number == MAX_CHANGES:
            raise PushTooBig(MAX_CHANGES)
        path = paths.get(change.path) or _check_path(change.path)
        if len(paths) < _SEEN_PATHS:
            paths[change.path] = path
        blob = bytes.fromhex(change.oid)
        if change.mode == _SUBMODULE or blob in seen:
            continue
        pointer = _check_blob(incoming, change.oid, path)
        if pointer is not None:
            pointers.add((path, pointer))
        elif len(seen) < _SEEN_BLOBS:
            seen.add(blob)
    return pointers


def check_pointers(session: Session, repo: Repo, pointers: Collection[tuple[str, Pointer]], actor: Actor) -> None:
    """Raises LfsObjectMissing for content that the actor may not refer to here, LfsSizeWrong."""
    wanted = {pointer.sha256 for _, pointer in pointers}
    held = content.list_blobs(session, queries.readable_blobs(session, wanted, repo, actor))
    if wanted - held.keys():
        raise LfsObjectMissing(sorted(wanted - held.keys()))
    for path, pointer in pointers:
        if pointer.size_bytes != held[pointer.sha256].size_bytes:
            raise LfsSizeWrong(path, pointer.size_bytes, held[pointer.sha256].size_bytes)


def apply_push(
    session: Session,
    git: GitStore,
    repo: Repo,
    incoming: Quarantine,
    updates: Sequence[RefUpdate],
    pointers: Collection[tuple[str, Pointer]],
    actor: Actor,
    *,
    atomic: bool,
) -> Mapping[str, YunguError]:
    """Admit checked objects, bind their contents and move the refs; returns why which refs did not move.

    Raises PushRefused with the same when ``atomic`` and one of them did not, LfsObjectMissing, QuotaExceeded."""
    refused = _refuse_by_right(session, repo, updates, actor)
    rightful = [update for update in updates if update.name not in refused]
    if refused and (atomic or not rightful):
        raise PushRefused(refused)
    link_blobs(session, repo, (pointer.sha256 for _, pointer in pointers), actor)
    add_git_bytes(session, repo, incoming.size_bytes(), actor, [update.name for update in rightful])
    incoming.admit()
    for update in sorted(rightful, key=lambda update: (update.after is not None, update.name)):
        try:
            with session.begin_nested():
                _apply(session, git, repo, update, actor)
        except YunguError as error:
            refused[update.name] = error
    if refused and atomic:
        raise PushRefused(refused)
    return refused


def _apply(session: Session, git: GitStore, repo: Repo, update: RefUpdate, actor: Actor) -> None:
    if update.before is None and update.after is None:
        return  # git lets anybody delete what is not there
    move_ref(session, git, repo, update.name, expect=update.before, to=update.after, actor_id=actor.id)
    pull = queries.get_pull_request(session, repo, update.name)
    if pull is not None and update.before is not None and update.after is not None:
        added = islice(git.open(repo.id).log_between(update.before, update.after), _MOST_NOTED)
        for commit in reversed(list(added)):
            note_push(session, pull, commit, actor)


def _moves_pull(update: RefUpdate) -> bool:
    """Whether the update moves a pull request that is there: one is neither made nor deleted by a push."""
    return update.name.startswith("refs/pr/") and update.before is not None and update.after is not None


def _refuse_by_right(session: Session, repo: Repo, updates: Iterable[RefUpdate], actor: Actor) -> dict[str, YunguError]:
    refused: dict[str, YunguError] = {}
    for update in updates:
        try:
            _check_right(repo, update, queries.get_pull_request(session, repo, update.name), actor)
        except YunguError as error:
            refused[update.name] = error
    return refused


def _check_right(repo: Repo, update: RefUpdate, pull: Discussion | None, actor: Actor) -> None:
    """Branches and tags are for who may write, an open pull request also for its author. Raises RepoDenied,
    RefNotPushable."""
    if pull is not None and pull.status not in ("open", "draft"):
        raise RefNotPushable(update.name)
    is_own = pull is not None and pull.author_id == actor.id
    if not is_own and not rules.may_write(actor, repo):
        raise RepoDenied(repo.repo_id, "write")


def _check_tip(incoming: Quarantine, name: str, oid: str) -> str:
    commit = incoming.peel(oid)
    if name.startswith("refs/heads/") and commit != oid:
        raise GitObjectMissing(oid)  # a branch points at a commit itself, not at a tag of one
    return commit


def _check_path(raw: bytes) -> str:
    try:
        path = raw.decode()
    except UnicodeDecodeError:
        raise PathInvalid(raw.decode("utf-8", "replace"), "it is not UTF-8") from None
    rules.check_path(path)
    return path


def _check_blob(incoming: Quarantine, oid: str, path: str) -> Pointer | None:
    size = incoming.blob_size(oid)
    if size > MAX_REGULAR_BYTES:
        raise FileTooBig(path, MAX_REGULAR_BYTES)
    return rules.parse_pointer(incoming.read_blob(oid)) if 100 < size <= MAX_POINTER_BYTES else None
