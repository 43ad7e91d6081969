"""Every SELECT of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from yungu.accounts.errors import (
    InvitationInvalid,
    OrganizationDenied,
    OwnerNotFound,
    SignInRequired,
    UserNotFound,
)
from yungu.accounts.models import (
    Actor,
    BrowserSession,
    Credentials,
    Identity,
    Invitation,
    Member,
    Owner,
    OwnerKind,
    Quota,
    Role,
    Token,
    TokenGrant,
    browser_sessions,
    default_quotas,
    follows,
    identities,
    invitations,
    members,
    owners,
    quotas,
    token_grants,
    tokens,
)
from yungu.accounts.rules import may_rule
from yungu.kernel.db import Session, columns, recall
from yungu.kernel.pages import Page, decode_cursor, encode_cursor
from yungu.kernel.prepared import Prepared

OWNER = columns(Owner, owners)
TOKEN = columns(Token, tokens)
_BEARER = (
    sa.select(
        tokens.c.id,
        tokens.c.name,
        tokens.c.scope,
        tokens.c.expires_at,
        members.c.organization_id,
        members.c.role,
        *OWNER,
    )
    .join(owners, owners.c.id == tokens.c.user_id)
    .outerjoin(members, members.c.user_id == tokens.c.user_id)
)
"""One row for each organization that the bearer belongs to, at least one: a question less in every request."""
# Statements of every request are built once: building one costs more than running it on SQLite.
BEARER_BY_DIGEST = Prepared(_BEARER.where(tokens.c.digest == sa.bindparam("key")))
_OWNER_BY_ID = Prepared(sa.select(*OWNER).where(owners.c.id == sa.bindparam("owner_id")))
BEARER_BY_ID = Prepared(_BEARER.where(tokens.c.id == sa.bindparam("key")))
_ABLE_ADMINISTRATOR = (owners.c.kind == "user") & owners.c.is_admin & owners.c.disabled_at.is_(None)
_QUOTA = (
    sa.select(quotas.c.limit_bytes, quotas.c.owner_id.is_not(None), default_quotas.c.limit_bytes)
    .select_from(owners)
    .outerjoin(quotas, quotas.c.owner_id == owners.c.id)
    .outerjoin(default_quotas, default_quotas.c.kind == owners.c.kind)
    .where(owners.c.id == sa.bindparam("owner_id"))
)
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


def find_owner_by_id(session: Session, owner_id: int) -> Owner | None:
    rows = recall(session, _OWNER_BY_ID, owner_id=owner_id)
    return Owner(*rows[0]) if rows else None


def get_owner_by_id(session: Session, owner_id: int) -> Owner:
    owner = find_owner_by_id(session, owner_id)
    if owner is None:
        raise OwnerNotFound(f"#{owner_id}")
    return owner


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
    row = session.execute(sa.select(*OWNER).where(_ABLE_ADMINISTRATOR).order_by(owners.c.id).limit(1)).first()
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


def is_following(session: Session, user_id: int, owner_id: int) -> bool:
    where = (follows.c.follower_id == user_id) & (follows.c.followed_id == owner_id)
    return session.execute(sa.select(follows.c.follower_id).where(where)).first() is not None


def count_follows(session: Session, owner_id: int) -> tuple[int, int]:
    """How many users follow the owner, and how many users and organizations the owner follows."""
    number = sa.select(sa.func.count()).select_from(follows)
    followers = session.scalar(number.where(follows.c.followed_id == owner_id))
    return int(followers or 0), int(session.scalar(number.where(follows.c.follower_id == owner_id)) or 0)


def list_followers(session: Session, owner_id: int, *, limit: int, cursor: str | None = None) -> Page[Owner]:
    """Who follows the owner, the latest first."""
    return _follows(session, follows.c.followed_id == owner_id, follows.c.follower_id, limit, cursor)


def list_followed(session: Session, user_id: int, *, limit: int, cursor: str | None = None) -> Page[Owner]:
    """Whom a user follows, the latest first."""
    return _follows(session, follows.c.follower_id == user_id, follows.c.followed_id, limit, cursor)


def _follows(
    session: Session, mine: sa.ColumnElement[bool], other: sa.Column[int], limit: int, cursor: str | None
) -> Page[Owner]:
    at = follows.c.followed_at
    query = sa.select(at, *OWNER).join(owners, owners.c.id == other).where(mine)
    if cursor:
        moment, last = decode_cursor(cursor, datetime, int)
        query = query.where(sa.or_(at < moment, sa.and_(at == moment, other < last)))
    rows = session.execute(query.order_by(at.desc(), other.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    more = encode_cursor(shown[-1][0], shown[-1][1]) if len(rows) > limit else None
    return Page([Owner(*row[1:]) for row in shown], more)


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


def list_owner_names(session: Session, owner_ids: Iterable[int]) -> dict[int, str]:
    """Names by number, of those that are still there (at most some hundred)."""
    query = sa.select(owners.c.id, owners.c.name).where(owners.c.id.in_(sorted(set(owner_ids))))
    return {row[0]: row[1] for row in session.execute(query)}


# --- administration


def list_admin_ids(session: Session, organization_id: int) -> set[int]:
    """The administrators of an organization."""
    where = (members.c.organization_id == organization_id) & (members.c.role == "admin")
    return set(session.scalars(sa.select(members.c.user_id).where(where)))


def list_administrator_ids(session: Session) -> set[int]:
    """The administrators of the whole hub who may sign in."""
    return set(session.scalars(sa.select(owners.c.id).where(_ABLE_ADMINISTRATOR)))


def count_owners(session: Session, kind: OwnerKind) -> int:
    return session.scalar(sa.select(sa.func.count()).where(owners.c.kind == kind)) or 0


def page_owners(
    session: Session,
    kind: OwnerKind,
    *,
    search: str = "",
    state: str = "",
    limit: int,
    cursor: str | None = None,
) -> Page[Owner]:
    """Owners by name. ``search``: in name, full name and e-mail; ``state``: admin, suspended or nothing."""
    query = sa.select(*OWNER).where(owners.c.kind == kind).order_by(owners.c.key).limit(limit + 1)
    if search:
        words = search.casefold()
        places = (owners.c.key, sa.func.lower(owners.c.full_name), sa.func.lower(owners.c.email))
        query = query.where(sa.or_(*(place.contains(words, autoescape=True) for place in places)))
    if state == "admin":
        query = query.where(owners.c.is_admin)
    if state == "suspended":
        query = query.where(owners.c.disabled_at.is_not(None))
    if cursor:
        query = query.where(owners.c.key > decode_cursor(cursor, str)[0])
    rows = session.execute(query).all()
    shown = [Owner(*row) for row in rows[:limit]]
    return Page(shown, encode_cursor(shown[-1].name.casefold()) if len(rows) > limit else None)


def find_credentials(session: Session, name: str) -> Credentials:
    """What a sign-in under a name is checked against."""
    user = find_owner(session, name)
    stored = session.scalar(sa.select(owners.c.password_hash).where(owners.c.id == user.id)) if user else None
    return Credentials(user, stored)


def list_browser_sessions(session: Session, user_id: int) -> Sequence[BrowserSession]:
    """The browsers that a user is signed in with, the newest first."""
    c = browser_sessions.c
    query = sa.select(sa.func.substr(c.digest, 1, 8), c.created_at, c.expires_at).where(c.user_id == user_id)
    return [BrowserSession(*row) for row in session.execute(query.order_by(c.created_at.desc()))]


def list_identities(session: Session, user_id: int) -> Sequence[Identity]:
    query = sa.select(*columns(Identity, identities)).where(identities.c.user_id == user_id)
    return [Identity(*row) for row in session.execute(query.order_by(identities.c.created_at))]


# --- invitations


def list_invitations(session: Session, *, organization_id: int | None = None, limit: int = 200) -> Sequence[Invitation]:
    """The newest invitations, of all or of one organization."""
    query = _invitations().order_by(invitations.c.id.desc()).limit(limit)
    if organization_id is not None:
        query = query.where(invitations.c.organization_id == organization_id)
    return [Invitation(*row) for row in session.execute(query)]


def get_invitation(session: Session, number: int) -> Invitation:
    row = session.execute(_invitations().where(invitations.c.id == number)).first()
    if row is None:
        raise InvitationInvalid
    return Invitation(*row)


def find_invitation(session: Session, digest: str) -> Invitation | None:
    row = session.execute(_invitations().where(invitations.c.digest == digest)).first()
    return Invitation(*row) if row else None


def _invitations() -> sa.Select[Any]:
    inviter, guest, place = owners.alias("inviter"), owners.alias("guest"), owners.alias("place")
    c = invitations.c
    return (
        sa.select(
            *(c.id, c.created_by, inviter.c.name, c.note, c.may_register, c.organization_id, place.c.name, c.role),
            *(c.created_at, c.expires_at, c.used_at, guest.c.name),
        )
        .outerjoin(inviter, inviter.c.id == c.created_by)
        .outerjoin(guest, guest.c.id == c.used_by)
        .outerjoin(place, place.c.id == c.organization_id)
    )


# --- quotas


def get_quota(session: Session, owner_id: int) -> Quota:
    row = session.execute(_QUOTA, {"owner_id": owner_id}).first()
    return Quota(*row) if row else Quota(None, False, None)


def get_default_quotas(session: Session) -> dict[str, int | None]:
    """By kind of owner; a kind that is missing has no limit."""
    return {row[0]: row[1] for row in session.execute(sa.select(default_quotas))}


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
