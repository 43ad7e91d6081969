"""Who users are at an OpenID provider. An account gets an identity only when it is new, or when its owner is signed
in: what a provider says of names or e-mail addresses opens no account that is there already."""

from __future__ import annotations

from contextlib import suppress

import sqlalchemy as sa

from yungu.accounts import queries, rules
from yungu.accounts.errors import IdentityNeeded, IdentityTaken, LastAdmin, LastAdministrator
from yungu.accounts.events import IdentityLinked, IdentityUnlinked
from yungu.accounts.models import Claims, Identity, Owner, Role, SignInPolicy, identities
from yungu.accounts.service.owners import add_member, make_administrator, remove_member, unmake_administrator
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.events import record


def link_identity(session: Session, user: Owner, claims: Claims) -> None:
    """Raises IdentityTaken."""
    now = clock.now()
    row = {"issuer": claims.issuer, "subject": claims.subject, "user_id": user.id, "label": claims.label[:254]}
    try:
        with session.begin_nested():
            session.execute(sa.insert(identities).values(row | {"created_at": now, "last_used_at": now}))
    except sa.exc.IntegrityError:
        raise IdentityTaken from None
    record(session, IdentityLinked(user_id=user.id, issuer=claims.issuer), actor_id=user.id)


def use_identity(session: Session, claims: Claims) -> Owner | None:
    """The user behind an identity, None for one that nobody has linked."""
    this = (identities.c.issuer == claims.issuer) & (identities.c.subject == claims.subject)
    user_id = session.scalar(sa.select(identities.c.user_id).where(this))
    if user_id is None:
        return None
    session.execute(sa.update(identities).where(this).values(last_used_at=clock.now(), label=claims.label[:254]))
    return queries.get_owner_by_id(session, user_id)


def apply_groups(session: Session, user: Owner, claims: Claims, policy: SignInPolicy) -> None:
    """Let what the operator has tied to groups of the provider follow them: the administration of the hub, and
    memberships of organizations that are there. The last administrator of either keeps the office."""
    if policy.admin_group:
        change = make_administrator if policy.admin_group in claims.groups else unmake_administrator
        if user.is_admin != (policy.admin_group in claims.groups):
            with suppress(LastAdministrator):
                change(session, user, by=None)
    wanted: dict[str, Role | None] = {}
    for group, organization, role in policy.organizations:
        held = wanted.get(organization.casefold())
        if group in claims.groups and not rules.includes(held, role):
            held = role
        wanted[organization.casefold()] = held
    for name, wanted_role in wanted.items():
        _follow(session, user, name, wanted_role)


def _follow(session: Session, user: Owner, name: str, wanted: Role | None) -> None:
    place = queries.find_owner(session, name)
    if place is None or place.kind != "organization":
        return
    held = queries.roles_of(session, user.id).get(place.id)
    with suppress(LastAdmin):
        if wanted is None and held is not None:
            remove_member(session, place, user, by=None)
        elif wanted is not None and wanted != held:
            add_member(session, place, user, wanted, by=None)


def unlink_identity(session: Session, user: Owner, identity: Identity) -> None:
    """Raises IdentityNeeded for the last way in of a user without a password."""
    has_password = queries.find_credentials(session, user.name).password_hash is not None
    if not has_password and len(queries.list_identities(session, user.id)) == 1:
        raise IdentityNeeded
    this = (identities.c.issuer == identity.issuer) & (identities.c.subject == identity.subject)
    session.execute(sa.delete(identities).where(this, identities.c.user_id == user.id))
    record(session, IdentityUnlinked(user_id=user.id, issuer=identity.issuer), actor_id=user.id)
