"""git-lfs file locks."""

from __future__ import annotations

import sqlalchemy as sa

from yungu import accounts
from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.errors import LockDenied, LockTaken
from yungu.hub.models import LfsLock, Repo, lfs_locks
from yungu.kernel import clock
from yungu.kernel.db import Session


def create_lock(session: Session, repo: Repo, path: str, actor: Actor, *, ref: str | None = None) -> LfsLock:
    """Lock a path for the actor. Raises LockTaken, PathInvalid, SignInRequired."""
    if actor.id is None:
        raise accounts.SignInRequired
    rules.check_path(path)
    row = {"repo_id": repo.id, "path": path, "ref": ref, "user_id": actor.id, "locked_at": clock.now()}
    try:
        with session.begin_nested():
            session.execute(sa.insert(lfs_locks).values(row))
    except sa.exc.IntegrityError:
        holder = queries.list_locks(session, repo, path=path)
        raise LockTaken(path, holder[0].owner if holder else "somebody") from None
    return queries.list_locks(session, repo, path=path)[0]


def delete_lock(session: Session, repo: Repo, lock_id: int, actor: Actor, *, force: bool) -> LfsLock:
    """Unlock; somebody else's lock only by force and with admin rights. Raises LockNotFound, LockDenied."""
    lock = queries.get_lock(session, repo, lock_id)
    if lock.owner_id != actor.id and not (force and rules.may_admin(actor, repo)):
        raise LockDenied(lock.owner)
    session.execute(sa.delete(lfs_locks).where(lfs_locks.c.id == lock_id))
    return lock
