"""Users and organizations: they come, change, are shut out, and go."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from yungu.accounts import queries, rules
from yungu.accounts.errors import LastAdmin, LastAdministrator, NameTaken, NotMember, OwnerBusy
from yungu.accounts.events import (
    AdministratorMade,
    AdministratorUnmade,
    MemberAdded,
    MemberRemoved,
    OrganizationCreated,
    OwnerChanged,
    OwnerDeleted,
    UserCreated,
    UserSuspended,
    UserUnsuspended,
)
from yungu.accounts.models import Member, Owner, Role, browser_sessions, members, owners
from yungu.kernel import clock
from yungu.kernel.db import Session, exclude_writers, upsert
from yungu.kernel.events import record


def create_user(
    session: Session,
    name: str,
    *,
    password_hash: str | None = None,
    email: str | None = None,
    full_name: str = "",
    is_admin: bool = False,
) -> Owner:
    """Raises NameInvalid, NameTaken. ``password_hash``: of `hash_password`; without one the user can only use tokens,
    or an identity elsewhere."""
    values = {"email": email, "full_name": full_name or name, "password_hash": password_hash, "is_admin": is_admin}
    user = _create_owner(session, "user", name, values)
    record(session, UserCreated(user_id=user.id, name=user.name), actor_id=user.id)
    return user


def create_organization(
    session: Session, name: str, *, creator: Owner, full_name: str = "", default_visibility: str = "public"
) -> Owner:
    """A new organization with ``creator`` as its first administrator. Raises NameInvalid, NameTaken."""
    values = {"full_name": full_name or name, "default_visibility": default_visibility}
    organization = _create_owner(session, "organization", name, values)
    record(session, OrganizationCreated(organization_id=organization.id, name=organization.name), actor_id=creator.id)
    add_member(session, organization, creator, "admin", by=creator.id)
    return organization


def update_owner(session: Session, owner_id: int, **values: Any) -> None:
    """Change ``full_name``, ``email``, ``bio``, ``links`` or ``default_visibility``."""
    session.execute(sa.update(owners).where(owners.c.id == owner_id).values(**values))
    record(session, OwnerChanged(owner_id=owner_id), actor_id=None)


def add_member(session: Session, organization: Owner, user: Owner, role: Role, *, by: int | None) -> None:
    """Add a member or change a member's role. Raises LastAdmin."""
    if role != "admin":
        _keep_an_admin(session, organization, without=user.id)
    row = {"organization_id": organization.id, "user_id": user.id, "role": role, "created_at": clock.now()}
    upsert(session, members, row, keys=["organization_id", "user_id"], update=["role"])
    record(session, MemberAdded(organization_id=organization.id, user_id=user.id, role=role), actor_id=by)


def remove_member(session: Session, organization: Owner, user: Owner, *, by: int | None) -> None:
    """Raises NotMember, LastAdmin."""
    _keep_an_admin(session, organization, without=user.id)
    where = (members.c.organization_id == organization.id) & (members.c.user_id == user.id)
    if session.execute(sa.delete(members).where(where)).rowcount == 0:
        raise NotMember(user.name, organization.name)
    record(session, MemberRemoved(organization_id=organization.id, user_id=user.id), actor_id=by)


# --- the hub's own administration


def suspend_user(session: Session, user: Owner, *, by: int | None) -> None:
    """Shut a user out: no sign-in, no tokens, and the browsers that are signed in are signed out. Repos and commits
    stay. Raises LastAdministrator."""
    _keep_an_administrator(session, without=user.id)
    session.execute(sa.update(owners).where(owners.c.id == user.id).values(disabled_at=clock.now()))
    session.execute(sa.delete(browser_sessions).where(browser_sessions.c.user_id == user.id))
    record(session, UserSuspended(user_id=user.id), actor_id=by)


def unsuspend_user(session: Session, user: Owner, *, by: int | None) -> None:
    session.execute(sa.update(owners).where(owners.c.id == user.id).values(disabled_at=None))
    record(session, UserUnsuspended(user_id=user.id), actor_id=by)


def make_administrator(session: Session, user: Owner, *, by: int | None) -> None:
    """Let a user administer the whole hub."""
    session.execute(sa.update(owners).where(owners.c.id == user.id).values(is_admin=True))
    record(session, AdministratorMade(user_id=user.id), actor_id=by)


def unmake_administrator(session: Session, user: Owner, *, by: int | None) -> None:
    """Raises LastAdministrator."""
    _keep_an_administrator(session, without=user.id)
    session.execute(sa.update(owners).where(owners.c.id == user.id).values(is_admin=False))
    record(session, AdministratorUnmade(user_id=user.id), actor_id=by)


def delete_owner(session: Session, owner: Owner, *, by: int | None) -> None:
    """Forget a user or an organization that has no repos left, with tokens, sessions, memberships, likes and
    collections. What a user wrote in discussions stays, and commits keep the name.

    Raises LastAdministrator, OwnerBusy for the last administrator of an organization."""
    if owner.kind == "user":
        _keep_an_administrator(session, without=owner.id)
        left = [place.organization for place in queries.list_memberships(session, owner.id) if _is_last(session, place)]
        if left:
            raise OwnerBusy(f"'{owner.name}' is the only administrator of {', '.join(left)}.")
    session.execute(sa.delete(owners).where(owners.c.id == owner.id))
    record(session, OwnerDeleted(owner_id=owner.id, kind=owner.kind, name=owner.name), actor_id=by)


# --- inside


def _create_owner(session: Session, kind: str, name: str, values: dict[str, Any]) -> Owner:
    rules.check_owner_name(name)
    if queries.find_owner(session, name) is not None:
        raise NameTaken(name)
    row = {"kind": kind, "name": name, "key": name.casefold(), "created_at": clock.now()} | values
    try:
        with session.begin_nested():
            session.execute(sa.insert(owners).values(row))
    except sa.exc.IntegrityError:
        raise NameTaken(name) from None
    return queries.get_owner(session, name)


def _keep_an_admin(session: Session, organization: Owner, *, without: int) -> None:
    if queries.list_admin_ids(session, organization.id) == {without}:
        raise LastAdmin(organization.name)


def _is_last(session: Session, place: Member) -> bool:
    return queries.list_admin_ids(session, place.organization_id) == {place.user_id}


def _keep_an_administrator(session: Session, *, without: int) -> None:
    exclude_writers(session, owners)
    if queries.list_administrator_ids(session) == {without}:
        raise LastAdministrator
