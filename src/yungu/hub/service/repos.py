"""Repos come, change, move and go."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from yungu import accounts
from yungu.accounts.models import Actor, Owner
from yungu.hub import queries, rules
from yungu.hub.errors import NamespaceDenied, RepoExists
from yungu.hub.events import RepoCreated, RepoDeleted, RepoDuplicated, RepoMoved, RepoSettingsChanged
from yungu.hub.models import CommitPlan, FilePut, Gate, Kind, Repo, Visibility, repo_blobs, repo_names, repos
from yungu.hub.service.blobs import measure
from yungu.hub.service.commits import apply_commit
from yungu.hub.service.quotas import check_quota
from yungu.hub.service.refs import move_ref
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record
from yungu.storage.git import GitObjects, GitStore


def create_repo(
    session: Session,
    git: GitStore,
    kind: Kind,
    repo_id: str,
    actor: Actor,
    *,
    visibility: Visibility | None = None,
    sdk: str | None = None,
    files: dict[str, bytes] | None = None,
) -> Repo:
    """A new repo with a first commit ("initial commit": ``.gitattributes`` and ``files``).

    ``visibility`` None: what the owner's policy says. Raises SignInRequired, NamespaceDenied, RepoNameInvalid,
    RepoExists."""
    owner, name = _place(session, repo_id, actor)
    values = {"visibility": visibility or owner.default_visibility, "sdk": sdk if kind == "space" else None}
    repo = _insert(session, kind, owner, name, actor, values)
    record(
        session,
        RepoCreated(kind=kind, repo=repo.repo_id, visibility=repo.visibility),
        actor_id=actor.id,
        repo_id=repo.id,
    )
    _first_commit(session, git, repo, actor, {".gitattributes": rules.DEFAULT_ATTRIBUTES.encode()} | (files or {}))
    return queries.get_repo_by_id(session, repo.id)


def delete_repo(session: Session, repo: Repo, actor: Actor) -> None:
    """Forget the repo's rows. Its git directory and contents without another owner are left for the sweep."""
    event = RepoDeleted(kind=repo.kind, repo=repo.repo_id, owner_id=repo.owner_id)
    record(session, event, actor_id=actor.id, repo_id=repo.id)
    session.execute(sa.delete(repos).where(repos.c.id == repo.id))


def move_repo(session: Session, repo: Repo, to: str, actor: Actor) -> Repo:
    """Rename or transfer; the former name keeps leading here. Raises NamespaceDenied, RepoNameInvalid, RepoExists."""
    owner, name = _place(session, to, actor)
    key = f"{owner.name}/{name}".casefold()
    taken = queries.find_repo(session, repo.kind, key)
    if taken is not None and taken.id != repo.id and taken.repo_id.casefold() == key:
        raise RepoExists(repo.kind, f"{owner.name}/{name}")
    if owner.id != repo.owner_id:
        check_quota(session, owner.id, repo.stored_bytes)
    before = repo.repo_id
    both = repo_names.c.key.in_((key, before.casefold()))
    session.execute(sa.delete(repo_names).where(repo_names.c.kind == repo.kind, both))
    if before.casefold() != key:
        session.execute(sa.insert(repo_names).values(kind=repo.kind, key=before.casefold(), repo_id=repo.id))
    place = {"owner_id": owner.id, "namespace": owner.name, "name": name, "key": key}
    session.execute(sa.update(repos).where(repos.c.id == repo.id).values(**place))
    record(
        session,
        RepoMoved(kind=repo.kind, before=before, after=f"{owner.name}/{name}"),
        actor_id=actor.id,
        repo_id=repo.id,
    )
    return queries.get_repo_by_id(session, repo.id)


def change_settings(
    session: Session, repo: Repo, actor: Actor, *, visibility: Visibility | None = None, gated: Gate | None = None
) -> Repo:
    values: dict[str, Any] = {}
    if visibility is not None:
        values["visibility"] = visibility
    if gated is not None:
        values["gated"] = gated
    if values:
        session.execute(sa.update(repos).where(repos.c.id == repo.id).values(**values))
        event = RepoSettingsChanged(
            visibility=visibility or repo.visibility, gated=repo.gated if gated is None else gated
        )
        record(session, event, actor_id=actor.id, repo_id=repo.id)
    return queries.get_repo_by_id(session, repo.id)


def duplicate_repo(
    session: Session, git: GitStore, source: Repo, to: str, actor: Actor, *, visibility: Visibility | None = None
) -> Repo:
    """A copy with all refs and history that shares every byte with its source."""
    owner, name = _place(session, to, actor)
    check_quota(session, owner.id, source.stored_bytes)
    values = {
        "visibility": visibility or owner.default_visibility,
        "sdk": source.sdk,
        "default_branch": source.default_branch,
    }
    repo = _insert(session, source.kind, owner, name, actor, values)
    event = RepoDuplicated(source=source.id)
    record(session, event, actor_id=actor.id, repo_id=repo.id)
    git.duplicate(source.id, repo.id)
    _copy_blobs(session, source, repo, actor)
    for ref in queries.list_refs(session, source):
        if not ref.name.startswith("refs/pr/"):
            move_ref(session, git, repo, ref.name, expect=None, to=ref.oid, actor_id=actor.id)
    return queries.get_repo_by_id(session, repo.id)


def _copy_blobs(session: Session, source: Repo, target: Repo, actor: Actor) -> None:
    c = repo_blobs.c
    rows = sa.select(sa.literal(target.id), c.sha256, sa.literal(actor.id), sa.literal(clock.now()), c.is_committed)
    names = ["repo_id", "sha256", "added_by", "added_at", "is_committed"]
    session.execute(sa.insert(repo_blobs).from_select(names, rows.where(c.repo_id == source.id, c.is_committed)))
    measure(session, target)
    git_bytes = sa.select(repos.c.git_bytes).where(repos.c.id == source.id).scalar_subquery()
    session.execute(sa.update(repos).where(repos.c.id == target.id).values(git_bytes=git_bytes))


def _place(session: Session, repo_id: str, actor: Actor) -> tuple[Owner, str]:
    if actor.user is None:
        raise accounts.SignInRequired
    namespace, _, name = repo_id.rpartition("/")
    owner = accounts.find_owner(session, namespace or actor.user.name)
    if owner is None or not rules.can_create_in(actor, owner):
        raise NamespaceDenied(namespace)
    rules.check_repo_name(name)
    return owner, name


def _insert(session: Session, kind: Kind, owner: Owner, name: str, actor: Actor, values: dict[str, Any]) -> Repo:
    repo_id, now = f"{owner.name}/{name}", clock.now()
    row = {
        "kind": kind,
        "owner_id": owner.id,
        "namespace": owner.name,
        "name": name,
        "key": repo_id.casefold(),
        "created_by": actor.id,
        "created_at": now,
        "modified_at": now,
    }
    try:
        with session.begin_nested():
            number = new_id(session.execute(sa.insert(repos).values(row | values)))
    except sa.exc.IntegrityError:
        raise RepoExists(kind, repo_id) from None
    return queries.get_repo_by_id(session, number)


def _first_commit(session: Session, git: GitStore, repo: Repo, actor: Actor, files: dict[str, bytes]) -> None:
    objects: GitObjects = git.open(repo.id)
    changes = [FilePut(path, objects.write_blob(data), len(data)) for path, data in files.items()]
    plan = CommitPlan(branch=repo.default_branch, changes=changes, title="initial commit")
    apply_commit(session, git, repo, plan, actor)
