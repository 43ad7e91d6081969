"""Invitations: a random 256-bit value in a link, good for one guest; only a keyed digest of it is stored."""

from __future__ import annotations

import secrets
from datetime import timedelta

import sqlalchemy as sa

from yungu.accounts import queries, rules
from yungu.accounts.errors import InvitationInvalid
from yungu.accounts.events import InvitationAccepted, InvitationMade, InvitationRevoked
from yungu.accounts.models import Actor, Invitation, Owner, Role, invitations
from yungu.accounts.service.owners import add_member
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record

INVITATION_LIFETIME = timedelta(days=7)


def create_invitation(
    session: Session,
    secret: bytes,
    *,
    by: Actor | None,
    organization: Owner | None = None,
    role: Role | None = None,
    note: str = "",
    lifetime: timedelta = INVITATION_LIFETIME,
) -> tuple[Invitation, str]:
    """An invitation and the value of its link, which cannot be shown again. ``by`` None: the operator.

    An administrator's lets a guest make an account where registration is closed; that of an organization's
    administrator does not. Raises AdministratorNeeded, OrganizationDenied."""
    rules.check_inviter(by, organization)
    value, now = secrets.token_urlsafe(32), clock.now()
    inviter_id, organization_id = by.id if by else None, organization.id if organization else None
    role = (role or "read") if organization else None
    row = {
        "digest": rules.digest(secret, value),
        "created_by": inviter_id,
        "note": note[:200],
        "may_register": by is None or by.is_site_admin,
        "organization_id": organization_id,
        "role": role,
        "created_at": now,
        "expires_at": now + lifetime,
    }
    number = new_id(session.execute(sa.insert(invitations).values(row)))
    made = InvitationMade(invitation_id=number, organization_id=organization_id, role=role)
    record(session, made, actor_id=inviter_id)
    return queries.get_invitation(session, number), value


def open_invitation(session: Session, secret: bytes, value: str) -> Invitation:
    """The invitation behind a link. Raises InvitationInvalid when it is used or over, or when whoever made it may no
    longer invite."""
    found = queries.find_invitation(session, rules.digest(secret, value))
    if found is None or found.used_at is not None or found.expires_at <= clock.now():
        raise InvitationInvalid
    if found.created_by is not None and not _still_may_invite(session, found, found.created_by):
        raise InvitationInvalid
    return found


def accept_invitation(session: Session, secret: bytes, value: str, user: Owner) -> Invitation:
    """Use an invitation up, and make the user a member where it says so. Raises InvitationInvalid."""
    found = open_invitation(session, secret, value)
    unused = (invitations.c.id == found.id) & invitations.c.used_at.is_(None)
    used = sa.update(invitations).where(unused).values(used_at=clock.now(), used_by=user.id)
    if session.execute(used).rowcount == 0:
        raise InvitationInvalid
    record(session, InvitationAccepted(invitation_id=found.id, user_id=user.id), actor_id=user.id)
    if found.organization_id is not None and found.role is not None:
        organization = queries.get_owner_by_id(session, found.organization_id)
        held = queries.roles_of(session, user.id).get(organization.id)
        if not rules.includes(held, found.role):
            add_member(session, organization, user, found.role, by=found.created_by)
    return found


def revoke_invitation(session: Session, found: Invitation, *, by: int | None) -> None:
    session.execute(sa.delete(invitations).where(invitations.c.id == found.id))
    record(session, InvitationRevoked(invitation_id=found.id), actor_id=by)


def _still_may_invite(session: Session, found: Invitation, inviter_id: int) -> bool:
    inviter = queries.find_owner_by_id(session, inviter_id)
    if inviter is None or inviter.disabled_at is not None:
        return False
    if inviter.is_admin:
        return True
    is_admin_there = queries.roles_of(session, inviter_id).get(found.organization_id or 0) == "admin"
    return is_admin_there and not found.may_register
