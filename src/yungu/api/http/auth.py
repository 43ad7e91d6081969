"""Who asks: a token in any of the carriers that clients use, or a browser session.

Carriers, first one present counts: ``Authorization: Bearer``, ``Authorization: Basic`` (the password is the token, any
user name), cookies ``m_session_id`` and ``modelscope_session`` (a token), cookie ``yungu_session`` (a browser session).
Cookies are sent by browsers on their own, so one counts for a changing request only when it comes from our pages."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from yungu import accounts
from yungu.accounts.models import ANONYMOUS, Actor
from yungu.kernel.db import Session
from yungu.kernel.errors import Denied

if TYPE_CHECKING:
    from yungu.api.http.call import Call

SESSION_COOKIE = "yungu_session"
_TOKEN_COOKIES = ("m_session_id", "modelscope_session")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSite(Denied):
    """A changing request with our cookie came from somebody else's page."""


def authenticate(session: Session, call: Call) -> Actor:
    """The actor of a request, ANONYMOUS when it carries nothing. Raises TokenInvalid, CrossSite."""
    header = call.headers.get("authorization")
    if header:
        return accounts.authenticate_token(session, call.site.secret, _token_in(header))
    cookies = call.cookies
    for name in _TOKEN_COOKIES:
        if cookies.get(name):
            refuse_cross_site(call)
            return accounts.authenticate_token(session, call.site.secret, cookies[name])
    if cookies.get(SESSION_COOKIE):
        refuse_cross_site(call)
        return accounts.authenticate_session(session, call.site.secret, cookies[SESSION_COOKIE])
    return ANONYMOUS


def _token_in(header: str) -> str:
    scheme, _, value = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            try:
                user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise accounts.TokenInvalid from None
            return password or user
        case _:
            raise accounts.TokenInvalid


def refuse_cross_site(call: Call) -> None:
    """Raises CrossSite when a changing request was sent by somebody else's page."""
    if call.method in _SAFE:
        return
    origin = call.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != urlsplit(call.origin).netloc:
        raise CrossSite("This request came from another site.")
    if origin is None and call.headers.get("sec-fetch-site") == "cross-site":
        raise CrossSite("This request came from another site.")
