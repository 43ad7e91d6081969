"""Letting go of content that no history refers to any more. Every step looks again before it deletes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from yungu.hub import queries
from yungu.hub.models import Repo, refs, repo_blobs, repos
from yungu.hub.service.blobs import measure
from yungu.kernel.db import Session, exclude_writers
from yungu.storage import content, xet
from yungu.storage.models import Blob, blobs
from yungu.storage.xet.models import xet_file_claims, xet_files, xorbs


def unchanged_refs(session: Session, repo: Repo, seen: Mapping[str, str]) -> bool:
    """Whether the refs of a repo still point where they did; if so, nobody moves them before this transaction ends."""
    exclude_writers(session, repos, refs, repo_blobs)
    return {ref.name: ref.oid for ref in queries.list_refs(session, repo)} == seen


def unbind_blobs(session: Session, repo: Repo, sha256s: Collection[str], *, before: datetime) -> int:
    """Take content from a repo, unless it was sent or relied on again since ``before``; how many were taken."""
    if not sha256s:
        return 0
    old = (repo_blobs.c.repo_id == repo.id) & (repo_blobs.c.added_at < before)
    taken = 0
    for some in _slices(sorted(sha256s)):
        taken += session.execute(sa.delete(repo_blobs).where(old, repo_blobs.c.sha256.in_(some))).rowcount
    measure(session, repo)
    return taken


def forget_unbound(session: Session, sha256s: Sequence[str], *, before: datetime) -> Sequence[Blob]:
    """Forget contents, and the Xet files behind them, that no repo may refer to and that nobody has sent or relied on
    since ``before``; those forgotten. Their bytes stay."""
    exclude_writers(session, repo_blobs, blobs, xet_files, xet_file_claims, xorbs)
    unbound = set(queries.list_unbound(session, before=before, among=sha256s))
    found = content.list_blobs(session, unbound)
    content.forget_blobs(session, sorted(found))
    for blob in found.values():
        if blob.xet_hash is not None:
            xet.drop_file(session, blob.xet_hash)
    return list(found.values())


def _slices(names: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]
