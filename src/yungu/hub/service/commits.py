"""Commits made through an API: plan, objects, one move of one ref."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.errors import (
    CommitEmpty,
    CommitTooBig,
    DropMissing,
    LfsSizeWrong,
    MergeConflict,
    ParentStale,
    RevisionNotFound,
)
from yungu.hub.models import Change, CommitPlan, Drop, FilePut, LfsPut, Repo
from yungu.hub.service.blobs import link_blobs
from yungu.hub.service.people import person
from yungu.hub.service.quotas import add_git_bytes
from yungu.hub.service.refs import lock_ref, move_ref, writable_ref
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.storage.git import Commit, GitObjects, GitStore

MAX_OPERATIONS = 100_000
_REGULAR = 0o100644
_ATTRIBUTES = ".gitattributes"
_MAX_ATTRIBUTES_BYTES = 1 << 20


def apply_commit(session: Session, git: GitStore, repo: Repo, plan: CommitPlan, actor: Actor) -> Commit:
    """Write the plan as one commit and move its branch there; nothing is visible unless the transaction commits.

    Without ``plan.parent`` the changes are laid onto whatever the branch holds now, so concurrent commits land one
    after the other. A plan that changes nothing returns the head as it is.
    Raises CommitEmpty, CommitTooBig, PathInvalid, DropMissing, LfsObjectMissing, LfsSizeWrong, ParentStale, RefMoved,
    RevisionNotFound, TreeConflict, QuotaExceeded."""
    _check(plan)
    objects = git.open(repo.id)
    ref = writable_ref(session, repo, plan.branch)
    head = lock_ref(session, repo, ref)
    if plan.parent is not None and not (head or "").startswith(plan.parent.lower()):
        raise ParentStale(ref)
    base = head or _starting_point(session, git, repo, ref, plan)
    tree = _write_tree(session, objects, repo, plan.changes, base, actor)
    if base is not None and head is not None and objects.commit(base).tree == tree:
        return objects.commit(base)
    message = f"{plan.title}\n\n{plan.body}".rstrip() if plan.body else plan.title
    size = sum(change.size_bytes for change in plan.changes if isinstance(change, FilePut))
    add_git_bytes(session, repo, size, actor, [ref])
    oid = objects.write_commit(tree, [base] if base else [], message, person(actor), clock.now())
    move_ref(session, git, repo, ref, expect=head, to=oid, actor_id=actor.id)
    return objects.commit(oid)


def super_squash(session: Session, git: GitStore, repo: Repo, branch: str, message: str, actor: Actor) -> Commit:
    """Replace the history of a branch by one commit with the same files."""
    ref, head = _existing(session, repo, branch)
    objects = git.open(repo.id)
    oid = objects.write_commit(objects.commit(head).tree, [], message, person(actor), clock.now())
    move_ref(session, git, repo, ref, expect=head, to=oid, actor_id=actor.id)
    return objects.commit(oid)


def revert_commit(session: Session, git: GitStore, repo: Repo, branch: str, revision: str, actor: Actor) -> Commit:
    """A new commit on ``branch`` that undoes the commit ``revision``. Raises MergeConflict, RevisionNotFound."""
    ref, head = _existing(session, repo, branch)
    objects = git.open(repo.id)
    undone = objects.commit(queries.resolve_revision(session, git, repo, revision))
    if len(undone.parents) != 1:
        raise MergeConflict([undone.oid[:12]])
    tree, conflicts = objects.revert(undone.oid, head)
    if tree is None:
        raise MergeConflict(conflicts)
    _bind_merged(session, objects, repo, objects.commit(head).tree, tree, actor)
    message = f'Revert "{undone.title}"\n\nThis reverts commit {undone.oid}.'
    oid = objects.write_commit(tree, [head], message, person(actor), clock.now())
    move_ref(session, git, repo, ref, expect=head, to=oid, actor_id=actor.id)
    return objects.commit(oid)


def merge_ref(
    session: Session, git: GitStore, repo: Repo, source: str, into: str, message: str, actor: Actor
) -> Commit:
    """Merge the full ref ``source`` into branch ``into``: a merge commit, unless nothing is to be merged.

    Raises MergeConflict with the paths, RevisionNotFound."""
    ref, head = _existing(session, repo, into)
    _, theirs = _existing(session, repo, source)
    objects = git.open(repo.id)
    if objects.is_ancestor(theirs, head):
        return objects.commit(head)
    tree, conflicts = objects.merge(head, theirs)
    if tree is None:
        raise MergeConflict(conflicts)
    _bind_merged(session, objects, repo, objects.commit(head).tree, tree, actor)
    oid = objects.write_commit(tree, [head, theirs], message, person(actor), clock.now())
    move_ref(session, git, repo, ref, expect=head, to=oid, actor_id=actor.id)
    return objects.commit(oid)


def _check(plan: CommitPlan) -> None:
    if not plan.changes:
        raise CommitEmpty
    if len(plan.changes) > MAX_OPERATIONS:
        raise CommitTooBig(MAX_OPERATIONS)
    for change in plan.changes:
        if not isinstance(change, Drop):
            rules.check_path(change.path)


def _starting_point(session: Session, git: GitStore, repo: Repo, ref: str, plan: CommitPlan) -> str | None:
    """Where a branch that does not exist yet begins: at ``plan.base``, or nowhere in a repo without commits."""
    if plan.create_branch:
        return queries.resolve_revision(session, git, repo, plan.base) if repo.head else None
    if ref == f"refs/heads/{repo.default_branch}":
        return None
    raise RevisionNotFound(plan.branch)


def _write_tree(
    session: Session, objects: GitObjects, repo: Repo, changes: Sequence[Change], base: str | None, actor: Actor
) -> str:
    tree = objects.commit(base).tree if base else None
    changes = [_meant(objects, change) for change in changes]
    pointers = _write_pointers(session, objects, repo, changes, actor)
    puts: dict[str, tuple[str, int]] = {}
    drops: list[str] = []
    for change in changes:
        match change:
            case FilePut():
                puts[change.path] = (change.oid, _REGULAR)
            case LfsPut():
                puts[change.path] = (pointers[change.path], _REGULAR)
            case Drop():
                drops += _existing_paths(objects, tree, change)
    if pointers:
        puts |= _tracking(objects, tree, puts, pointers)
    return objects.edit_tree(tree, puts, drops)


def _tracking(
    objects: GitObjects, tree: str | None, puts: Mapping[str, tuple[str, int]], pointers: Iterable[str]
) -> Mapping[str, tuple[str, int]]:
    """The ``.gitattributes`` with a line for each pointer that none tracks, without which git clones would show the
    pointer in place of the content; nothing when all are tracked."""
    held = objects.entry(tree, _ATTRIBUTES) if tree else None
    oid = puts[_ATTRIBUTES][0] if _ATTRIBUTES in puts else (held.oid if held and held.kind == "file" else None)
    if oid is not None and objects.blob_size(oid) > _MAX_ATTRIBUTES_BYTES:
        return {}
    text = objects.read_blob(oid).decode("utf-8", "surrogateescape") if oid else ""
    decider = rules.LfsDecider(text)
    lines = [rules.tracking_line(path) for path in pointers if not decider.tracks(path)]
    if not lines:
        return {}
    between = "" if not text or text.endswith("\n") else "\n"
    data = f"{text}{between}{''.join(lines)}".encode("utf-8", "surrogateescape")
    return {_ATTRIBUTES: (objects.write_blob(data), _REGULAR)}


def _meant(objects: GitObjects, change: Change) -> Change:
    """A file that is a pointer stands for its content: whoever commits it needs the same right to that content."""
    if isinstance(change, FilePut) and rules.may_be_pointer("blob", change.size_bytes):
        pointer = rules.parse_pointer(objects.read_blob(change.oid))
        if pointer is not None:
            return LfsPut(change.path, pointer.sha256, pointer.size_bytes)
    return change


def _write_pointers(
    session: Session, objects: GitObjects, repo: Repo, changes: Sequence[Change], actor: Actor
) -> dict[str, str]:
    puts = [change for change in changes if isinstance(change, LfsPut)]
    held = link_blobs(session, repo, (put.sha256 for put in puts), actor)
    written: dict[str, str] = {}
    for put in puts:
        size = held[put.sha256].size_bytes
        if put.size_bytes is not None and put.size_bytes != size:
            raise LfsSizeWrong(put.path, put.size_bytes, size)
        written[put.path] = objects.write_blob(rules.make_pointer(put.sha256, size))
    return written


def _bind_merged(session: Session, objects: GitObjects, repo: Repo, before: str, after: str, actor: Actor) -> None:
    """Bind the contents that a merged tree refers to: out of lines of two files that are no pointers, a merge can put
    together one that is, and nobody has checked that. Raises LfsObjectMissing."""
    blobs = (
        oid for oid in objects.changed_blobs(before, after) if rules.may_be_pointer("blob", objects.blob_size(oid))
    )
    pointers = (rules.parse_pointer(objects.read_blob(oid)) for oid in blobs)
    link_blobs(session, repo, (pointer.sha256 for pointer in pointers if pointer is not None), actor)


def _existing_paths(objects: GitObjects, tree: str | None, drop: Drop) -> Sequence[str]:
    path = drop.path.strip("/")
    if path and tree is not None and objects.entry(tree, path) is not None:
        return [path]
    if drop.is_optional:
        return []
    raise DropMissing(drop.path)


def _existing(session: Session, repo: Repo, branch: str) -> tuple[str, str]:
    ref = writable_ref(session, repo, branch)
    head = lock_ref(session, repo, ref)
    if head is None:
        raise RevisionNotFound(branch)
    return ref, head
