"""What validation tells."""

from __future__ import annotations

from yungu.kernel.events import Event


class PilotProposed(Event, frozen=True, kw_only=True):
    pilot_id: int
    opportunity_id: int
    capability_id: int


class PilotTermsChanged(Event, frozen=True, kw_only=True):
    pilot_id: int
    terms_hash: str


class PilotSigned(Event, frozen=True, kw_only=True):
    pilot_id: int
    party: str
    terms_hash: str


class PilotAgreed(Event, frozen=True, kw_only=True):
    pilot_id: int
    terms_hash: str


class PilotEvaluationAsked(Event, frozen=True, kw_only=True):
    pilot_id: int
    number: int
    repo: str
    commit: str


class EvidenceAdded(Event, frozen=True, kw_only=True):
    pilot_id: int
    evidence_id: int
    goal: str


class EvidenceConfirmed(Event, frozen=True, kw_only=True):
    pilot_id: int
    evidence_id: int
    goal: str


class PilotAccepted(Event, frozen=True, kw_only=True):
    pilot_id: int
    opportunity_id: int
    capability_id: int


class PilotFailed(Event, frozen=True, kw_only=True):
    pilot_id: int
    opportunity_id: int
    capability_id: int
    reason: str


class PilotCancelled(Event, frozen=True, kw_only=True):
    pilot_id: int
    reason: str
