"""git-lfs file locks."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from yungu.accounts.models import owners
from yungu.hub.errors import LockNotFound
from yungu.hub.models import LfsLock, Repo, lfs_locks
from yungu.kernel.db import Session

_LOCK = sa.select(
    lfs_locks.c.id, lfs_locks.c.path, lfs_locks.c.ref, owners.c.name, lfs_locks.c.user_id, lfs_locks.c.locked_at
).join(owners, owners.c.id == lfs_locks.c.user_id)


def list_locks(
    session: Session,
    repo: Repo,
    *,
    path: str | None = None,
    lock_id: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> Sequence[LfsLock]:
    """Locks of a repo by number, those greater than ``after``."""
    query = _LOCK.where(lfs_locks.c.repo_id == repo.id, lfs_locks.c.id > after).order_by(lfs_locks.c.id).limit(limit)
    if path is not None:
        query = query.where(lfs_locks.c.path == path)
    if lock_id is not None:
        query = query.where(lfs_locks.c.id == lock_id)
    return [LfsLock(*row) for row in session.execute(query)]


def get_lock(session: Session, repo: Repo, lock_id: int) -> LfsLock:
    found = list_locks(session, repo, lock_id=lock_id)
    if not found:
        raise LockNotFound(lock_id)
    return found[0]
