"""One request on its way through a dialect."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import uuid4

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yungu.accounts.models import ANONYMOUS, Actor
from yungu.api.http.auth import authenticate
from yungu.api.http.rates import Standing
from yungu.api.http.site import Site
from yungu.hub import Kind
from yungu.kernel import events
from yungu.kernel.db import Session
from yungu.kernel.errors import Invalid

P = ParamSpec("P")
T = TypeVar("T")

_KIND_OF = {"models": "model", "datasets": "dataset", "spaces": "space", "studios": "space"}
_WHOLE = re.compile(r"[0-9]{1,15}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"^[A-Za-z0-9.\-_]+(:\d+)?$|^\[[0-9A-Fa-f:.]+\](:\d+)?$")


class BodyInvalid(Invalid):
    """The body is not what this address takes."""


class HostInvalid(Invalid):
    """The Host header is not a host."""


class Call(Request):
    """A Starlette request that knows the site, the route's parameters and who asks.

    ``body_bytes``: the whole body, read before a synchronous handler runs (at most the route's ``max_body``)."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, site: Site, params: Mapping[str, str]) -> None:
        super().__init__(scope, receive, send)
        self.site = site
        self.params = params
        self.body_bytes = b""
        self.standing: Standing | None = None
        self._actor: Actor | None = None
        self._seen: _Seen | None = None
        self._number = ""

    @property
    def number(self) -> str:
        """Tells this request from all others, ever."""
        self._number = self._number or str(uuid4())
        return self._number

    @property
    def headers(self) -> Headers:
        """The request's headers, by names in any case."""
        if self._seen is None:
            self._seen = _Seen(self.scope["headers"])
        return self._seen

    # --- what the path says

    @property
    def kind(self) -> Kind:
        """The repo kind named by ``{kinds}``; a path without one speaks of a model."""
        return cast(Kind, _KIND_OF[self.params.get("kinds", "models")])

    @property
    def repo_id(self) -> str:
        return f"{self.params['owner']}/{self.params['name']}"

    @property
    def origin(self) -> str:
        """``scheme://host[:port]`` as this client sees the server, for absolute links. No trailing slash."""
        if self.site.base_url:
            return self.site.base_url
        host = self.headers.get("host", "")
        if not _HOST.match(host):
            raise HostInvalid("The Host header is not valid.")
        return f"{self.scope['scheme']}://{host}"

    # --- who asks

    def actor(self, session: Session) -> Actor:
        """Who asks. Raises TokenInvalid when credentials were sent that are not good."""
        if self._actor is None:
            self._actor = authenticate(session, self)
            if self._actor.token_id is not None:
                self.site.used_tokens.add(self._actor.token_id)
        return self._actor

    def actor_still(self, session: Session) -> Actor:
        """Who asks, found out anew: when a long body ends, a token may be revoked, a member gone. Raises
        TokenInvalid."""
        self._actor = None
        return self.actor(session)

    @property
    def known_actor(self) -> Actor:
        """Who asks, as far as it was already found out; for the answer to a request that failed early."""
        return self._actor or ANONYMOUS

    @property
    def address(self) -> str:
        """The network address that the request came from."""
        return self.client.host if self.client else "?"

    @property
    def visitor(self) -> str:
        """Tells visitors apart for counting: the user, else the address."""
        if self._actor is not None and self._actor.id is not None:
            return f"u{self._actor.id}"
        return self.address

    # --- what the body says

    def body_as(self, struct: type[T]) -> T:
        """The JSON body as ``struct``. Raises BodyInvalid."""
        try:
            return msgspec.json.decode(self.body_bytes or b"{}", type=struct)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BodyInvalid(f"The JSON body is not valid: {error}.") from error

    # --- facts from an asynchronous handler

    async def read(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work(session, ...)`` in a read transaction, in a worker thread."""
        return await self.in_thread(lambda: self._within(self.site.db.read, work, *args, **kwargs))

    async def write(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work(session, ...)`` in a write transaction, in a worker thread; it is committed when this returns."""

        def come() -> T:
            with events.coming_from(self.address):
                return self._within(self.site.db.write, work, *args, **kwargs)

        return await self.in_thread(come)

    async def note(self, work: Callable[[Session], T], *, lasts: bool = True) -> T:
        """Like ``write``, for work of a millisecond: it may share its commit with that of others, see `Desk.write`. It
        is done also when the waiting is cancelled."""
        if not self.site.desk.is_useful:
            return await asyncio.shield(self.write(work))

        def come(session: Session) -> T:
            with events.coming_from(self.address):
                return work(session)

        return await self.site.desk.write(come, lasts=lasts)

    async def look(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like ``read``, for point reads only: on SQLite they take less than the way to a thread."""
        if self.site.db.is_sqlite:
            return self._within(self.site.db.glance, work, *args, **kwargs)
        return await self.read(work, *args, **kwargs)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run ``work()`` in a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self.site.workers, work)

    @staticmethod
    def _within(begin: Any, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        with begin() as session:
            return work(session, *args, **kwargs)


class _Seen(Headers):
    """Headers of which one after the other is asked for: every request asks for many."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        super().__init__(raw=raw)
        self._first = dict(reversed(raw))

    def get(self, key: str, default: Any = None) -> Any:
        found = self._first.get(key.lower().encode("latin-1"))
        return default if found is None else found.decode("latin-1")


def whole_number(text: str) -> int | None:
    """The number that a query parameter of at most 15 digits means, None when it means none."""
    return int(text) if _WHOLE.fullmatch(text) else None


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``value`` (anything msgspec encodes) as JSON."""
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")


def header_text(text: str) -> str:
    """Any text as far as it may stand in a header: at most 400 characters of Latin-1 on one line."""
    line = " ".join(text.split()).encode("latin-1", "replace").decode("latin-1")[:400]
    return _CONTROL.sub("?", line)
