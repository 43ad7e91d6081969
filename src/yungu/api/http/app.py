"""The ASGI application: finds the route, runs its handler in one transaction, lets the dialect say no.

A handler's answer is sent only after its transaction has committed; a commit that fails is a failed answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import cast

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yungu.api.http.call import BodyInvalid, Call
from yungu.api.http.router import AsyncHandler, Match, OnError, Route, Router, Routes, SyncHandler
from yungu.api.http.site import Site
from yungu.api.http.uploads import BodyTooLarge
from yungu.kernel.db import DatabaseAway, is_away
from yungu.kernel.errors import Invalid, NotFound, YunguError
from yungu.storage.errors import StorageFull
from yungu.storage.room import is_out_of_room

log = logging.getLogger("yungu.http")
_REQUEST_ID = re.compile(r"^[\w.:;=/\-]{1,200}$")


class RouteNotFound(NotFound):
    """No dialect knows this address."""


class MethodNotAllowed(Invalid):
    """The address is known, but not with this method."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{method} is not possible here, only {', '.join(allowed)}.")
        self.allowed = tuple(allowed)


class Unexpected(YunguError):
    """Something broke; the log has the details under the request id."""


class App:
    """``fallbacks``: (path prefix, how to say "not found" there), longest prefix first; the last one is ``""``."""

    def __init__(
        self,
        site: Site,
        dialects: Sequence[Routes],
        fallbacks: Sequence[tuple[str, OnError]],
        lifespan: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self.site = site
        self.router = Router(dialects)
        self._fallbacks = fallbacks
        self._lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        call = Call(scope, receive, send, self.site, {})
        request_id = _request_id(call)
        response = await self._answer(call, request_id)
        if self.site.rates is not None:
            self.site.rates.tell(call, response)
        if b"x-request-id" not in dict(response.raw_headers):
            response.raw_headers.append((b"x-request-id", request_id.encode("latin-1")))
        try:
            await response(scope, receive, send)
        except ClientDisconnect:
            log.debug("client left during %s", scope["path"])

    async def _answer(self, call: Call, request_id: str) -> Response:
        route: Route | None = None
        try:
            raw_path = call.scope.get("raw_path") or call.scope["path"].encode()
            route, call.params = _route(self.router.match(raw_path, call.method), call)
            if self.site.rates is not None:
                self.site.rates.count(call, route.pattern)
            return await self._run(route, call)
        except YunguError as error:
            return self._refused(route, call, error)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # the outermost boundary: whatever broke is logged and told as a failure
            log.exception("request %s failed: %s %s", request_id, call.method, call.scope["path"])
            if is_out_of_room(error, self.site.git.root):
                return self._refused(route, call, StorageFull("The disk of the server is full; nothing was changed."))
            if is_away(error):
                return self._refused(route, call, DatabaseAway())
            told = Unexpected(f"Something went wrong on the server. Request id: {request_id}")
            return self._refused(route, call, told)

    def _refused(self, route: Route | None, call: Call, error: YunguError) -> Response:
        return (route.on_error if route else self._fallback(call.scope["path"]))(call, error)

    async def _run(self, route: Route, call: Call) -> Response:
        if route.is_async:
            return await cast(AsyncHandler, route.handler)(call)
        if route.method not in ("GET", "HEAD"):
            call.body_bytes = await read_body(call, route.max_body)
        work = cast(SyncHandler, route.handler)
        if route.quick and not route.writes and self.site.db.is_sqlite:
            with self.site.db.glance() as session:
                return work(session, call)
        return await (call.write(work, call) if route.writes else call.read(work, call))

    def _fallback(self, path: str) -> OnError:
        return next(on_error for prefix, on_error in self._fallbacks if path.startswith(prefix))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def read_body(call: Call, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as that is certain, BodyInvalid for a lying Content-Length."""
    declared = call.headers.get("content-length", "0")
    if not declared.isdigit():
        raise BodyInvalid("Content-Length is not a number.")
    if int(declared) > limit:
        raise BodyTooLarge(f"The request body is larger than {limit} bytes.")
    parts, total = [], 0
    async for part in call.stream():
        total += len(part)
        if total > limit:
            raise BodyTooLarge(f"The request body is larger than {limit} bytes.")
        parts.append(part)
    return b"".join(parts)


def _route(found: Match | None, call: Call) -> tuple[Route, dict[str, str]]:
    if found is None:
        raise RouteNotFound(f"There is nothing at {call.scope['path']}.")
    route = found.route(call.method)
    if route is None:
        raise MethodNotAllowed(call.method, sorted(found.routes))
    return route, found.params


def _request_id(call: Call) -> str:
    given = call.headers.get("x-amzn-trace-id") or call.headers.get("x-request-id") or ""
    return given if _REQUEST_ID.match(given) else call.number
