"""Which contents a repo may refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.errors import LfsObjectMissing
from yungu.hub.models import Repo, repo_blobs, repos
from yungu.hub.service.quotas import check_contents, check_room
from yungu.kernel import clock
from yungu.kernel.db import Session, upsert
from yungu.storage import content
from yungu.storage.models import Blob, blobs


def link_upload(session: Session, repo: Repo, sha256: str, actor_id: int | None) -> None:
    """Note that the content was uploaded to this repo, so that a commit to it may name it.

    Raises QuotaExceeded, and LfsObjectMissing when a sweep has just taken it."""
    content.touch_blobs(session, [sha256])
    blob = content.find_blob(session, sha256)
    if blob is None:
        raise LfsObjectMissing([sha256])
    if not queries.holds_blob(session, repo.id, sha256, committed_only=False):
        check_room(session, repo, blob.size_bytes, uploader_id=actor_id)
    row = {"repo_id": repo.id, "sha256": sha256, "added_by": actor_id, "added_at": clock.now(), "is_committed": False}
    upsert(session, repo_blobs, row, keys=["repo_id", "sha256"], update=["added_at"])


def link_blobs(session: Session, repo: Repo, sha256s: Iterable[str], actor: Actor) -> Mapping[str, Blob]:
    """Bind contents that a commit refers to to the repo, and return them by sha256.

    Raises LfsObjectMissing when one was not uploaded to this repo and is in no repo that the actor may read,
    QuotaExceeded."""
    wanted = set(sha256s)
    if not wanted:
        return {}
    allowed = queries.readable_blobs(session, wanted, repo, actor)
    content.touch_blobs(session, allowed)
    held = content.list_blobs(session, allowed)
    if wanted - held.keys():
        raise LfsObjectMissing(sorted(wanted - held.keys()))
    check_contents(session, repo, held, actor)
    guest = actor.id if rules.is_guest(actor, repo) else None
    settled = queries.list_committed(session, repo, wanted) if guest is not None else set()
    _bind(session, repo, wanted - settled, actor, {"proposed_by": guest})
    _bind(session, repo, settled, actor, {})
    measure(session, repo)
    return held


def _bind(session: Session, repo: Repo, sha256s: Iterable[str], actor: Actor, values: Mapping[str, Any]) -> None:
    bound = {"repo_id": repo.id, "added_by": actor.id, "added_at": clock.now(), "is_committed": True, **values}
    rows = [bound | {"sha256": sha256} for sha256 in sorted(sha256s)]
    if rows:
        upsert(session, repo_blobs, rows, keys=["repo_id", "sha256"], update=["is_committed", "added_at", *values])


def measure(session: Session, repo: Repo) -> None:
    """Write down how many bytes of a repo's committed content its owner keeps."""
    total = (
        sa.select(sa.func.coalesce(sa.func.sum(blobs.c.size_bytes), 0))
        .join(repo_blobs, repo_blobs.c.sha256 == blobs.c.sha256)
        .where(repo_blobs.c.repo_id == repo.id, repo_blobs.c.is_committed, repo_blobs.c.proposed_by.is_(None))
    )
    session.execute(sa.update(repos).where(repos.c.id == repo.id).values(stored_bytes=total.scalar_subquery()))
