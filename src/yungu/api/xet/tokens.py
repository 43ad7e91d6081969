"""Xet tokens: short-lived, signed, for one repo. The hub issues them, the store believes them without asking."""

from __future__ import annotations

import time
from typing import Literal

import msgspec

from yungu.accounts.models import Actor
from yungu.api.http import Call
from yungu.api.xet.errors import ScopeTooSmall, SealBroken, XetTokenInvalid
from yungu.api.xet.sealed import seal, unseal
from yungu.hub import Repo

LIFE_SECONDS = 900
_PURPOSE = "token"

Scope = Literal["read", "write"]


class XetClaims(msgspec.Struct, frozen=True, array_like=True):
    """What a token says. ``repo``: the repo's number; ``user`` None: anybody, reading a public repo;
    ``token``: the access token behind it, None for a browser session; ``expires``: Unix seconds."""

    repo: int
    user: int | None
    token: int | None
    scope: Scope
    expires: int


def issue(secret: bytes, repo: Repo, actor: Actor, scope: Scope) -> tuple[str, int]:
    """A token for ``repo`` and when it expires (Unix seconds). The caller has checked the right."""
    expires = int(time.time()) + LIFE_SECONDS
    claims = XetClaims(repo.id, actor.id, actor.token_id, scope, expires)
    return seal(secret, _PURPOSE, msgspec.msgpack.encode(claims)), expires


def claims_of(call: Call, *, scope: Scope) -> XetClaims:
    """What the bearer may do. Raises XetTokenInvalid, ScopeTooSmall."""
    kind, _, value = call.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not value:
        raise XetTokenInvalid("missing")
    try:
        claims = msgspec.msgpack.decode(unseal(call.site.secret, _PURPOSE, value.strip()), type=XetClaims)
    except (SealBroken, msgspec.MsgspecError) as error:
        raise XetTokenInvalid("not valid") from error
    if claims.expires < time.time():
        raise XetTokenInvalid("expired")
    if scope == "write" and (claims.scope != "write" or claims.user is None):
        raise ScopeTooSmall
    return claims


def writer_of(claims: XetClaims) -> int:
    """The user behind a token with write scope."""
    if claims.user is None:
        raise ScopeTooSmall
    return claims.user
