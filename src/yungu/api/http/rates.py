"""How often one asker may ask: fixed windows for API, downloads and pages, told in the headers that clients read.

The headers are those of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ in the older spelling
that Hugging Face clients understand: ``RateLimit: "api";r=59999;t=300``.

An asker is a user, else a network address. Credentials stand for a user only once they were found good, so that made-up
ones are counted where they come from. Requests from this machine itself are not counted."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from yungu.kernel.errors import Exhausted

if TYPE_CHECKING:
    from limits import RateLimitItem
    from starlette.responses import Response
    from starlette.types import Scope

    from yungu.api.http.call import Call
    from yungu.api.http.windows import Windows

Resource = Literal["api", "resolvers", "pages"]
WINDOW_SECONDS = 300
_KNOWN = 20_000
_UNCOUNTED = ("/static/", "/healthz")
_BYTES = ("/resolve/", "/raw/", "/info/lfs/", "/info/refs", "/git-upload-pack", "/git-receive-pack", "/archive/")
_CREDENTIALS = frozenset({b"authorization", b"cookie"})
_API = ("/api/", "/openapi/", "/v1/", "/models/")


class TooManyRequests(Exhausted):
    """An asker asked more often than allowed (HTTP 429)."""

    def __init__(self, resource: Resource, seconds: int) -> None:
        super().__init__(f"Too many requests; try again in {seconds} seconds.")
        self.resource = resource
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """How an asker stands in the present window. ``seconds``: until the next one."""

    resource: Resource
    remaining: int
    seconds: int


class Rates:
    """``most``: requests of one asker in five minutes, by resource; a resource that is missing is not counted."""

    def __init__(self, most: dict[Resource, int]) -> None:
        self.most = {resource: count for resource, count in most.items() if count > 0}
        self._policies = {
            resource: f'"fixed window";"{resource}";q={count};w={WINDOW_SECONDS}'.encode()
            for resource, count in self.most.items()
        }
        self._resources: dict[str, Resource | None] = {}
        self._users: dict[int, str] = {}

    def count(self, call: Call, pattern: str) -> None:
        """Count a request on the route with this pattern. Raises TooManyRequests."""
        host = call.scope["client"][0] if call.scope.get("client") else ""
        if not host or _is_here(host):
            return
        resource = self._resource(pattern)
        if resource is None:
            return
        asker = self._users.get(_credential(call.scope)) or _network(host)
        remaining, seconds = self._windows.hit(self._items[resource], asker)
        call.standing = Standing(resource, max(remaining, 0), seconds)
        if remaining < 0:
            raise TooManyRequests(resource, seconds)

    def tell(self, call: Call, response: Response) -> None:
        """Put the asker's standing into the answer, and remember whose credentials these were."""
        standing = call.standing
        if standing is None:
            return
        name, remaining, seconds = standing.resource, standing.remaining, standing.seconds
        response.raw_headers.append((b"ratelimit", f'"{name}";r={remaining};t={seconds}'.encode()))
        response.raw_headers.append((b"ratelimit-policy", self._policies[name]))
        if response.status_code == 429:
            response.raw_headers.append((b"retry-after", str(seconds).encode()))
        user_id = call.known_actor.id
        if user_id is not None:
            if len(self._users) >= _KNOWN:
                self._users.clear()
            self._users[_credential(call.scope)] = f"u{user_id}"

    def _resource(self, pattern: str) -> Resource | None:
        if pattern not in self._resources:
            found = resource_of(pattern)
            self._resources[pattern] = found if found in self.most else None
        return self._resources[pattern]

    @cached_property
    def _windows(self) -> Windows:
        from yungu.api.http.windows import Windows  # 0.12 s to load, needed only when somebody comes from elsewhere

        return Windows()

    @cached_property
    def _items(self) -> dict[Resource, RateLimitItem]:
        from limits import RateLimitItemPerSecond

        return {
            resource: RateLimitItemPerSecond(most, WINDOW_SECONDS, namespace=resource)
            for resource, most in self.most.items()
        }


def asker_of(call: Call) -> str | None:
    """Who is counted for what was found to be a good request: a user, else a network; None for this machine itself."""
    if call.known_actor.id is not None:
        return f"u{call.known_actor.id}"
    return None if _is_here(call.address) else _network(call.address)


def resource_of(pattern: str) -> Resource | None:
    """What a route is counted as; None: it is not."""
    if pattern.startswith(_UNCOUNTED):
        return None
    if pattern.startswith("/xet/") or any(part in pattern for part in _BYTES) or pattern.endswith("/{name}/repo"):
        return "resolvers"
    return "api" if pattern.startswith(_API) else "pages"


def _is_here(host: str) -> bool:
    return host.startswith("127.") or host == "::1"


def _credential(scope: Scope) -> int:
    """A number for the credentials of a request; they themselves are not kept."""
    return hash(tuple([value for name, value in scope["headers"] if name in _CREDENTIALS]))


@lru_cache(4096)
def _network(host: str) -> str:
    """What one subscriber has: an IPv4 address, or 64 bits of an IPv6 one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
