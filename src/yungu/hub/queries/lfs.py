"""Which LFS content a repo's refs reach."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from yungu.hub.models import LfsFile, Repo, repo_blobs
from yungu.hub.queries.files import list_files
from yungu.hub.queries.refs import list_refs
from yungu.kernel.db import Session
from yungu.storage.git import GitStore


def list_lfs_files(session: Session, git: GitStore, repo: Repo) -> Sequence[LfsFile]:
    """One entry per content at the head of any ref (branches first), by sha256."""
    where = repo_blobs.c.repo_id == repo.id
    pushed = {
        row[0]: row[1] for row in session.execute(sa.select(repo_blobs.c.sha256, repo_blobs.c.added_at).where(where))
    }
    objects, found = git.open(repo.id), dict[str, LfsFile]()
    for ref in list_refs(session, repo):
        for file in list_files(objects, objects.commit(ref.oid).oid):
            if file.pointer and file.pointer.sha256 in pushed:
                sha256, size = file.pointer.sha256, file.pointer.size_bytes
                found.setdefault(sha256, LfsFile(sha256, size, file.path, ref.name, pushed[sha256]))
    return [found[sha256] for sha256 in sorted(found)]
