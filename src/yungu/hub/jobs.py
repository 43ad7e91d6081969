"""What the hub does later, each piece in its own transaction, again and again without harm."""

from __future__ import annotations

import sqlalchemy as sa

from yungu.hub import queries
from yungu.hub.models import Repo, repos
from yungu.kernel.db import Database
from yungu.storage.git import GitStore

_AT_ONCE = 20


def measure_weights(database: Database, git: GitStore, read: queries.ReadRange) -> int:
    """Read the parameter counts of models whose head has moved from the headers of their safetensors files.

    The number of repos looked at, at most 20. A list filtered by ``num_parameters`` follows a push by seconds."""
    with database.read() as session:
        waiting = queries.list_unmeasured(session, limit=_AT_ONCE)
    for repo in waiting:
        with database.read() as session:
            found = queries.safetensors_summary(session, read, repo, git.open(repo.id), repo.head)
        _record(database, repo, found["total"] if found else None)
    return len(waiting)


def _record(database: Database, repo: Repo, count: int | None) -> None:
    values = {"parameters_count": count, "measured_head": repo.head}
    with database.write() as session:
        session.execute(sa.update(repos).where(repos.c.id == repo.id).values(**values))
