"""Xet tokens: short-lived, signed, for one repo. The hub issues them, the store believes them without asking."""

from __future__ import annotations

from typing import Literal

import msgspec

from yungu.accounts import Actor
from yungu.api.http import Call
from yungu.api.http.signing import SignatureInvalid, sign, verify
from yungu.api.xet.errors import ScopeTooSmall, XetTokenInvalid
from yungu.hub.models import Repo
from yungu.kernel import clock

LIFE_SECONDS = 900
_PURPOSE = "xet token"

Scope = Literal["read", "write"]


class XetClaims(msgspec.Struct, frozen=True, array_like=True):
    """What a token says. ``repo``: the repo's number; ``user`` None: anybody, reading a public repo;
    ``token``: the access token behind it, None for a browser session."""

    repo: int
    user: int | None
    token: int | None
    scope: Scope


def issue(secret: bytes, repo: Repo, actor: Actor, scope: Scope) -> tuple[str, int]:
    """A token for ``repo`` and when it expires (Unix seconds). The caller has checked the right."""
    claims = XetClaims(repo.id, actor.id, actor.token_id, scope)
    expires = int(clock.now().timestamp()) + LIFE_SECONDS
    return sign(secret, _PURPOSE, claims, lifetime_seconds=LIFE_SECONDS), expires


def claims_of(call: Call, *, scope: Scope) -> XetClaims:
    """What the bearer may do. Raises XetTokenInvalid, ScopeTooSmall."""
    kind, _, value = call.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise XetTokenInvalid("The Xet token is missing.")
    try:
        claims = verify(call.site.secret, _PURPOSE, value.strip(), XetClaims)
    except SignatureInvalid as error:
        raise XetTokenInvalid("The Xet token is not valid (any more).") from error
    if scope == "write" and (claims.scope != "write" or claims.user is None):
        raise ScopeTooSmall
    return claims


def writer_of(claims: XetClaims) -> int:
    """The user behind a token with write scope."""
    if claims.user is None:
        raise ScopeTooSmall
    return claims.user
