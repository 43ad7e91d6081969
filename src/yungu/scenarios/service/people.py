"""Roles in scenarios, given by the site's administrators."""

from __future__ import annotations

import sqlalchemy as sa

from yungu.accounts.errors import AdministratorNeeded
from yungu.accounts.models import Actor, Owner
from yungu.kernel import clock
from yungu.kernel.db import Session, upsert
from yungu.kernel.events import record
from yungu.scenarios.events import ScenarioRoleGranted, ScenarioRoleRevoked
from yungu.scenarios.models import RoleName, roles


def grant_role(session: Session, user: Owner, role: RoleName, actor: Actor | None) -> None:
    """``actor`` None: the operator of the machine. Raises AdministratorNeeded."""
    _check(actor)
    row = {"user_id": user.id, "role": role, "granted_by": actor.id if actor else None, "granted_at": clock.now()}
    upsert(session, roles, row, keys=["user_id", "role"], update=[])
    record(session, ScenarioRoleGranted(user_id=user.id, role=role), actor_id=row["granted_by"])  # type: ignore[arg-type]


def revoke_role(session: Session, user: Owner, role: RoleName, actor: Actor | None) -> None:
    """Raises AdministratorNeeded."""
    _check(actor)
    session.execute(sa.delete(roles).where(roles.c.user_id == user.id, roles.c.role == role))
    record(session, ScenarioRoleRevoked(user_id=user.id, role=role), actor_id=actor.id if actor else None)


def _check(actor: Actor | None) -> None:
    if actor is not None and not actor.is_site_admin:
        raise AdministratorNeeded
