"""Passwords: argon2id. Hashing and checking take about 0.2 s of CPU, so that they know no session: nobody else may
wait for them.

    held = accounts.find_credentials(session, name)     # in one transaction
    user = accounts.verify_password(held, password)     # in none
    accounts.sign_in(session, secret, held, how="password")     # in another, which sees that nothing changed meanwhile
"""

from __future__ import annotations

import secrets
from functools import cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from yungu.accounts import queries, rules
from yungu.accounts.errors import PasswordWrong, ResetInvalid
from yungu.accounts.events import PasswordChanged, PasswordResetMade, SignInFailed
from yungu.accounts.models import Credentials, Owner, browser_sessions, owners
from yungu.kernel.db import Session
from yungu.kernel.events import record

if TYPE_CHECKING:
    from argon2 import PasswordHasher


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # 15 ms to load, needed only when somebody signs in

    return PasswordHasher()


@cache
def _decoy() -> str:
    return _hasher().hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    """What is stored of a password. Raises PasswordWeak."""
    rules.check_password(password)
    return _hasher().hash(password)


def verify_password(held: Credentials, password: str) -> Owner:
    """The user, or PasswordWrong (the same for an unknown name, after the same work)."""
    from argon2.exceptions import VerificationError

    try:
        _hasher().verify(held.password_hash or _decoy(), password)
    except VerificationError:
        raise PasswordWrong from None
    if held.user is None or held.password_hash is None or held.user.disabled_at is not None:
        raise PasswordWrong
    return held.user


def note_failure(session: Session, held: Credentials) -> None:
    """Write down that a password was wrong."""
    name, user_id = (held.user.name, held.user.id) if held.user else (None, None)
    record(session, SignInFailed(name=name, how="password"), actor_id=user_id)


def change_password(session: Session, user_id: int, password_hash: str, *, by: int | None = None) -> None:
    """Set a new password and end all browser sessions of the user."""
    session.execute(sa.update(owners).where(owners.c.id == user_id).values(password_hash=password_hash))
    session.execute(sa.delete(browser_sessions).where(browser_sessions.c.user_id == user_id))
    record(session, PasswordChanged(user_id=user_id), actor_id=user_id if by is None else by)


def begin_reset(session: Session, secret: bytes, user: Owner, *, by: int | None) -> str:
    """A mark of the user's present password for a link by which a new one may be chosen, as long as it is the same."""
    record(session, PasswordResetMade(user_id=user.id), actor_id=by)
    return _mark(session, secret, user)


def check_reset(session: Session, secret: bytes, user_id: int, mark: str) -> Owner:
    """The user whose password a link may change. Raises ResetInvalid once it was changed, or for a suspended user."""
    user = queries.find_owner_by_id(session, user_id)
    if user is None or user.disabled_at is not None or _mark(session, secret, user) != mark:
        raise ResetInvalid
    return user


def _mark(session: Session, secret: bytes, user: Owner) -> str:
    held = queries.find_credentials(session, user.name)
    return rules.digest(secret, f"password\0{user.id}\0{held.password_hash}")
