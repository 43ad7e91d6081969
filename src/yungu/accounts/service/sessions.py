"""Browser sessions: random 256-bit values of which only a keyed digest is stored."""

from __future__ import annotations

import secrets
from datetime import timedelta
from types import MappingProxyType

import sqlalchemy as sa

from yungu.accounts import queries
from yungu.accounts.errors import PasswordWrong, TokenInvalid
from yungu.accounts.events import SessionsEnded, SignedIn
from yungu.accounts.models import Actor, Credentials, Owner, browser_sessions, owners
from yungu.accounts.rules import digest
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.events import record

SESSION_LIFETIME = timedelta(days=30)


def sign_in(session: Session, secret: bytes, held: Credentials) -> str:
    """The cookie of a new browser session for a user whose password was just verified.

    Raises PasswordWrong when the password was changed, or the user shut out, while it was."""
    user = held.user
    if user is None or queries.find_credentials(session, user.name) != held:
        raise PasswordWrong
    return start_session(session, secret, user.id, how="password")


def start_session(session: Session, secret: bytes, user_id: int, *, how: str = "") -> str:
    """A new browser session; the value returned is the cookie. ``how`` somebody signed in, where it was a sign-in."""
    value, now = secrets.token_urlsafe(32), clock.now()
    row = {"digest": digest(secret, value), "user_id": user_id, "created_at": now, "expires_at": now + SESSION_LIFETIME}
    session.execute(sa.insert(browser_sessions).values(row))
    if how:
        record(session, SignedIn(how=how), actor_id=user_id)
    return value


def end_session(session: Session, secret: bytes, value: str) -> None:
    session.execute(sa.delete(browser_sessions).where(browser_sessions.c.digest == digest(secret, value)))


def end_sessions(session: Session, user: Owner, *, by: int | None) -> None:
    """Sign all browsers of a user out."""
    session.execute(sa.delete(browser_sessions).where(browser_sessions.c.user_id == user.id))
    record(session, SessionsEnded(user_id=user.id), actor_id=by)


def authenticate_session(session: Session, secret: bytes, value: str) -> Actor:
    """Raises TokenInvalid when the session is unknown or over."""
    condition = (browser_sessions.c.digest == digest(secret, value)) & (browser_sessions.c.expires_at > clock.now())
    query = sa.select(*queries.OWNER).join(browser_sessions, browser_sessions.c.user_id == owners.c.id).where(condition)
    row = session.execute(query).first()
    if row is None:
        raise TokenInvalid
    return actor_for_user(session, Owner(*row))


def actor_for_user(session: Session, user: Owner) -> Actor:
    """The user in person: every right that the user has. Raises TokenInvalid for a suspended user."""
    if user.disabled_at is not None:
        raise TokenInvalid
    return Actor(user=user, roles=MappingProxyType(queries.roles_of(session, user.id)))
