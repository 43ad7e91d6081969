"""What changed between two commits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from yungu.hub.errors import SpecInvalid
from yungu.hub.models import Discussion, Repo
from yungu.hub.queries.refs import find_ref, resolve_revision
from yungu.kernel.db import Session
from yungu.storage.git import GitObjects, GitStore

MAX_PATCH_BYTES = 4 * 1024 * 1024
_SPEC = re.compile(r"^(.+?)(\.{2,3})(.+)$", re.DOTALL)  # with no character excluded it cannot search twice


def compare(session: Session, git: GitStore, repo: Repo, spec: str) -> str:
    """A unified diff of ``base..head``, or of ``base...head`` (what head added since their common ancestor), cut at
    4 MiB. Raises SpecInvalid, RevisionNotFound."""
    base, head = compare_sides(session, git, repo, spec)
    return _patch(git.open(repo.id), base, head)


def compare_sides(session: Session, git: GitStore, repo: Repo, spec: str) -> tuple[str, str]:
    """The two commits between which a comparison lies: see `compare`. Raises SpecInvalid, RevisionNotFound."""
    found = _SPEC.match(spec)
    if found is None:
        raise SpecInvalid(spec)
    base, head = (resolve_revision(session, git, repo, found[side]) for side in (1, 3))
    return (git.open(repo.id).merge_base(base, head) or base) if found[2] == "..." else base, head


def pull_request_diff(session: Session, git: GitStore, repo: Repo, pull: Discussion) -> str:
    """What a pull request adds to its branch, as a unified diff; empty when the branch is gone."""
    sides = _sides(session, repo, pull)
    if sides is None:
        return ""
    objects = git.open(repo.id)
    return _patch(objects, objects.merge_base(*sides) or sides[0], sides[1])


def pull_sides(session: Session, git: GitStore, repo: Repo, pull: Discussion) -> tuple[str, str] | None:
    """The two commits between which a pull request lies: where it left its branch, and its last one; of a merged one
    what the branch was before, and became. None when its branch is gone."""
    objects = git.open(repo.id)
    if pull.merged_as:
        merged = objects.commit(pull.merged_as)
        return (merged.parents[0], merged.oid) if merged.parents else None
    sides = _sides(session, repo, pull)
    return (objects.merge_base(*sides) or sides[0], sides[1]) if sides else None


def find_conflicts(session: Session, git: GitStore, repo: Repo, pull: Discussion) -> Sequence[str]:
    """The paths that keep a pull request from being merged."""
    sides = _sides(session, repo, pull)
    return _conflicts(git, repo.id, *sides) if sides else ()


@lru_cache(maxsize=1024)
def _conflicts(git: GitStore, number: int, ours: str, theirs: str) -> Sequence[str]:
    """Always the same for two commits, and dear: files of megabytes are compared line by line, on every look."""
    return git.open(number).merge(ours, theirs)[1]


def _sides(session: Session, repo: Repo, pull: Discussion) -> tuple[str, str] | None:
    into, ref = find_ref(session, repo, pull.into or ""), find_ref(session, repo, pull.ref)
    return (into.oid, ref.oid) if into and ref else None


def _patch(objects: GitObjects, base: str, head: str) -> str:
    patch = objects.diff(objects.commit(base).tree, objects.commit(head).tree).patch or ""
    return patch if len(patch) <= MAX_PATCH_BYTES else patch[:MAX_PATCH_BYTES] + "\n… the rest is left out\n"
