"""What matching tells."""

from __future__ import annotations

from typing import Literal

from yungu.kernel.events import Event

NOTIFIED = ("MatchProposed", "MatchContacted", "MatchAnswered")
"""The kinds of facts that those who act for an item may hear of."""


class MarketMatched(Event, frozen=True, kw_only=True):
    """An operator published what a run over both whole lists proposes."""

    run_id: int
    method: str
    proposals: int


class MatchProposed(Event, frozen=True, kw_only=True):
    match_id: int
    run_id: int
    opportunity_id: int
    capability_id: int
    rank: int
    probability: float


class MatchAnswered(Event, frozen=True, kw_only=True):
    """One side says yes or no."""

    match_id: int
    opportunity_id: int
    capability_id: int
    side: Literal["demand", "provider"]
    answer: Literal["yes", "no"]
    reason: str = ""


class MatchContacted(Event, frozen=True, kw_only=True):
    """One side wrote to the other."""

    match_id: int
    opportunity_id: int
    capability_id: int
    side: Literal["demand", "provider"]
    contact_id: int


class ContactWithdrawn(Event, frozen=True, kw_only=True):
    """What was written is not to be read any more."""

    match_id: int
    side: Literal["demand", "provider"]
    contact_id: int


class MatchAccepted(Event, frozen=True, kw_only=True):
    """Both sides have said yes; a claim carries it on."""

    match_id: int
    opportunity_id: int
    capability_id: int
    claim_id: int


class CalibrationLearnt(Event, frozen=True, kw_only=True):
    version: int
    kind: str
    outcome_count: int


class DayPlanned(Event, frozen=True, kw_only=True):
    day_id: int
    meetings: int
    rounds: int
