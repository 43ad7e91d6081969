"""Scenarios: opportunities and capabilities, how they match, and pilots that validate them.

from yungu import scenarios

draft = scenarios.create_item(session, "opportunity", scenarios.OpportunityContent(...), lin, owner)
scenarios.move_item(session, draft.code, "submit", lin)
scenarios.review_item(session, draft.code, expert, "approve")
scenarios.move_item(session, draft.code, "publish", operator)
claim = scenarios.make_claim(session, draft.code, "C-2026-0002", provider)
scenarios.accept_claim(session, claim.id, lin)
"""

from yungu.scenarios.errors import *  # noqa: F403 - every error of the lists is part of their door
from yungu.scenarios.models import (
    CONFIDENTIALITIES as CONFIDENTIALITIES,
    FORMS as FORMS,
    MODES as MODES,
    PROVIDER_KINDS as PROVIDER_KINDS,
    ROLES as ROLES,
    SIDES as SIDES,
    STATUSES as STATUSES,
    UNIT_KINDS as UNIT_KINDS,
    Batch as Batch,
    Capability as Capability,
    CapabilityContent as CapabilityContent,
    Claim as Claim,
    Constraint as Constraint,
    Content as Content,
    Entry as Entry,
    HistoryLine as HistoryLine,
    Indicator as Indicator,
    Item as Item,
    Measurement as Measurement,
    Opportunity as Opportunity,
    OpportunityContent as OpportunityContent,
    Review as Review,
    RoleName as RoleName,
    Side as Side,
    Status as Status,
    Version as Version,
    Words as Words,
)
from yungu.scenarios.queries import *  # noqa: F403
from yungu.scenarios.service import *  # noqa: F403
