"""Access tokens: random 256-bit values of which only a keyed digest is stored."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

import sqlalchemy as sa

from yungu.accounts import queries
from yungu.accounts.errors import NameTaken, TokenInvalid, TokenNotFound
from yungu.accounts.events import TokenCreated, TokenRevoked
from yungu.accounts.models import Actor, Owner, Scope, Token, TokenGrant, token_grants, tokens
from yungu.accounts.rules import digest
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id, remember
from yungu.kernel.events import record
from yungu.kernel.prepared import Prepared

_USE_RECORDED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Bearer:
    """Who holds a token, until when."""

    actor: Actor
    expires_at: datetime | None


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
    found = remember(
        session,
        (authenticate_token, value),  # asked in front of every request, so that even the digest is worth remembering
        lambda: _find_bearer(session, queries.BEARER_BY_DIGEST, digest(secret, value)),
    )
    return _valid(found)


def actor_for_token(session: Session, token_id: int) -> Actor:
    """Who holds the token with this number, for permissions derived from it. Raises TokenInvalid."""
    key = (actor_for_token, token_id)
    return _valid(remember(session, key, lambda: _find_bearer(session, queries.BEARER_BY_ID, token_id)))


def _valid(found: _Bearer | None) -> Actor:
    if found is None or (found.expires_at is not None and found.expires_at <= clock.now()):
        raise TokenInvalid
    return found.actor


def _find_bearer(session: Session, query: Prepared, key: str | int) -> _Bearer | None:
    rows = query.all(session, {"key": key})
    if not rows:
        return None
    token_id, name, scope, expires_at, _, _, *fields = rows[0]
    user = Owner(*fields)
    if user.disabled_at is not None:
        return None
    actor = Actor(
        user=user,
        roles=MappingProxyType({row[4]: row[5] for row in rows if row[4] is not None}),
        scope=scope,
        token_id=token_id,
        token_name=name,
        grants=queries.grants_of(session, token_id) if scope == "fine-grained" else (),
    )
    return _Bearer(actor, expires_at)


def touch_token(session: Session, token_id: int) -> None:
    """Note that the token was used, at most once in five minutes."""
    now = clock.now()
    stale = sa.or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < now - _USE_RECORDED_EVERY)
    session.execute(sa.update(tokens).where((tokens.c.id == token_id) & stale).values(last_used_at=now))
