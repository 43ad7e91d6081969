"""Long work on the whole house, asked for by an administrator and done beside requests, one piece at a time: checks,
sweeps, backups. Each is a *run*, a row that tells how far it is and what came of it.

    number = upkeep.ask(session, "backup", {}, by=actor.id)
    run = upkeep.claim(session)          # by whoever does the work
    upkeep.tell(session, run.id, "copying", 7, 90)
    upkeep.end(session, run.id, "done", "Wrote ...")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from yungu.kernel import clock
from yungu.kernel.db import BigId, Json, Moment, Session, columns, metadata, new_id
from yungu.kernel.errors import Conflict, NotFound
from yungu.kernel.events import Event, record

Kind = Literal["fsck", "gc", "backup", "index"]
State = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]
KINDS: tuple[Kind, ...] = ("fsck", "gc", "backup", "index")
OPEN: tuple[State, ...] = ("waiting", "running")
MOST_LOG_LINES = 500


class RunNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such run.")


class AlreadyAsked(Conflict):
    def __init__(self) -> None:
        super().__init__("Such a run is waiting or under way already.")


class UpkeepAsked(Event, frozen=True, kw_only=True):
    run_id: int
    what: str


class UpkeepCancelled(Event, frozen=True, kw_only=True):
    run_id: int
    what: str


@dataclass(frozen=True, slots=True)
class Run:
    """``step``: what is being done, ``done_count`` of ``total_count``; ``log``: lines; ``result``: one sentence."""

    id: int
    kind: Kind
    options: Mapping[str, Any]
    state: State
    asked_by: int | None
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    step: str
    done_count: int
    total_count: int
    log: Sequence[str]
    result: str
    is_unwanted: bool


upkeep_runs = sa.Table(
    "upkeep_runs",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("options", Json, nullable=False, default=dict),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("asked_by", BigId),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("step", sa.String(60), nullable=False, default=""),
    sa.Column("done_count", sa.BigInteger, nullable=False, default=0),
    sa.Column("total_count", sa.BigInteger, nullable=False, default=0),
    sa.Column("log", Json, nullable=False, default=list),
    sa.Column("result", sa.String(1000), nullable=False, default=""),
    sa.Column("is_unwanted", sa.Boolean, nullable=False, default=False),
)
_RUN = columns(Run, upkeep_runs)
_c = upkeep_runs.c


# --- looking


def get_run(session: Session, number: int) -> Run:
    row = session.execute(sa.select(*_RUN).where(_c.id == number)).first()
    if row is None:
        raise RunNotFound
    return Run(*row)


def list_runs(session: Session, *, limit: int = 50) -> Sequence[Run]:
    """The newest first."""
    return [Run(*row) for row in session.execute(sa.select(*_RUN).order_by(_c.id.desc()).limit(limit))]


def last_done(session: Session) -> Mapping[str, Run]:
    """The last run of each kind that came to its end."""
    newest = sa.select(sa.func.max(_c.id)).where(_c.state == "done").group_by(_c.kind)
    return {row.kind: Run(*row) for row in session.execute(sa.select(*_RUN).where(_c.id.in_(newest)))}


def is_unwanted(session: Session, number: int) -> bool:
    """Whether somebody has cancelled a run."""
    return bool(session.scalar(sa.select(_c.is_unwanted).where(_c.id == number)))


# --- asking


def ask(session: Session, kind: Kind, options: Mapping[str, Any], *, by: int | None) -> int:
    """Put a run into the queue; its number. Raises AlreadyAsked."""
    if session.execute(sa.select(_c.id).where(_c.kind == kind, _c.state.in_(OPEN))).first():
        raise AlreadyAsked
    row = {"kind": kind, "options": dict(options), "state": "waiting", "asked_by": by, "asked_at": clock.now()}
    number = new_id(session.execute(sa.insert(upkeep_runs).values(row)))
    record(session, UpkeepAsked(run_id=number, what=kind), actor_id=by)
    return number


def cancel(session: Session, number: int, *, by: int | None) -> None:
    """A waiting run is taken out of the queue; a running one stops at its next step."""
    run = get_run(session, number)
    if run.state not in OPEN:
        return
    values: dict[str, Any] = {"is_unwanted": True}
    if run.state == "waiting":
        values |= {"state": "cancelled", "ended_at": clock.now()}
    session.execute(sa.update(upkeep_runs).where(_c.id == number).values(values))
    record(session, UpkeepCancelled(run_id=number, what=run.kind), actor_id=by)


# --- doing


def interrupt_all(session: Session) -> int:
    """At the start of whoever does the work: what was running before did not come to its end; how many."""
    values = {"state": "interrupted", "ended_at": clock.now(), "result": ""}
    return session.execute(sa.update(upkeep_runs).where(_c.state == "running").values(values)).rowcount


def claim(session: Session) -> Run | None:
    """The next waiting run, running from now on; None when there is none, or one is running."""
    if session.execute(sa.select(_c.id).where(_c.state == "running")).first():
        return None
    number = session.scalar(sa.select(_c.id).where(_c.state == "waiting").order_by(_c.id).limit(1))
    if number is None:
        return None
    waiting = (_c.id == number) & (_c.state == "waiting")
    started = sa.update(upkeep_runs).where(waiting).values(state="running", started_at=clock.now())
    return get_run(session, number) if session.execute(started).rowcount else None


def tell(session: Session, number: int, step: str, done_count: int, total_count: int, log: Sequence[str]) -> None:
    """How far a run is."""
    values = {"step": step[:60], "done_count": done_count, "total_count": total_count, "log": list(log)}
    session.execute(sa.update(upkeep_runs).where(_c.id == number).values(values))


def end(session: Session, number: int, state: State, result: str, log: Sequence[str]) -> None:
    values = {"state": state, "ended_at": clock.now(), "result": result[:1000], "log": list(log)[-MOST_LOG_LINES:]}
    session.execute(sa.update(upkeep_runs).where(_c.id == number).values(values))


def note(session: Session, kind: Kind, options: Mapping[str, Any], started_at: datetime, result: str) -> None:
    """Write down a run that the operator did by a command."""
    now = clock.now()
    row = {"kind": kind, "options": dict(options), "state": "done", "asked_at": started_at, "started_at": started_at}
    session.execute(sa.insert(upkeep_runs).values(row | {"ended_at": now, "result": result[:1000]}))
