"""What the keeping of the house asks: about all repos, and about what they hold together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from yungu.hub.models import Repo, repo_blobs, repos
from yungu.kernel.db import Session
from yungu.storage.models import blobs


def list_repo_numbers(session: Session) -> set[int]:
    return set(session.scalars(sa.select(repos.c.id)))


def list_bound(session: Session, repo: Repo, *, before: datetime | None = None) -> set[str]:
    """The sha256 of what is bound to a repo (and was last sent or relied on before a moment)."""
    query = sa.select(repo_blobs.c.sha256).where(repo_blobs.c.repo_id == repo.id)
    if before is not None:
        query = query.where(repo_blobs.c.added_at < before)
    return set(session.scalars(query))


def list_bound_without_blob(session: Session) -> Sequence[tuple[int, str]]:
    """(repo number, sha256) of content that a repo may refer to but that the server does not hold."""
    query = sa.select(repo_blobs.c.repo_id, repo_blobs.c.sha256).where(
        ~sa.exists().where(blobs.c.sha256 == repo_blobs.c.sha256)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def list_unbound(session: Session, *, before: datetime, among: Sequence[str] | None = None) -> Sequence[str]:
    """The sha256 of content (of all, or of at most some hundred) that no repo may refer to and that nobody has sent or
    relied on since ``before``."""
    bound = sa.exists().where(repo_blobs.c.sha256 == blobs.c.sha256)
    query = sa.select(blobs.c.sha256).where(blobs.c.touched_at < before, ~bound).order_by(blobs.c.sha256)
    if among is not None:
        query = query.where(blobs.c.sha256.in_(among))
    return list(session.scalars(query))


def list_binders(session: Session, sha256s: Sequence[str], *, before: datetime) -> Mapping[str, set[int]]:
    """The numbers of the repos that may refer to each content among ``sha256s`` (at most some hundred) that nobody has
    sent or relied on since ``before``."""
    query = (
        sa.select(repo_blobs.c.sha256, repo_blobs.c.repo_id)
        .join(blobs, blobs.c.sha256 == repo_blobs.c.sha256)
        .where(blobs.c.touched_at < before, blobs.c.sha256.in_(sha256s))
    )
    found: dict[str, set[int]] = {}
    for sha256, number in session.execute(query):
        found.setdefault(sha256, set()).add(number)
    return found
