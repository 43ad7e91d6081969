"""Nobody keeps more than allowed: looked at before bytes are taken in, and again in the transaction that keeps them."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from yungu import accounts
from yungu.hub import queries
from yungu.hub.models import Repo, repos
from yungu.kernel.db import Session
from yungu.storage.models import Blob


def check_quota(session: Session, owner_id: int, more_bytes: int, *, uploader_id: int | None = None) -> None:
    """Raises QuotaExceeded when an owner may not keep ``more_bytes`` besides what is there.

    With ``uploader_id`` what that user has sent there without committing it counts as well; what others have sent does
    not, so that nobody can use up somebody else's room by proposing something."""
    limit = accounts.get_quota(session, owner_id).limit_bytes
    if limit is None or more_bytes <= 0:
        return
    used = queries.used_bytes(session, owner_id)
    if uploader_id is not None:
        used += queries.pending_bytes(session, owner_id, uploader_id)
    if used + more_bytes > limit:
        raise accounts.QuotaExceeded(accounts.get_owner_by_id(session, owner_id).name, limit, used, more_bytes)


def check_contents(session: Session, repo: Repo, held: Mapping[str, Blob]) -> None:
    """Raises QuotaExceeded when what is new to the repo among ``held`` is more than its owner may keep."""
    if accounts.get_quota(session, repo.owner_id).limit_bytes is None:
        return
    new = held.keys() - queries.list_committed(session, repo, held)
    check_quota(session, repo.owner_id, sum(held[sha256].size_bytes for sha256 in new))


def add_git_bytes(session: Session, repo: Repo, size_bytes: int) -> None:
    """Count regular files that were committed, or a pack that was pushed. Raises QuotaExceeded."""
    check_quota(session, repo.owner_id, size_bytes)
    if size_bytes:
        more = repos.c.git_bytes + size_bytes
        session.execute(sa.update(repos).where(repos.c.id == repo.id).values(git_bytes=more))
