"""Rows and values of pilots: what was agreed, what was measured, what came of it.

Shares of budgets are micro-credits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import msgspec
import sqlalchemy as sa

from yungu.kernel.db import BigId, Json, Moment, metadata
from yungu.scenarios.models import Operator

PilotState = Literal["drafting", "agreed", "accepted", "failed", "cancelled"]
Party = Literal["demand", "provider"]
Source = Literal["evaluation", "evidence"]
Outcome = Literal["met", "missed", "unknown"]


class Goal(msgspec.Struct, frozen=True):
    """One indicator that acceptance hangs on: ``metric`` ``op`` ``value`` ``unit``, shown by ``method``.

    ``source``: whether the bound evaluation measures it (as its figure ``metric``) or evidence that the demand side
    confirms. ``is_confident``: the bound of the 95 % interval must meet it, not only the figure itself."""

    metric: str
    op: Operator
    value: float
    unit: str = ""
    method: str = ""
    source: Source = "evidence"
    is_mandatory: bool = True
    is_confident: bool = False
    baseline: float | None = None


class Bench(msgspec.Struct, frozen=True):
    """The private evaluation, as `yungu.compute.EvaluationSpec` has it: a file of JSON lines in a dataset repo at a
    commit, of which the provider's program gets the input and only the scorer the label, and who scores: ``metric``,
    one that `compute` knows, or the repo ``scorer`` at a commit."""

    dataset: str
    commit: str
    path: str = "data.jsonl"
    input_field: str = "input"
    label_field: str = "label"
    metric: str = ""
    scorer: str = ""
    scorer_commit: str = ""
    seed: int = 0


class Terms(msgspec.Struct, frozen=True):
    """What both sides sign before anything starts. ``attempts``: how many evaluations there may be; the last that ended
    well counts. ``budget``: micro-credits that all of them may cost, paid by the demand side. ``papers``: what must be
    handed in besides."""

    goals: Sequence[Goal]
    bench: Bench | None = None
    attempts: int = 3
    budget: int = 0
    papers: Sequence[str] = ()
    starts_on: date | None = None
    ends_on: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pilot:
    """A validation in the field (场景验证), of an accepted claim. ``demand_id``, ``provider_id``: the owners of the two
    items. ``terms_hash``: what a signature signs; ``demand_signed_at``,
    ``provider_signed_at``: when each side did, None while it has not. ``repo``, ``commit``: the program that the
    provider brings, "" until there is one. ``event_id``: the last fact of the pilot."""

    id: int
    code: str
    claim_id: int
    opportunity_id: int
    capability_id: int
    demand_id: int
    provider_id: int
    state: PilotState
    terms: Terms
    terms_hash: str
    demand_signed_at: datetime | None
    demand_signed_by: int | None
    provider_signed_at: datetime | None
    provider_signed_by: int | None
    repo: str
    commit: str
    attempts_count: int
    reason: str
    is_public: bool
    event_id: int
    created_by: int | None
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something handed in for a goal, or a paper of the terms (``goal`` is its name). It counts once the demand side
    has confirmed it. ``link``: an address, or a repo id with a path."""

    id: int
    pilot_id: int
    goal: str
    value: float | None
    text: str
    link: str
    added_by: int
    added_at: datetime
    confirmed_by: int | None
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One evaluation of a pilot: the job that did it, of which program."""

    id: int
    pilot_id: int
    number: int
    job_id: int
    repo: str
    commit: str
    asked_by: int
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of one metric: ``low`` and ``high`` bound the 95 % interval, None where there is none."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One goal, what was measured of it, and whether that is enough."""

    goal: Goal
    figure: Figure | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a leader board. ``best``, ``worst``: the ranks that 95 % of resamplings give."""

    entrant: str
    figure: Figure
    rank: int
    best: int
    worst: int


pilots = sa.Table(
    "pilots",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("code", sa.String(32), nullable=False, unique=True),
    sa.Column("claim_id", BigId, sa.ForeignKey("scenario_claims.id", ondelete="CASCADE"), nullable=False, unique=True),
    sa.Column(
        "opportunity_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column(
        "capability_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("demand_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("provider_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("terms", Json, nullable=False),
    sa.Column("terms_hash", sa.String(64), nullable=False),
    sa.Column("demand_signed_at", Moment),
    sa.Column("demand_signed_by", BigId),
    sa.Column("provider_signed_at", Moment),
    sa.Column("provider_signed_by", BigId),
    sa.Column("repo", sa.String(200), nullable=False),
    sa.Column("commit", sa.String(40), nullable=False),
    sa.Column("attempts_count", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("is_public", sa.Boolean, nullable=False),
    sa.Column("event_id", BigId, nullable=False),
    sa.Column("created_by", BigId),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
)

evidence = sa.Table(
    "pilot_evidence",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("pilot_id", BigId, sa.ForeignKey("pilots.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("goal", sa.String(200), nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("link", sa.String(500), nullable=False),
    sa.Column("added_by", BigId, nullable=False),
    sa.Column("added_at", Moment, nullable=False),
    sa.Column("confirmed_by", BigId),
    sa.Column("confirmed_at", Moment),
)

attempts = sa.Table(
    "pilot_attempts",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("pilot_id", BigId, sa.ForeignKey("pilots.id", ondelete="CASCADE"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("job_id", BigId, nullable=False, unique=True),
    sa.Column("repo", sa.String(200), nullable=False),
    sa.Column("commit", sa.String(40), nullable=False),
    sa.Column("asked_by", BigId, nullable=False),
    sa.Column("asked_at", Moment, nullable=False),
    sa.UniqueConstraint("pilot_id", "number"),
)
