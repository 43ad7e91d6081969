"""What scenarios tell. ``item_id`` and ``code`` name an item of either list."""

from __future__ import annotations

from yungu.kernel.events import Event
from yungu.scenarios.models import Opinion, RoleName, Side


class OnItem(Event, frozen=True, kw_only=True):
    """What every fact about an item says; ``reason`` where one was given."""

    item_id: int
    side: Side
    code: str
    version: int
    reason: str = ""


class ItemDrafted(OnItem, frozen=True, kw_only=True):
    pass


class ItemEdited(OnItem, frozen=True, kw_only=True):
    pass


class ItemSubmitted(OnItem, frozen=True, kw_only=True):
    pass


class ReviewStarted(OnItem, frozen=True, kw_only=True):
    pass


class ItemReviewed(OnItem, frozen=True, kw_only=True):
    role: RoleName
    opinion: Opinion


class ItemReturned(OnItem, frozen=True, kw_only=True):
    pass


class OpportunityPublished(OnItem, frozen=True, kw_only=True):
    pass


class CapabilityPublished(OnItem, frozen=True, kw_only=True):
    pass


class ClaimingOpened(OnItem, frozen=True, kw_only=True):
    pass


class OpportunityMatched(OnItem, frozen=True, kw_only=True):
    pass


class ValidationStarted(OnItem, frozen=True, kw_only=True):
    pass


class OpportunityAccepted(OnItem, frozen=True, kw_only=True):
    pass


class ItemPromoted(OnItem, frozen=True, kw_only=True):
    pass


class ValidationFailed(OnItem, frozen=True, kw_only=True):
    pass


class ItemExpired(OnItem, frozen=True, kw_only=True):
    pass


class ItemWithdrawn(OnItem, frozen=True, kw_only=True):
    pass


class ItemSuperseded(OnItem, frozen=True, kw_only=True):
    superseded_by: int


class ItemConfirmed(OnItem, frozen=True, kw_only=True):
    """Its owner says that it is still real."""


class ItemGoneStale(OnItem, frozen=True, kw_only=True):
    """Nobody has confirmed it for long; told once."""


class ClaimMade(Event, frozen=True, kw_only=True):
    claim_id: int
    opportunity_id: int
    capability_id: int
    provider_id: int


class ClaimAccepted(Event, frozen=True, kw_only=True):
    claim_id: int
    opportunity_id: int
    capability_id: int
    provider_id: int


class ClaimDeclined(Event, frozen=True, kw_only=True):
    claim_id: int
    opportunity_id: int
    reason: str


class ClaimWithdrawn(Event, frozen=True, kw_only=True):
    claim_id: int
    opportunity_id: int


class BatchImported(Event, frozen=True, kw_only=True):
    batch_id: int
    side: Side
    name: str
    added: int
    changed: int
    same: int


class ScenarioRoleGranted(Event, frozen=True, kw_only=True):
    user_id: int
    role: RoleName


class ScenarioRoleRevoked(Event, frozen=True, kw_only=True):
    user_id: int
    role: RoleName
