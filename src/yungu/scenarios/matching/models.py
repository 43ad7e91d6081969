"""Rows and values of matching: vectors, runs with all that went into them, proposals, and what came of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from yungu.kernel.db import BigId, Json, Moment, metadata

RunKind = Literal["market", "opportunity", "capability"]
RunState = Literal["draft", "published"]
MatchStatus = Literal["proposed", "accepted", "declined", "lapsed"]
Answer = Literal["yes", "no"]
MatchSide = Literal["demand", "provider"]
Deed = Literal["shown", "opened", "contacted", "intended", "succeeded", "failed"]
"""``shown``: it stood on a page; ``contacted``: one wrote to the other; ``intended``: a letter of intent; the last two:
what became of the pilot."""


@dataclass(frozen=True, slots=True)
class Run:
    """One recommendation run and all that went into it. ``inputs``: what `replay` needs: item versions, free places,
    weights, rules, calibration, embedding model with the hash of the vectors, versions of code and libraries;
    ``result_hash``: of the list it gave."""

    id: int
    kind: RunKind
    subject_id: int | None
    state: RunState
    made_at: datetime
    made_by: int | None
    caused_by: int | None
    inputs: Mapping[str, Any]
    measures: Mapping[str, Any]
    result_hash: str
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Match:
    """A pair that was proposed. ``rank`` counts from 1 in the opportunity's list; ``features`` in the order of
    ``fusion.FEATURES``; ``event_id``: of the fact that proposed it."""

    id: int
    run_id: int
    opportunity_id: int
    opportunity_version: int
    capability_id: int
    capability_version: int
    rank: int
    score: float
    probability: float
    features: Sequence[float]
    status: MatchStatus
    demand_answer: Answer | None
    provider_answer: Answer | None
    reason: str
    made_at: datetime
    answered_at: datetime | None
    event_id: int


@dataclass(frozen=True, slots=True)
class Contact:
    """What one side of a match wrote to the other. ``contact``: how to reach them, "" where they did not say;
    ``by``: the user, None where that account is gone. Of one that was withdrawn nothing is kept but that it was
    there."""

    id: int
    match_id: int
    side: MatchSide
    by: str | None
    text: str
    contact: str
    at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Day:
    """A matchmaking day. ``meetings``: match id, round and table (both from 0), seconds after ``starts_at``."""

    id: int
    title: str
    starts_at: datetime
    tables: int
    minutes: int
    pause: int
    breaks: Sequence[Sequence[int]]
    meetings: Sequence[Sequence[int]]
    made_by: int | None
    made_at: datetime


vectors = sa.Table(
    "scenario_vectors",
    metadata,
    sa.Column("model", sa.String(200), primary_key=True),
    sa.Column("text_hash", sa.String(64), primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.Column("made_at", Moment, nullable=False),
    comment="vector: little-endian float32 of length one",
)

states = sa.Table(
    "scenario_market_states",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    comment="both lists as they stood at a run: compressed JSON, see matching.keeping",
)

runs = sa.Table(
    "scenario_runs",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("subject_id", BigId),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("made_by", BigId),
    sa.Column("caused_by", sa.BigInteger),
    sa.Column("inputs", Json, nullable=False),
    sa.Column("measures", Json, nullable=False),
    sa.Column("result_hash", sa.String(64), nullable=False),
    sa.Column("published_at", Moment),
)

matches = sa.Table(
    "scenario_matches",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("run_id", BigId, sa.ForeignKey("scenario_runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("opportunity_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), nullable=False),
    sa.Column("opportunity_version", sa.Integer, nullable=False),
    sa.Column(
        "capability_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("capability_version", sa.Integer, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("probability", sa.Float, nullable=False),
    sa.Column("features", Json, nullable=False),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("demand_answer", sa.String(3)),
    sa.Column("demand_by", BigId),
    sa.Column("provider_answer", sa.String(3)),
    sa.Column("provider_by", BigId),
    sa.Column("reason", sa.String(2000), nullable=False, default=""),
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("answered_at", Moment),
    sa.Column("event_id", sa.BigInteger, nullable=False, default=0),
    sa.UniqueConstraint("run_id", "opportunity_id", "capability_id"),
    sa.Index("ix_scenario_matches_opportunity_id_status", "opportunity_id", "status", "id"),
)

deeds = sa.Table(
    "scenario_match_deeds",
    metadata,
    sa.Column("match_id", BigId, sa.ForeignKey("scenario_matches.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("what", sa.String(12), primary_key=True),
    sa.Column("side", sa.String(12), primary_key=True),
    sa.Column("by_id", BigId),
    sa.Column("at", Moment, nullable=False),
    comment="the first time that each thing happened to a match, on each side",
)

contacts = sa.Table(
    "scenario_contacts",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("match_id", BigId, sa.ForeignKey("scenario_matches.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("side", sa.String(12), nullable=False),
    sa.Column("by_id", BigId),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("contact", sa.String(500), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("withdrawn_at", Moment),
    comment="what one side of a match wrote to the other",
)

mutes = sa.Table(
    "scenario_mutes",
    metadata,
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("item_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), primary_key=True, index=True),
    comment="who wants to hear of no proposals for an item",
)

days = sa.Table(
    "scenario_days",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("starts_at", Moment, nullable=False),
    sa.Column("tables", sa.Integer, nullable=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("pause", sa.Integer, nullable=False),
    sa.Column("breaks", Json, nullable=False),
    sa.Column("meetings", Json, nullable=False),
    sa.Column("made_by", BigId),
    sa.Column("made_at", Moment, nullable=False),
    comment="matchmaking days; meetings: match id, round, table, start in seconds after starts_at",
)

calibrations = sa.Table(
    "scenario_calibrations",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("knots", Json, nullable=False),
    sa.Column("values", Json, nullable=False),
    sa.Column("outcome_count", sa.Integer, nullable=False),
    sa.Column("error", sa.Float, nullable=False),
    sa.Column("made_at", Moment, nullable=False),
    comment="id: the version; error: expected calibration error on what it was learnt from",
)
