"""The very first start: somebody must be able to sign in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from yungu import accounts
from yungu.api.http import Site

NAME = "admin"


@dataclass(frozen=True, slots=True)
class Administrator:
    """Whoever was made at the first start. The password is kept nowhere in plain text: show it or lose it."""

    name: str
    password: str


def ensure_administrator(site: Site) -> Administrator | None:
    """Make an administrator with a random password when nobody can sign in yet; None when somebody can."""
    with site.db.read() as session:
        if accounts.user_exists(session):
            return None
    password = secrets.token_urlsafe(12)
    hashed = accounts.hash_password(password)
    with site.db.write() as session:
        if accounts.user_exists(session):
            return None
        accounts.create_user(session, NAME, password_hash=hashed, full_name="Administrator", is_admin=True)
    return Administrator(NAME, password)
