"""Moving refs: one row, by compare-and-swap, in the transaction that records the fact. Every dialect ends here."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.errors import RefExists, RefMoved, RefNameInvalid, RefProtected, RevisionNotFound
from yungu.hub.events import CommitPushed, RefDeleted
from yungu.hub.models import Repo, refs, repos
from yungu.hub.service.head import index_head
from yungu.hub.service.people import person
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.events import record
from yungu.storage.git import GitStore


def writable_ref(session: Session, repo: Repo, branch: str) -> str:
    """The full name of the ref that a commit to ``branch`` moves. "main" and "master" both mean the default branch
    unless a branch of that very name exists. Raises RefNameInvalid."""
    name = rules.check_branch(branch)
    default = f"refs/heads/{repo.default_branch}"
    if branch in ("main", "master") and name != default and queries.find_ref(session, repo, name) is None:
        return default
    return name


def lock_ref(session: Session, repo: Repo, name: str) -> str | None:
    """Where the ref points; nobody else can move it until this transaction ends (SQLite has one writer anyway)."""
    query = sa.select(refs.c.oid).where((refs.c.repo_id == repo.id) & (refs.c.name == name)).with_for_update()
    return session.scalar(query)


def move_ref(
    session: Session, git: GitStore, repo: Repo, name: str, *, expect: str | None, to: str | None, actor_id: int | None
) -> None:
    """Move a ref from ``expect`` (None: it must be new) to ``to`` (None: delete). Raises RefMoved, RefNameInvalid."""
    rules.check_ref_name(name)
    if expect is None:
        check_room(session, repo, name)
    if _swap(session, repo, name, expect, to) == 0:
        raise RefMoved(name)
    if to is not None and not git.open(repo.id).has(to):
        raise RevisionNotFound(to)  # swept at this moment: nobody had a ref to it
    if to is None:
        assert expect is not None
        record(session, RefDeleted(ref=name, before=expect), actor_id=actor_id, repo_id=repo.id)
        return
    if name == f"refs/heads/{repo.default_branch}":
        index_head(session, git, repo, to)
    session.execute(sa.update(repos).where(repos.c.id == repo.id).values(modified_at=clock.now()))
    record(session, CommitPushed(ref=name, before=expect, after=to), actor_id=actor_id, repo_id=repo.id)


def create_branch(
    session: Session, git: GitStore, repo: Repo, branch: str, actor: Actor, start: str | None = None
) -> None:
    """A new branch at revision ``start`` (the default branch when None). Raises RefExists, RevisionNotFound."""
    name = rules.check_branch(branch)
    if not name.startswith("refs/heads/") and not name.startswith("refs/convert/"):
        raise RefNameInvalid(branch)
    if queries.find_ref(session, repo, name) is not None:
        raise RefExists(name)
    commit = queries.resolve_revision(session, git, repo, start)
    move_ref(session, git, repo, name, expect=None, to=commit, actor_id=actor.id)


def delete_branch(session: Session, git: GitStore, repo: Repo, branch: str, actor: Actor) -> None:
    """Raises RefProtected for the default branch, RevisionNotFound when there is no such branch."""
    name = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
    if name == f"refs/heads/{repo.default_branch}":
        raise RefProtected(name)
    _delete(session, git, repo, name, branch, actor)


def create_tag(
    session: Session,
    git: GitStore,
    repo: Repo,
    tag: str,
    actor: Actor,
    *,
    revision: str | None = None,
    message: str = "",
) -> None:
    """A tag at ``revision``; with a message an annotated one. Raises RevisionNotFound, RefExists, RefNameInvalid."""
    commit = queries.resolve_revision(session, git, repo, revision)
    name = f"refs/tags/{tag}"
    rules.check_ref_name(name)
    if queries.find_ref(session, repo, name) is not None:
        raise RefExists(name)
    target = git.open(repo.id).write_tag(tag, commit, message, person(actor), clock.now()) if message else commit
    move_ref(session, git, repo, name, expect=None, to=target, actor_id=actor.id)


def delete_tag(session: Session, git: GitStore, repo: Repo, tag: str, actor: Actor) -> None:
    """Raises RevisionNotFound when there is no such tag."""
    _delete(session, git, repo, f"refs/tags/{tag}", tag, actor)


def sync_refs(session: Session, git: GitStore, repo: Repo) -> Mapping[str, str]:
    """Write the refs that are offered out for git's own binaries; returns full name to oid."""
    rows = {ref.name: ref.oid for ref in queries.offered_refs(session, repo)}
    objects = git.open(repo.id)
    with objects.locked():
        objects.project_refs(rows, repo.default_branch)
    return rows


def check_room(session: Session, repo: Repo, name: str) -> None:
    """Where refs are files, ``a`` and ``a/b`` cannot both be; no clone could hold them. Raises RefExists."""
    above = [name[:at] for at, letter in enumerate(name) if letter == "/"]
    taken = refs.c.name.in_(above) | refs.c.name.startswith(name + "/", autoescape=True)
    other = session.scalar(sa.select(refs.c.name).where(refs.c.repo_id == repo.id, taken).limit(1))
    if other is not None:
        raise RefExists(other)


def _delete(session: Session, git: GitStore, repo: Repo, name: str, typed: str, actor: Actor) -> None:
    found = queries.find_ref(session, repo, name)
    if found is None:
        raise RevisionNotFound(typed)
    move_ref(session, git, repo, name, expect=found.oid, to=None, actor_id=actor.id)


def _swap(session: Session, repo: Repo, name: str, expect: str | None, to: str | None) -> int:
    here = (refs.c.repo_id == repo.id) & (refs.c.name == name)
    if expect is None:
        try:
            with session.begin_nested():
                session.execute(sa.insert(refs).values(repo_id=repo.id, name=name, oid=to, moved_at=clock.now()))
        except sa.exc.IntegrityError:
            return 0
        return 1
    if to is None:
        return session.execute(sa.delete(refs).where(here & (refs.c.oid == expect))).rowcount
    return session.execute(
        sa.update(refs).where(here & (refs.c.oid == expect)).values(oid=to, moved_at=clock.now())
    ).rowcount
