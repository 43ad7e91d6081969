"""What the hub does later, each piece in its own transaction, again and again without harm."""

from __future__ import annotations

import sqlalchemy as sa

from yungu.hub import queries
from yungu.hub.models import Repo, repos
from yungu.kernel.db import Database
from yungu.storage.git import GitStore

_AT_ONCE = 20


def measure_heads(database: Database, git: GitStore, read: queries.ReadRange) -> int:
    """Add up the files of repos whose head has moved, and read the parameter counts of models from the headers of their
    safetensors files.

    The number of repos looked at, at most 20. What is shown of sizes follows a push by seconds."""
    with database.read() as session:
        waiting = queries.list_unmeasured(session, limit=_AT_ONCE)
    for repo in waiting:
        _measure(database, git, read, repo)
    return len(waiting)


def _measure(database: Database, git: GitStore, read: queries.ReadRange, repo: Repo) -> None:
    assert repo.head is not None
    objects, found = git.open(repo.id), None
    if repo.kind == "model":
        with database.read() as session:
            found = queries.safetensors_summary(session, read, repo, objects, repo.head)
    values = {
        "content_bytes": sum(file.size_bytes for file in queries.list_files(objects, repo.head)),
        "parameters_count": found["total"] if found else None,
        "measured_head": repo.head,
    }
    with database.write() as session:
        session.execute(sa.update(repos).where(repos.c.id == repo.id).values(**values))
