"""Who keeps how many bytes. What an owner *uses* is logical: the large content that was ever committed to each of their
repos, and what regular files took when they were committed or pushed. What a guest proposes in a pull request is used
by the guest, until it is merged. The store itself keeps equal bytes once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from yungu.accounts.models import OwnerKind, default_quotas, owners, quotas
from yungu.hub.models import Repo, discussions, repo_blobs, repos
from yungu.kernel.db import Session, columns
from yungu.storage.models import blobs
from yungu.storage.xet.models import xorbs

_USED = sa.func.coalesce(sa.func.sum(repos.c.stored_bytes + repos.c.git_bytes), 0)
_PROPOSED_CONTENT = sa.select(sa.func.coalesce(sa.func.sum(blobs.c.size_bytes), 0)).join(
    repo_blobs, repo_blobs.c.sha256 == blobs.c.sha256
)
_PROPOSED_FILES = sa.select(sa.func.coalesce(sa.func.sum(discussions.c.git_bytes), 0))


@dataclass(frozen=True, slots=True)
class Usage:
    """What one owner uses, and may use (``limit_bytes`` None: as much as there is)."""

    owner_id: int
    kind: OwnerKind
    name: str
    repo_count: int
    used_bytes: int
    limit_bytes: int | None
    has_own_limit: bool


@dataclass(frozen=True, slots=True)
class StoreSizes:
    """``logical_bytes``: used by all owners together; ``content_bytes``: of different contents; ``kept_bytes``: on the
    disk for them, as raw files and xorbs."""

    repo_count: int
    logical_bytes: int
    git_bytes: int
    content_count: int
    content_bytes: int
    kept_bytes: int


def used_bytes(session: Session, owner_id: int) -> int:
    own = sa.select(_USED).where(repos.c.owner_id == owner_id)
    content = _PROPOSED_CONTENT.where(repo_blobs.c.proposed_by == owner_id)
    files = _PROPOSED_FILES.where(discussions.c.author_id == owner_id)
    return sum(int(session.scalar(query) or 0) for query in (own, content, files))


def pending_bytes(session: Session, uploader_id: int, *, owner_id: int | None = None) -> int:
    """What somebody has sent to repos, of one owner or of all, that no commit refers to yet."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(blobs.c.size_bytes), 0))
        .join(repo_blobs, repo_blobs.c.sha256 == blobs.c.sha256)
        .join(repos, repos.c.id == repo_blobs.c.repo_id)
        .where(repo_blobs.c.added_by == uploader_id, ~repo_blobs.c.is_committed)
    )
    if owner_id is not None:
        query = query.where(repos.c.owner_id == owner_id)
    return int(session.scalar(query) or 0)


def list_committed(session: Session, repo: Repo, sha256s: Iterable[str], *, with_proposed: bool = True) -> set[str]:
    """Those of the contents that a commit of the repo refers to, one of a guest's pull request as well."""
    wanted, found = sorted(sha256s), set[str]()
    here = (repo_blobs.c.repo_id == repo.id) & repo_blobs.c.is_committed
    if not with_proposed:
        here &= repo_blobs.c.proposed_by.is_(None)
    for start in range(0, len(wanted), 500):
        some = repo_blobs.c.sha256.in_(wanted[start : start + 500])
        found.update(session.scalars(sa.select(repo_blobs.c.sha256).where(here, some)))
    return found


def list_usage(session: Session, *, search: str = "", limit: int, offset: int = 0) -> Sequence[Usage]:
    """Owners with what they use, the largest first."""
    limit_bytes = sa.case(
        (quotas.c.owner_id.is_not(None), quotas.c.limit_bytes), else_=sa.func.max(default_quotas.c.limit_bytes)
    )
    content = _PROPOSED_CONTENT.where(repo_blobs.c.proposed_by == owners.c.id).scalar_subquery()
    files = _PROPOSED_FILES.where(discussions.c.author_id == owners.c.id).scalar_subquery()
    used = (_USED + content + files).label("used")
    query = (
        sa.select(owners.c.id, owners.c.kind, owners.c.name, sa.func.count(repos.c.id), used)
        .add_columns(limit_bytes, quotas.c.owner_id.is_not(None))
        .outerjoin(repos, repos.c.owner_id == owners.c.id)
        .outerjoin(quotas, quotas.c.owner_id == owners.c.id)
        .outerjoin(default_quotas, default_quotas.c.kind == owners.c.kind)
        .group_by(owners.c.id, quotas.c.owner_id)
        .order_by(sa.desc("used"), owners.c.id)
    )
    if search:
        query = query.where(owners.c.key.contains(search.casefold(), autoescape=True))
    return [Usage(*row) for row in session.execute(query.limit(limit).offset(offset))]


def list_repos_of(session: Session, owner_id: int) -> Sequence[Repo]:
    """Every repo of an owner, whoever asks: for whoever administers the hub."""
    query = sa.select(*columns(Repo, repos)).where(repos.c.owner_id == owner_id)
    return [Repo(*row) for row in session.execute(query.order_by(repos.c.kind, repos.c.key))]


def store_sizes(session: Session) -> StoreSizes:
    counted = sa.select(sa.func.count(), _USED, sa.func.coalesce(sa.func.sum(repos.c.git_bytes), 0)).select_from(repos)
    repo_count, logical, git = session.execute(counted).one()
    proposed = session.scalar(_PROPOSED_CONTENT.where(repo_blobs.c.proposed_by.is_not(None))) or 0
    files = int(session.scalar(_PROPOSED_FILES) or 0)
    size = sa.func.coalesce(sa.func.sum(blobs.c.size_bytes), 0)
    count, content = session.execute(sa.select(sa.func.count(), size).select_from(blobs)).one()
    raw = session.scalar(sa.select(size).where(blobs.c.has_raw)) or 0
    packed = session.scalar(sa.select(sa.func.coalesce(sa.func.sum(xorbs.c.stored_bytes), 0))) or 0
    logical, git = int(logical) + int(proposed) + files, int(git) + files
    return StoreSizes(repo_count, logical, git, count, int(content), int(raw) + int(packed))
