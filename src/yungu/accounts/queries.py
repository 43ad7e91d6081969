"""Every SELECT of accounts."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from yungu.accounts.errors import OrganizationDenied, OwnerNotFound, SignInRequired, UserNotFound
from yungu.accounts.models import Actor, Member, Owner, Role, Token, TokenGrant, members, owners, token_grants, tokens
from yungu.accounts.rules import may_rule
from yungu.kernel.db import Session, columns
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

OWNER = columns(Owner, owners)
TOKEN = columns(Token, tokens)
_BEARER = sa.select(tokens.c.id, tokens.c.name, tokens.c.scope, tokens.c.expires_at, *OWNER).join(
    owners, owners.c.id == tokens.c.user_id
)
# Statements of every request are built once: building one costs more than running it on SQLite.
BEARER_BY_DIGEST = _BEARER.where(tokens.c.digest == sa.bindparam("key"))
BEARER_BY_ID = _BEARER.where(tokens.c.id == sa.bindparam("key"))
_ROLES = sa.select(members.c.organization_id, members.c.role).where(members.c.user_id == sa.bindparam("user_id"))


def find_owner(session: Session, name: str) -> Owner | None:
    """The user or organization of that name, whatever its case."""
    row = session.execute(sa.select(*OWNER).where(owners.c.key == name.casefold())).first()
    return Owner(*row) if row else None


def get_owner(session: Session, name: str) -> Owner:
    owner = find_owner(session, name)
    if owner is None:
        raise OwnerNotFound(name)
    return owner


def get_owner_by_id(session: Session, owner_id: int) -> Owner:
    row = session.execute(sa.select(*OWNER).where(owners.c.id == owner_id)).first()
    if row is None:
        raise OwnerNotFound(f"#{owner_id}")
    return Owner(*row)


def get_user(session: Session, name: str) -> Owner:
    owner = find_owner(session, name)
    if owner is None or owner.kind != "user":
        raise UserNotFound(name)
    return owner


def get_organization(session: Session, name: str) -> Owner:
    owner = find_owner(session, name)
    if owner is None or owner.kind != "organization":
        raise OwnerNotFound(name)
    return owner


def ruled_organization(session: Session, name: str, actor: Actor) -> Owner:
    """An organization that the actor may administer. Raises OwnerNotFound, SignInRequired, OrganizationDenied."""
    organization = get_organization(session, name)
    if actor.user is None:
        raise SignInRequired
    if not may_rule(actor, organization):
        raise OrganizationDenied(organization.name)
    return organization


def user_exists(session: Session) -> bool:
    """Whether anybody can sign in at all (false only before the first start)."""
    return session.execute(sa.select(owners.c.id).where(owners.c.kind == "user").limit(1)).first() is not None


def find_administrator(session: Session) -> Owner | None:
    """The administrator of the whole hub who has been there longest and may sign in."""
    able = (owners.c.kind == "user") & owners.c.is_admin & owners.c.disabled_at.is_(None)
    row = session.execute(sa.select(*OWNER).where(able).order_by(owners.c.id).limit(1)).first()
    return Owner(*row) if row else None


def list_owners(session: Session, kind: str | None = None, *, search: str = "", limit: int = 100) -> Sequence[Owner]:
    query = sa.select(*OWNER).order_by(owners.c.key).limit(limit)
    if kind:
        query = query.where(owners.c.kind == kind)
    if search:
        query = query.where(owners.c.key.contains(search.casefold(), autoescape=True))
    return [Owner(*row) for row in session.execute(query)]


def list_members(session: Session, organization_id: int) -> Sequence[Member]:
    return _members(session, members.c.organization_id == organization_id)


def list_member_users(session: Session, organization_id: int, *, limit: int, cursor: str | None = None) -> Page[Owner]:
    """The members of an organization as users, by name."""
    query = sa.select(*OWNER).join(members, members.c.user_id == owners.c.id)
    query = query.where(members.c.organization_id == organization_id)
    if cursor:
        query = query.where(owners.c.key > decode_cursor(cursor, str)[0])
    rows = session.execute(query.order_by(owners.c.key).limit(limit + 1)).all()
    shown = [Owner(*row) for row in rows[:limit]]
    return Page(shown, encode_cursor(shown[-1].name.casefold()) if len(rows) > limit else None)


def list_memberships(session: Session, user_id: int) -> Sequence[Member]:
    return _members(session, members.c.user_id == user_id)


def roles_of(session: Session, user_id: int) -> dict[int, Role]:
    """Organization id to role, of one user."""
    return {row[0]: row[1] for row in session.execute(_ROLES, {"user_id": user_id})}


def list_tokens(session: Session, user_id: int) -> Sequence[Token]:
    query = sa.select(*TOKEN).where(tokens.c.user_id == user_id).order_by(tokens.c.id.desc())
    return [Token(*row) for row in session.execute(query)]


def grants_of(session: Session, token_id: int) -> tuple[TokenGrant, ...]:
    query = sa.select(token_grants.c.target, token_grants.c.right).where(token_grants.c.token_id == token_id)
    return tuple(TokenGrant(*row) for row in session.execute(query))


def _members(session: Session, condition: sa.ColumnElement[bool]) -> Sequence[Member]:
    user, organization = owners.alias("u"), owners.alias("o")
    query = (
        sa.select(
            members.c.organization_id,
            organization.c.name,
            organization.c.full_name,
            members.c.user_id,
            user.c.name,
            members.c.role,
        )
        .join(user, user.c.id == members.c.user_id)
        .join(organization, organization.c.id == members.c.organization_id)
        .where(condition)
        .order_by(organization.c.key, user.c.key)
    )
    return [Member(*row) for row in session.execute(query)]
