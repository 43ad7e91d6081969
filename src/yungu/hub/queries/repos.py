"""Finding repos, through the one door that knows who may see them."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from yungu.accounts.errors import SignInRequired
from yungu.accounts.models import Actor
from yungu.hub import rules
from yungu.hub.errors import RepoDenied, RepoGated, RepoNotFound
from yungu.hub.models import Kind, Repo, access_requests, repo_blobs, repo_names, repos
from yungu.kernel.db import Session, columns, recall, remember
from yungu.storage.models import Blob, blobs

REPO = columns(Repo, repos)
_CONTENTS = (
    sa.select(*columns(Blob, blobs))
    .join(repo_blobs, repo_blobs.c.sha256 == blobs.c.sha256)
    .where(repo_blobs.c.is_committed)
)
_CONTENT = _CONTENTS.where(
    repo_blobs.c.repo_id == sa.bindparam("repo_id"), repo_blobs.c.sha256 == sa.bindparam("sha256")
)
_BY_KEY = sa.select(*REPO).where((repos.c.kind == sa.bindparam("kind")) & (repos.c.key == sa.bindparam("key")))
_BY_FORMER_KEY = (
    sa.select(*REPO)
    .join(repo_names, repo_names.c.repo_id == repos.c.id)
    .where((repo_names.c.kind == sa.bindparam("kind")) & (repo_names.c.key == sa.bindparam("key")))
)


def find_repo(session: Session, kind: Kind, repo_id: str) -> Repo | None:
    """The repo of that name, whatever its case, or the one that once had the name."""
    named = {"kind": kind, "key": repo_id.casefold()}
    found = recall(session, _BY_KEY, **named) or recall(session, _BY_FORMER_KEY, **named)
    return Repo(*found[0]) if found else None


def find_repo_by_id(session: Session, number: int) -> Repo | None:
    row = session.execute(sa.select(*REPO).where(repos.c.id == number)).first()
    return Repo(*row) if row else None


def get_repo_by_id(session: Session, number: int) -> Repo:
    repo = find_repo_by_id(session, number)
    if repo is None:
        raise RepoNotFound(f"#{number}")
    return repo


def visible_repo(session: Session, kind: Kind, repo_id: str, actor: Actor) -> Repo:
    """The repo, if the actor may know of it. Raises RepoNotFound alike for the missing and the hidden."""
    repo = find_repo(session, kind, repo_id)
    if repo is None or not rules.may_read(actor, repo):
        raise RepoNotFound(repo_id)
    return repo


def readable_repo(session: Session, kind: Kind, repo_id: str, actor: Actor) -> Repo:
    """A repo whose files the actor may read. Raises RepoNotFound, RepoGated."""
    asker = (actor.id, actor.scope, actor.token_id)  # the database knows all else of an actor
    return remember(
        session, (_readable_repo, kind, repo_id, *asker), lambda: _readable_repo(session, kind, repo_id, actor)
    )


def _readable_repo(session: Session, kind: Kind, repo_id: str, actor: Actor) -> Repo:
    repo = visible_repo(session, kind, repo_id, actor)
    if not is_readable(session, repo, actor):
        raise RepoGated(repo.kind, repo.repo_id)
    return repo


def writable_repo(session: Session, kind: Kind, repo_id: str, actor: Actor) -> Repo:
    """A repo that the actor may push to. Raises RepoNotFound, SignInRequired, RepoDenied."""
    repo = visible_repo(session, kind, repo_id, actor)
    if not rules.may_write(actor, repo):
        raise _denied(actor, repo, "write")
    return repo


def contributable_repo(session: Session, kind: Kind, repo_id: str, actor: Actor) -> Repo:
    """A repo that the actor may discuss and open pull requests on. Raises RepoNotFound, RepoGated, SignInRequired,
    RepoDenied."""
    repo = readable_repo(session, kind, repo_id, actor)
    if not rules.may_contribute(actor, repo):
        raise _denied(actor, repo, "write")
    return repo


def ruled_repo(session: Session, kind: Kind, repo_id: str, actor: Actor) -> Repo:
    """A repo that the actor may delete, move and configure. Raises RepoNotFound, SignInRequired, RepoDenied."""
    repo = visible_repo(session, kind, repo_id, actor)
    if not rules.may_admin(actor, repo):
        raise _denied(actor, repo, "admin")
    return repo


def is_readable(session: Session, repo: Repo, actor: Actor) -> bool:
    """Whether the actor may read the repo's files and what is said about them, by right or because of a grant."""
    return rules.may_read_files(actor, repo, is_granted=bool(repo.gated) and is_granted(session, repo, actor))


def is_granted(session: Session, repo: Repo, actor: Actor) -> bool:
    """Whether the actor was let in to this gated repo."""
    if actor.id is None:
        return False
    c = access_requests.c
    where = (c.repo_id == repo.id) & (c.user_id == actor.id) & (c.status == "accepted")
    return session.execute(sa.select(c.id).where(where)).first() is not None


def holds_blob(session: Session, number: int, sha256: str, *, committed_only: bool) -> bool:
    """Whether a commit of the repo (by its number) refers to the content; else also whether it was only uploaded."""
    where = (repo_blobs.c.repo_id == number) & (repo_blobs.c.sha256 == sha256)
    if committed_only:
        where &= repo_blobs.c.is_committed
    return session.execute(sa.select(repo_blobs.c.sha256).where(where)).first() is not None


def find_content(session: Session, repo: Repo, sha256: str) -> Blob | None:
    """The content that a file of the repo stands for, if a checked commit of the repo refers to it.

    A pointer by itself gives nobody a right to what it names: a repo's objects may hold commits that were never
    checked, because they came along with others or their own push was refused."""
    rows = recall(session, _CONTENT, repo_id=repo.id, sha256=sha256)
    return Blob(*rows[0]) if rows else None


def list_contents(session: Session, repo: Repo, sha256s: Iterable[str]) -> dict[str, Blob]:
    """The same for many, by sha256."""
    wanted = sorted(set(sha256s))
    found: dict[str, Blob] = {}
    for start in range(0, len(wanted), 500):
        query = _CONTENTS.where(repo_blobs.c.repo_id == repo.id, blobs.c.sha256.in_(wanted[start : start + 500]))
        found.update((row[0], Blob(*row)) for row in session.execute(query))
    return found


def readable_blobs(session: Session, sha256s: Iterable[str], repo: Repo, actor: Actor) -> set[str]:
    """Which contents the actor may refer to in a commit to ``repo``: those of the repo itself, and those committed to
    any repo whose files the actor may read. That somebody else's private repo holds the bytes is not told."""
    wanted = sorted(set(sha256s))
    found: set[str] = set()
    for start in range(0, len(wanted), 500):
        some = repo_blobs.c.sha256.in_(wanted[start : start + 500])
        found.update(session.scalars(sa.select(repo_blobs.c.sha256).where(some & (repo_blobs.c.repo_id == repo.id))))
        elsewhere = (
            sa.select(repo_blobs.c.sha256, *REPO)
            .join(repos, repos.c.id == repo_blobs.c.repo_id)
            .where(some & repo_blobs.c.is_committed & repo_blobs.c.sha256.not_in(found))
        )
        for sha256, *fields in session.execute(elsewhere):
            other = Repo(*fields)
            if sha256 not in found and is_readable(session, other, actor):
                found.add(sha256)
    return found


def _denied(actor: Actor, repo: Repo, wanted: str) -> SignInRequired | RepoDenied:
    return SignInRequired() if actor.user is None else RepoDenied(repo.repo_id, wanted)
