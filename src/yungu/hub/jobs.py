"""What the hub does later, each piece in its own transaction, again and again without harm."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from yungu.hub import queries
from yungu.hub.events import HeadMeasured
from yungu.hub.models import Repo, repo_downloads, repos
from yungu.kernel import clock
from yungu.kernel.db import Database, Session
from yungu.kernel.events import record
from yungu.storage.errors import BytesNotFound, GitObjectMissing
from yungu.storage.git import GitStore

log = logging.getLogger("yungu.hub")
_AT_ONCE = 20
_DAYS_KEPT = 400
"""Downloads of days further back are kept by month."""
_FOLDED_AT_ONCE = 200


def measure_heads(database: Database, git: GitStore, read: queries.ReadRange) -> int:
    """Add up the files of repos whose head has moved, and read the parameter counts of models from the headers of their
    safetensors files. Of a damaged repo nothing is known.

    The number of repos looked at, at most 20. What is shown of sizes follows a push by seconds."""
    with database.read() as session:
        waiting = queries.list_unmeasured(session, limit=_AT_ONCE)
    measured = [(repo, _try_to_measure(database, git, read, repo)) for repo in waiting]
    if measured:
        with database.write() as session:
            for repo, found in measured:
                changed = sa.update(repos).where(repos.c.id == repo.id)
                session.execute(changed.values(measured_head=repo.head, **found))
                record(session, HeadMeasured(), actor_id=None, repo_id=repo.id)
    return len(waiting)


def fold_downloads(database: Database) -> int:
    """Put the downloads of days in months that ended long ago together, on the first day of their month, some repos in
    each transaction; of how many repos."""
    before, after, folded = (clock.now().date() - timedelta(days=_DAYS_KEPT)).replace(day=1), 0, 0
    while True:
        with database.read() as session:
            numbers = queries.list_unfolded(session, before, after=after, limit=_FOLDED_AT_ONCE)
        if not numbers:
            return folded
        with database.write() as session:
            _fold(session, numbers, before)
        after, folded = numbers[-1], folded + len(numbers)


def _fold(session: Session, numbers: Sequence[int], before: date) -> None:
    c = repo_downloads.c
    past = c.repo_id.in_(numbers) & (c.day < before)
    months: Counter[tuple[int, date]] = Counter()
    for number, day, count in session.execute(sa.select(c.repo_id, c.day, c.count).where(past)):
        months[number, day.replace(day=1)] += count
    session.execute(sa.delete(repo_downloads).where(past))
    rows = [{"repo_id": number, "day": month, "count": count} for (number, month), count in months.items()]
    session.execute(sa.insert(repo_downloads), rows)


def _try_to_measure(database: Database, git: GitStore, read: queries.ReadRange, repo: Repo) -> dict[str, Any]:
    try:
        return _measure(database, git, read, repo)
    except (BytesNotFound, GitObjectMissing) as error:
        log.warning("%s %s cannot be measured, run 'yungu fsck': %s", repo.kind, repo.repo_id, error)
        return {"content_bytes": None, "parameters_count": None}


def _measure(database: Database, git: GitStore, read: queries.ReadRange, repo: Repo) -> dict[str, Any]:
    assert repo.head is not None
    objects, weights = git.open(repo.id), None
    if repo.kind == "model":
        with database.read() as session:
            weights = queries.safetensors_summary(session, read, repo, objects, repo.head)
    size = sum(file.size_bytes for file in queries.list_files(objects, repo.head))
    return {"content_bytes": size, "parameters_count": weights["total"] if weights else None}
