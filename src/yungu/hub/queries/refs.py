"""Refs are rows; a revision is what a client typed, and it resolves to a commit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import sqlalchemy as sa

from yungu.hub import rules
from yungu.hub.errors import RevisionNotFound
from yungu.hub.models import Ref, Repo, refs
from yungu.kernel.db import Session, recall, remember
from yungu.storage.errors import GitObjectMissing
from yungu.storage.git import GitObjects, GitStore

_REF = sa.select(refs.c.name, refs.c.oid, refs.c.moved_at)
_REFS_BY_NAME = sa.select(refs.c.name, refs.c.oid).where(
    refs.c.repo_id == sa.bindparam("repo_id"), refs.c.name.in_([sa.bindparam("one"), sa.bindparam("other")])
)
_SHORT = re.compile(r"^[0-9a-fA-F]{5,40}$")


def find_ref(session: Session, repo: Repo, name: str) -> Ref | None:
    """The ref of that full name."""
    row = session.execute(_REF.where((refs.c.repo_id == repo.id) & (refs.c.name == name))).first()
    return Ref(*row) if row else None


def list_refs(session: Session, repo: Repo, prefix: str = "refs/") -> Sequence[Ref]:
    """All refs under ``prefix``, by name."""
    where = (refs.c.repo_id == repo.id) & refs.c.name.startswith(prefix, autoescape=True)
    return [Ref(*row) for row in session.execute(_REF.where(where).order_by(refs.c.name))]


def offered_refs(session: Session, repo: Repo) -> Sequence[Ref]:
    """All refs as git clients are shown them, by name: the default branch also by its other name, "main" or "master",
    unless a branch of that name exists. Many tools take one of the two for granted."""
    found = list_refs(session, repo)
    default = next((ref for ref in found if ref.name == f"refs/heads/{repo.default_branch}"), None)
    other = rules.other_name(repo.default_branch)
    names = {ref.name for ref in found}
    if default is None or other is None or f"refs/heads/{other}" in names:
        return found
    return sorted([*found, replace(default, name=f"refs/heads/{other}")], key=lambda ref: ref.name)


def pushed_ref(session: Session, repo: Repo, name: str) -> str:
    """The ref that a push to ``name`` moves: the default branch, where it was offered by its other name."""
    default, other = f"refs/heads/{repo.default_branch}", rules.other_name(repo.default_branch)
    is_other = other is not None and name == f"refs/heads/{other}" and find_ref(session, repo, default) is not None
    return default if is_other and find_ref(session, repo, name) is None else name


def resolve_revision(session: Session, git: GitStore, repo: Repo, revision: str | None) -> str:
    """The commit (40 hex) that ``revision`` means: a branch, a tag, a full ref, a commit id of at least 5 digits, None
    or "HEAD" for the default branch. "main" and "master" both mean the default branch where it has the other name.

    Raises RevisionNotFound, also for a repo without commits."""
    return resolve_among(session, git.open(repo.id), repo, revision)


def resolve_among(session: Session, objects: GitObjects, repo: Repo, revision: str | None) -> str:
    """Like `resolve_revision`, for who has the repo's ``objects`` open already."""
    name = repo.default_branch if revision in (None, "", "HEAD") else revision
    assert name is not None
    return remember(session, (_resolve, objects, name), lambda: _resolve(session, objects, repo, name))


def _resolve(session: Session, objects: GitObjects, repo: Repo, name: str) -> str:
    found = _ref_oid(session, repo, rules.ref_candidates(name))
    if found is None and name in ("main", "master"):
        found = _ref_oid(session, repo, (f"refs/heads/{repo.default_branch}",))
    if found is not None:
        return _peel(objects, found, name)
    if _SHORT.match(name):
        commit = objects.find_commit(name.lower())
        if commit is not None:
            return commit
    raise RevisionNotFound(name)


def _ref_oid(session: Session, repo: Repo, names: Sequence[str]) -> str | None:
    rows = recall(session, _REFS_BY_NAME, repo_id=repo.id, one=names[0], other=names[-1])
    found = {row[0]: row[1] for row in rows}
    return next((found[name] for name in names if name in found), None)


def _peel(objects: GitObjects, oid: str, name: str) -> str:
    try:
        return _commit_of(objects, oid)
    except GitObjectMissing as error:
        raise RevisionNotFound(name) from error


@lru_cache(maxsize=16384)
def _commit_of(git: GitObjects, oid: str) -> str:
    return git.commit(oid).oid
