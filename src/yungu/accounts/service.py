"""Verbs of accounts: they change rows and record facts. Passwords are argon2id; tokens and sessions are random 256-bit
values of which only a keyed digest (HMAC-SHA256 with the server's secret) is stored."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from yungu.accounts import queries, rules
from yungu.accounts.errors import LastAdmin, NameTaken, NotMember, PasswordWrong, TokenInvalid, TokenNotFound
from yungu.accounts.events import (
    MemberAdded,
    MemberRemoved,
    OrganizationCreated,
    TokenCreated,
    TokenRevoked,
    UserCreated,
)
from yungu.accounts.models import (
    Actor,
    Owner,
    Role,
    Scope,
    Token,
    TokenGrant,
    browser_sessions,
    members,
    owners,
    token_grants,
    tokens,
)
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id, upsert
from yungu.kernel.events import record

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SESSION_LIFETIME = timedelta(days=30)
_USE_RECORDED_EVERY = timedelta(minutes=5)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # 15 ms to load, needed only when somebody signs in

    return PasswordHasher()


def digest(secret: bytes, value: str) -> str:
    """What is stored of a token or session value: HMAC-SHA256, 64 hex."""
    return hmac.digest(secret, value.encode(), "sha256").hex()


# --- users and organizations


def create_user(
    session: Session,
    name: str,
    *,
    password: str | None = None,
    email: str | None = None,
    full_name: str = "",
    is_admin: bool = False,
) -> Owner:
    """Raises NameInvalid, NameTaken, PasswordWeak. Without a password the user can only use tokens."""
    if password is not None:
        rules.check_password(password)
    hashed = _hasher().hash(password) if password is not None else None
    values = {"email": email, "full_name": full_name or name, "password_hash": hashed, "is_admin": is_admin}
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
    """Change ``full_name``, ``email``, ``default_visibility``, ``is_admin`` or ``disabled_at``."""
    session.execute(sa.update(owners).where(owners.c.id == owner_id).values(**values))


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


# --- passwords and browser sessions


def check_password(session: Session, name: str, password: str) -> Owner:
    """The user, or PasswordWrong (the same for an unknown name, after the same work)."""
    from argon2.exceptions import VerificationError

    user = queries.find_owner(session, name)
    stored = session.scalar(sa.select(owners.c.password_hash).where(owners.c.id == user.id)) if user else None
    try:
        _hasher().verify(stored or _decoy(), password)
    except VerificationError:
        raise PasswordWrong from None
    if user is None or stored is None or user.disabled_at is not None:
        raise PasswordWrong
    return user


def change_password(session: Session, user_id: int, password: str) -> None:
    """Set a new password and end all browser sessions of the user."""
    rules.check_password(password)
    session.execute(sa.update(owners).where(owners.c.id == user_id).values(password_hash=_hasher().hash(password)))
    session.execute(sa.delete(browser_sessions).where(browser_sessions.c.user_id == user_id))


def start_session(session: Session, secret: bytes, user_id: int) -> str:
    """A new browser session; the value returned is the cookie."""
    value, now = secrets.token_urlsafe(32), clock.now()
    row = {"digest": digest(secret, value), "user_id": user_id, "created_at": now, "expires_at": now + SESSION_LIFETIME}
    session.execute(sa.insert(browser_sessions).values(row))
    return value


def end_session(session: Session, secret: bytes, value: str) -> None:
    session.execute(sa.delete(browser_sessions).where(browser_sessions.c.digest == digest(secret, value)))


def authenticate_session(session: Session, secret: bytes, value: str) -> Actor:
    """Raises TokenInvalid when the session is unknown or over."""
    condition = (browser_sessions.c.digest == digest(secret, value)) & (browser_sessions.c.expires_at > clock.now())
    query = sa.select(*queries.OWNER).join(browser_sessions, browser_sessions.c.user_id == owners.c.id).where(condition)
    row = session.execute(query).first()
    if row is None:
        raise TokenInvalid
    return actor_for_user(session, Owner(*row))


def actor_for_user(session: Session, user: Owner) -> Actor:
    """The user in person: every right that the user has. Raises TokenInvalid for a disabled user."""
    if user.disabled_at is not None:
        raise TokenInvalid
    return Actor(user=user, roles=MappingProxyType(queries.roles_of(session, user.id)))


# --- tokens


def create_token(
    session: Session,
    secret: bytes,
    user_id: int,
    *,
    name: str,
    scope: Scope,
    grants: Sequence[TokenGrant] = (),
    expires_at: datetime | None = None,
    value: str | None = None,
) -> tuple[Token, str]:
    """A new access token and its value, which is not stored and cannot be shown again.

    ``value`` imports a given one (for moves from another hub, and for tests)."""
    value = value or "yg_" + secrets.token_urlsafe(32)
    row = {
        "user_id": user_id,
        "name": name[:100] or "token",
        "preview": f"{value[:3]}…{value[-4:]}",
        "digest": digest(secret, value),
        "scope": scope,
        "created_at": clock.now(),
        "expires_at": expires_at,
    }
    try:
        with session.begin_nested():
            token_id = new_id(session.execute(sa.insert(tokens).values(row)))
    except sa.exc.IntegrityError:
        raise NameTaken("this token value") from None
    if grants:
        rows = [{"token_id": token_id, "target": grant.target.casefold(), "right": grant.right} for grant in grants]
        session.execute(sa.insert(token_grants), rows)
    record(session, TokenCreated(token_id=token_id, scope=scope), actor_id=user_id)
    found = session.execute(sa.select(*queries.TOKEN).where(tokens.c.id == token_id)).one()
    return Token(*found), value


def import_token(
    session: Session, secret: bytes, user_id: int, *, name: str, scope: Scope, value: str
) -> tuple[Token, str]:
    """A token with a given value; importing the same one again for the same user and scope changes nothing.

    Raises NameTaken when the value belongs to somebody else or has another scope."""
    held = session.execute(sa.select(*queries.TOKEN).where(tokens.c.digest == digest(secret, value))).first()
    if held is not None:
        found = Token(*held)
        if (found.user_id, found.scope) != (user_id, scope):
            raise NameTaken("this token value")
        return found, value
    return create_token(session, secret, user_id, name=name, scope=scope, value=value)


def revoke_token(session: Session, user_id: int, token_id: int) -> None:
    """Raises TokenNotFound unless the token is the user's own."""
    where = (tokens.c.id == token_id) & (tokens.c.user_id == user_id)
    if session.execute(sa.delete(tokens).where(where)).rowcount == 0:
        raise TokenNotFound
    record(session, TokenRevoked(token_id=token_id), actor_id=user_id)


def authenticate_token(session: Session, secret: bytes, value: str) -> Actor:
    """Who holds this token. Raises TokenInvalid: a bad token is never an anonymous visitor."""
    return _bearer(session, queries.BEARER_BY_DIGEST, digest(secret, value))


def actor_for_token(session: Session, token_id: int) -> Actor:
    """Who holds the token with this number, for permissions derived from it. Raises TokenInvalid."""
    return _bearer(session, queries.BEARER_BY_ID, token_id)


def _bearer(session: Session, query: sa.Select[Any], key: str | int) -> Actor:
    row = session.execute(query, {"key": key}).first()
    if row is None:
        raise TokenInvalid
    token_id, name, scope, expires_at, *fields = row
    user = Owner(*fields)
    if user.disabled_at is not None or (expires_at is not None and expires_at <= clock.now()):
        raise TokenInvalid
    return Actor(
        user=user,
        roles=MappingProxyType(queries.roles_of(session, user.id)),
        scope=scope,
        token_id=token_id,
        token_name=name,
        grants=queries.grants_of(session, token_id) if scope == "fine-grained" else (),
    )


def touch_token(session: Session, token_id: int) -> None:
    """Note that the token was used, at most once in five minutes."""
    now = clock.now()
    stale = sa.or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < now - _USE_RECORDED_EVERY)
    session.execute(sa.update(tokens).where((tokens.c.id == token_id) & stale).values(last_used_at=now))


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
    where = (members.c.organization_id == organization.id) & (members.c.role == "admin")
    admins = set(session.scalars(sa.select(members.c.user_id).where(where)))
    if admins == {without}:
        raise LastAdmin(organization.name)


@cache
def _decoy() -> str:
    return _hasher().hash(secrets.token_urlsafe(16))
