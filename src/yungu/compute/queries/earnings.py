"""Reading what a deployment was called for, and which call a request was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from yungu.compute.models.usage import CallRecord, usages
from yungu.compute.queries.usage import get_call
from yungu.kernel.db import Session

_c = usages.c


def count_calls_by_day(session: Session, deployment_id: int, since: datetime) -> Sequence[tuple[date, int, int]]:
    """Of each UTC day with calls of a deployment: the day, how many, and the micro-credits that they cost."""
    is_sqlite = session.dialect.name == "sqlite"
    moment = _c.ended_at if is_sqlite else sa.func.timezone("UTC", _c.ended_at)
    day = sa.func.date(moment) if is_sqlite else sa.cast(moment, sa.Date)
    query = sa.select(day, sa.func.count(), sa.func.sum(_c.amount)).group_by(day).order_by(day)
    rows = session.execute(query.where(_c.deployment_id == deployment_id, _c.ended_at >= since))
    return [(one if isinstance(one, date) else date.fromisoformat(one), count, int(sum_)) for one, count, sum_ in rows]


def find_call_of_request(session: Session, user_id: int, request_id: str) -> CallRecord | None:
    """The newest call that a user made under a request id."""
    query = sa.select(_c.id).where(_c.user_id == user_id, _c.request_id == request_id)
    number = session.scalar(query.order_by(_c.id.desc()).limit(1))
    return get_call(session, number) if number is not None else None
