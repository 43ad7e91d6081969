"""Routes over the raw path: a segment is split off before it is unquoted, so ``refs%2Fpr%2F1`` stays one segment.

Patterns: ``/api/{kinds}/{owner}/{name}/tree/{rev}/{path*}``. A literal wins over a parameter, a parameter over the rest
of the path (``{path*}``, one or more segments). Some names take only certain values, see ``ALLOWED``."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.responses import Response

from yungu.kernel.errors import Invalid, YunguError

if TYPE_CHECKING:
    from yungu.api.http.call import Call
    from yungu.kernel.db import Session

SyncHandler = Callable[["Session", "Call"], Response]
AsyncHandler = Callable[["Call"], Awaitable[Response]]
Handler = SyncHandler | AsyncHandler
OnError = Callable[["Call", YunguError], Response]

ALLOWED = {"kinds": frozenset({"models", "datasets", "spaces", "studios"})}
DEFAULT_MAX_BODY = 4 * 1024 * 1024


class PathNotText(Invalid):
    """The path is not percent-encoded UTF-8, or holds a NUL character."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one pattern. ``writes``: the handler's transaction may write. ``quick``: point reads only, may run
    on the event loop. ``max_body``: bytes of body that a synchronous handler gets to see."""

    method: str
    pattern: str
    handler: Handler
    on_error: OnError
    writes: bool
    quick: bool
    max_body: int
    is_async: bool


class Routes:
    """The routes of one dialect, and how it says no."""

    def __init__(self, *, on_error: OnError) -> None:
        self.on_error = on_error
        self.routes: list[Route] = []

    def add(
        self,
        method: str,
        *patterns: str,
        writes: bool | None = None,
        quick: bool = False,
        max_body: int = DEFAULT_MAX_BODY,
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            may_write = method not in ("GET", "HEAD") if writes is None else writes
            is_async = inspect.iscoroutinefunction(handler)
            for pattern in patterns:
                self.routes.append(Route(method, pattern, handler, self.on_error, may_write, quick, max_body, is_async))
            return handler

        return register

    def get(self, *patterns: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("GET", *patterns, **options)

    def head(self, *patterns: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("HEAD", *patterns, **options)

    def post(self, *patterns: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("POST", *patterns, **options)

    def put(self, *patterns: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("PUT", *patterns, **options)

    def patch(self, *patterns: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("PATCH", *patterns, **options)

    def delete(self, *patterns: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("DELETE", *patterns, **options)


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    params: dict[str, _Node] = field(default_factory=dict)
    tails: dict[str, dict[str, Route]] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """What a path leads to: routes by method, and the parameters (only if it has the method that was asked for)."""

    routes: dict[str, Route]
    params: dict[str, str]

    def route(self, method: str) -> Route | None:
        return self.routes.get(method) or (self.routes.get("GET") if method == "HEAD" else None)


class Router:
    """All routes of all dialects. Two routes on the same method and pattern are a programming error."""

    def __init__(self, dialects: Iterable[Routes]) -> None:
        self._root = _Node()
        self.routes = [route for dialect in dialects for route in dialect.routes]
        for route in self.routes:
            self._add(route)

    def match(self, raw_path: bytes, method: str) -> Match | None:
        """Where the path leads; a pattern that has the method is preferred. Raises PathNotText."""
        segments = _segments(raw_path)
        if len(segments) > 1 and segments[-1] == "":
            segments.pop()
        others: list[Match] = []
        return _walk(self._root, segments, 0, method, others) or (others[0] if others else None)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.pattern.split("/")[1:]:
            if segment.endswith("*}"):
                _put(node.tails.setdefault(segment[1:-2], {}), route)
                return
            if segment.startswith("{"):
                name = segment[1:-1]
                if name in ALLOWED and name not in node.params:
                    node.params = {name: _Node(), **node.params}  # tried before parameters that take anything
                node = node.params.setdefault(name, _Node())
            else:
                node = node.literals.setdefault(segment, _Node())
        _put(node.routes, route)


def _put(routes: dict[str, Route], route: Route) -> None:
    if route.method in routes:
        raise ValueError(f"two routes for {route.method} {route.pattern}")
    routes[route.method] = route


def _segments(raw_path: bytes) -> list[str]:
    try:
        segments = raw_path.decode("ascii").split("/")[1:]
        if b"%" in raw_path:
            segments = [unquote(segment, errors="strict") for segment in segments]
    except UnicodeDecodeError as error:
        raise PathNotText("The path is not valid UTF-8.") from error
    if b"%00" in raw_path:
        raise PathNotText("The path holds a NUL character.")
    return segments


def _walk(node: _Node, segments: list[str], at: int, method: str, others: list[Match]) -> Match | None:
    """Where the segments from ``at`` on lead, if that has the method; what has not is added to ``others``."""
    if at == len(segments):
        return _accepted(Match(node.routes, {}), method, others) if node.routes else None
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None and (found := _walk(literal, segments, at + 1, method, others)):
        return found
    for name, child in node.params.items():
        if segment and (name not in ALLOWED or segment in ALLOWED[name]):
            found = _walk(child, segments, at + 1, method, others)
            if found is not None:
                found.params[name] = segment
                return found
    for name, routes in node.tails.items():
        if found := _accepted(Match(routes, {name: "/".join(segments[at:])}), method, others):
            return found
    return None


def _accepted(match: Match, method: str, others: list[Match]) -> Match | None:
    if match.route(method) is not None:
        return match
    others.append(match)
    return None
