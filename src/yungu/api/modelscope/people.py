"""Signing in, and who one is."""

from __future__ import annotations

from email.utils import format_datetime

from starlette.responses import Response

from yungu import accounts
from yungu.accounts.models import Owner
from yungu.api.http import Call
from yungu.api.modelscope import wire
from yungu.api.modelscope.errors import LoginRefused
from yungu.api.modelscope.routes import legacy, open_routes
from yungu.kernel import clock
from yungu.kernel.db import Session

COOKIE = "m_session_id"


@legacy.post("/api/v1/login", writes=False)
def login(session: Session, call: Call) -> Response:
    """Sign in with an access token. The same token is given back as the password for git and as the session cookie.

    The cookie needs an expiry date: the clients keep it in a file, and drop what lasts only for a session."""
    token = call.body_as(wire.Login).access_token.strip()
    try:
        actor = accounts.authenticate_token(session, call.site.secret, token)
    except accounts.TokenInvalid:
        raise LoginRefused from None
    if actor.user is None:
        raise LoginRefused
    user = actor.user
    data = {
        "AccessToken": token,
        "Username": user.name,
        "Email": user.email or "",
        "Id": user.id,
        "Name": user.full_name,
    }
    response = wire.answer(call, data)
    expires = clock.now() + accounts.SESSION_LIFETIME
    secure = "; Secure" if call.origin.startswith("https:") else ""
    cookie = (
        f"{COOKIE}={token}; Expires={format_datetime(expires, usegmt=True)}; Path=/; HttpOnly; SameSite=Lax{secure}"
    )
    response.headers.append("set-cookie", cookie)
    return response


@legacy.get("/api/v1/users/me")
def me(session: Session, call: Call) -> Response:
    user = _user(session, call)
    return wire.answer(call, {"Name": user.name, "Username": user.name, "Email": user.email or "", "Id": user.id})


@open_routes.get("/openapi/v1/users/me")
def open_me(session: Session, call: Call) -> Response:
    user = _user(session, call)
    body = {
        "id": user.id, "username": user.name, "Username": user.name, "name": user.name, "preferred_username": user.name,
        "nickname": user.full_name or user.name, "email": user.email or "", "avatar": "", "avatar_url": "",
        "description": "", "created_at": wire.stamp(user.created_at),
    }  # fmt: skip
    return wire.open_answer(call, body)


@legacy.get("/api/v1/repos/internalAccelerationInfo", quick=True)
def acceleration(session: Session, call: Call) -> Response:
    """Asked before every download: whether a nearer server should be used. There is none."""
    return wire.answer(call, {"InternalRegionQueryAddress": ""})


def _user(session: Session, call: Call) -> Owner:
    actor = call.actor(session)
    if actor.user is None:
        raise accounts.SignInRequired
    return actor.user
