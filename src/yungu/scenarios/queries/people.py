"""Who has which role, and who claims what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import owners
from yungu.kernel.db import Session
from yungu.scenarios.errors import ClaimNotFound
from yungu.scenarios.models import Claim, RoleName, claims, items, roles

_demand, _supply = items.alias("demand"), items.alias("supply")
_CLAIM: sa.Select[Any] = (
    sa.select(
        claims.c.id, claims.c.opportunity_id, _demand.c.code, claims.c.capability_id, _supply.c.code,
        claims.c.provider_id, owners.c.name, claims.c.statement, claims.c.status, claims.c.reason, claims.c.at,
        claims.c.decided_at, claims.c.event_id,
    )
    .join(_demand, _demand.c.id == claims.c.opportunity_id)
    .join(_supply, _supply.c.id == claims.c.capability_id)
    .join(owners, owners.c.id == claims.c.provider_id)
)  # fmt: skip


def roles_of(session: Session, user_id: int | None) -> set[RoleName]:
    if user_id is None:
        return set()
    return set(session.scalars(sa.select(roles.c.role).where(roles.c.user_id == user_id)))


def list_role_holders(session: Session) -> Sequence[tuple[str, RoleName]]:
    """User names and their roles, by name."""
    query = sa.select(owners.c.name, roles.c.role).join(owners, owners.c.id == roles.c.user_id)
    return [(row[0], row[1]) for row in session.execute(query.order_by(owners.c.key, roles.c.role))]


def list_claims(session: Session, item_id: int) -> Sequence[Claim]:
    """On an opportunity, or with a capability; oldest first."""
    of_item = sa.or_(claims.c.opportunity_id == item_id, claims.c.capability_id == item_id)
    return [Claim(*row) for row in session.execute(_CLAIM.where(of_item).order_by(claims.c.id))]


def get_claim(session: Session, number: int) -> Claim:
    """Raises ClaimNotFound."""
    row = session.execute(_CLAIM.where(claims.c.id == number)).first()
    if row is None:
        raise ClaimNotFound(number)
    return Claim(*row)
