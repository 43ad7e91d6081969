"""Who looks at a page, in which language: what every view begins with."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlencode

import msgspec

from yungu import hub
from yungu.accounts import ANONYMOUS, Actor, SignInRequired, TokenInvalid
from yungu.accounts.models import Owner
from yungu.api.http import Call
from yungu.api.http.auth import SESSION_COOKIE
from yungu.api.http.signing import SignatureInvalid, sign, verify
from yungu.api.web.language import Language, choose_language, translations
from yungu.kernel.db import Session

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
THEME_COOKIE = "yungu_theme"
TOLD_COOKIE = "yungu_told"
_TOLD_SECONDS = 60


class Told(msgspec.Struct, frozen=True):
    """What the page after a form shall say of what was done."""

    text: str


@dataclass(slots=True)
class Visit:
    """``has_stale_cookie``: the browser sent a session that is over; the answer takes the cookie away.
    ``unread_count``: of notifications."""

    call: Call
    actor: Actor = ANONYMOUS
    has_stale_cookie: bool = False
    unread_count: int = 0
    language: Language = field(init=False)

    def __post_init__(self) -> None:
        self.language = choose_language(self.call)

    @property
    def theme(self) -> Theme | None:
        """The colours that the visitor has chosen, None to follow their system."""
        chosen = self.call.cookies.get(THEME_COOKIE)
        return chosen if chosen in THEMES else None

    @property
    def told(self) -> str:
        """What the form before this page has done, as it said itself; empty when there was none. See `tell`."""
        cookie = self.call.cookies.get(TOLD_COOKIE, "")
        try:
            return verify(self.call.site.secret, TOLD_COOKIE, cookie, Told).text if cookie else ""
        except SignatureInvalid:
            return ""

    def tell(self, text: str) -> str:
        """The cookie that makes the next page say ``text``: signed, so that nobody else puts words on our pages."""
        return sign(self.call.site.secret, TOLD_COOKIE, Told(text[:300]), lifetime_seconds=_TOLD_SECONDS)

    @property
    def path(self) -> str:
        """The address of this page on this site, with its query. Browsers would read "//host" as another site."""
        query = self.call.url.query
        raw: bytes = self.call.scope.get("raw_path") or self.call.scope["path"].encode()
        return "/" + raw.decode("ascii", "replace").lstrip("/\\") + (f"?{query}" if query else "")

    @property
    def here(self) -> str:
        """This page, as a place to come back to after signing in; empty where coming back makes no sense."""
        is_door = self.call.scope["path"] in ("/", "/login", "/join")
        return "" if is_door or self.call.method not in ("GET", "HEAD") else self.path

    def in_language(self, language: Language) -> str:
        """This page in another language."""
        path, _, query = self.path.partition("?")
        pairs = [(name, value) for name, value in parse_qsl(query) if name != "lang"]
        return f"{path}?{urlencode([*pairs, ('lang', language)])}"

    @property
    def form_token(self) -> str:
        """Proof that a form came from a page that this server made for this session."""
        session = self.call.cookies.get(SESSION_COOKIE, "") if self.actor.user else ""
        return hmac.digest(self.call.site.secret, f"form\0{session}".encode(), "sha256").hex()

    def person(self) -> Owner:
        """The user who is here in person, by a browser session: an access token may not use forms, or it could make
        itself a stronger one. Raises SignInRequired."""
        if self.actor.user is None or self.actor.scope is not None:
            raise SignInRequired
        return self.actor.user

    def gettext(self, message: str) -> str:
        return translations(self.language).gettext(message)


def begin(session: Session, call: Call) -> Visit:
    """A session cookie that is over means nobody is signed in; any other bad credential raises TokenInvalid."""
    try:
        actor = call.actor(session)
        return Visit(call, actor, unread_count=0 if actor.id is None else hub.count_unread(session, actor))
    except TokenInvalid:
        if "authorization" in call.headers:
            raise
        return Visit(call, has_stale_cookie=True)
