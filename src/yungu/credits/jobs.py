"""What credits do later, each piece in its own transaction, again and again without harm."""

from __future__ import annotations

from datetime import datetime

from yungu.credits import queries, service
from yungu.kernel.db import Database

_AT_ONCE = 500


def tend(database: Database, now: datetime) -> int:
    """All of it; how many things were done."""
    return sweep(database, now) + expire(database, now) + warn(database, now)


def sweep(database: Database, now: datetime) -> int:
    """Return what is held by forgotten holds; how many."""
    count = 0
    with database.read() as session:
        forgotten = queries.list_expired_holds(session, now, limit=_AT_ONCE)
    for number in forgotten:
        with database.write() as session:
            count += service.time_out(session, number, now)
    return count


def expire(database: Database, now: datetime) -> int:
    """Return what is left on vouchers that are over or clawed back to their budgets; of how many."""
    count = 0
    with database.read() as session:
        closed = queries.list_closed_with_rest(session, now)
    for number in closed:
        with database.write() as session:
            count += service.collect(session, number, now) > 0
    return count


def warn(database: Database, now: datetime) -> int:
    """Tell of vouchers that will be over soon; of how many."""
    with database.read() as session:
        if not queries.list_expiring(session, now, now + service.vouchers.WARNED_AHEAD):
            return 0
    with database.write() as session:
        return service.warn(session, now)
