"""Model servers that speak OpenAI's protocol, ours on loopback or anybody's: a client that does little per call.

    servers = Servers()
    reply = await servers.post(target, "/v1/chat/completions", body, stall_seconds=60)
    while part := await reply.read():        # what has come so far, at most half a MiB; b"" at the end
        ...

Connections are kept. It reads HTTP/1.1 with httptools, which the hub's own server uses. For the same call aiohttp takes
2 to 3 times its CPU, httpx 14 to 28 times (bench/upstream.py)."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import cast
from urllib.parse import urlsplit

import httptools

from yungu.compute.errors import ReplicaFailed, ReplicaStalled
from yungu.compute.models import Deployment, Target
from yungu.compute.service import upstream_key
from yungu.hub.backends.calling import judged_address

_CONNECT_SECONDS = 10.0
_KEPT_SECONDS = 15.0
_MOST_KEPT = 64
_HIGH_BYTES = 256 << 10  # then the server has to wait until its reader is here again
_MAX_HEADERS = 64 << 10


class Unreached(ReplicaFailed):
    """A model server took no connection, so that nothing was asked of it."""

    def __init__(self) -> None:
        super().__init__("The model server cannot be reached.", hint="Try again in a moment.")


class AnswerTooLong(ReplicaFailed):
    """A model server sends more than a call can be answered with."""


class Upstreams:
    """The part of the pool that others run. ``secret``: the server's own key, by which theirs are sealed."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @asynccontextmanager
    async def reach(self, deployment: Deployment) -> AsyncIterator[Target]:
        """Raises SealBroken."""
        yield self.target(deployment)

    def target(self, deployment: Deployment) -> Target:
        """Where its calls go. Raises SealBroken."""
        key = upstream_key(self._secret, deployment)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        may_be_private = bool(deployment.options.get("may_call_private"))
        return Target(_base(deployment.address), headers, deployment.upstream_model, may_be_private)

    async def stop(self) -> None:
        """There is nothing of ours to stop."""


def _base(address: str) -> str:
    """People name a server with or without "/v1"."""
    return address.rstrip("/").removesuffix("/v1")


@dataclass(frozen=True, slots=True)
class _Place:
    """A server to connect to."""

    scheme: str
    host: str
    port: int
    may_be_private: bool


class Servers:
    """Connections to model servers, of one event loop."""

    def __init__(self) -> None:
        self._idle: dict[_Place, list[_Line]] = defaultdict(list)

    async def post(
        self, target: Target, path: str, body: bytes, *, stall_seconds: float, asked: Callable[[Reply], None]
    ) -> Reply:
        """The reply, once its headers are here; ``asked`` gets it before, to ``abort`` it.

        Raises Unreached, ReplicaFailed, ReplicaStalled, AddressForbidden, and what ``abort`` was told."""
        return await self._send("POST", target, path, body, stall_seconds, asked)

    async def get(self, target: Target, path: str, *, stall_seconds: float) -> Reply:
        """The same for GET."""
        return await self._send("GET", target, path, b"", stall_seconds, lambda _reply: None)

    async def _send(
        self,
        method: str,
        target: Target,
        path: str,
        body: bytes,
        stall_seconds: float,
        asked: Callable[[Reply], None],
    ) -> Reply:
        place, base = _parsed(target.url, target.may_be_private)
        request = _head(method, place, base + path, target.headers, len(body)) + body
        while True:
            line, is_kept = self._kept(place), True
            if line is None:
                line, is_kept = await _connect(place), False
            reply = Reply(line, stall_seconds, lambda line=line: self._keep(place, line))  # type: ignore[misc]
            asked(reply)
            try:
                await reply.begin(request)
            except _Unsent:
                if is_kept:
                    continue  # it hung up while nobody asked it anything
                raise ReplicaFailed("The model server hung up without an answer.") from None
            return reply

    def _kept(self, place: _Place) -> _Line | None:
        idle = self._idle[place]
        while idle:
            line = idle.pop()
            if line.is_open and time.monotonic() - line.kept_at < _KEPT_SECONDS:
                return line
            line.close()
        return None

    def _keep(self, place: _Place, line: _Line) -> None:
        idle = self._idle[place]
        if len(idle) >= _MOST_KEPT:
            line.close()
            return
        line.kept_at = time.monotonic()
        idle.append(line)

    def close(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


class Reply:
    """What a model server answers. ``status`` and ``headers`` (names in lower case) are there from the beginning.

    It must be read to its end or be ended by ``abort``."""

    def __init__(self, line: _Line, stall_seconds: float, keep: Callable[[], None]) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self._line = line
        self._stall_seconds = stall_seconds
        self._keep = keep
        self._parts: list[bytes] = []
        self._size = 0
        self._header_bytes = 0
        self._is_ended = self._has_begun = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def begin(self, request: bytes) -> None:
        self._line.ask(self, request)
        while not self._has_begun:
            await self._wait()

    async def read(self) -> bytes:
        """What has come, as soon as there is something; ``b""`` at the end.

        Raises ReplicaFailed, ReplicaStalled, and what ``abort`` was told."""
        while not self._parts:
            if self._is_ended:
                return b""
            await self._wait()
        parts, self._parts, size = self._parts, [], self._size
        self._size = 0
        if size >= _HIGH_BYTES:
            self._line.resume()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_all(self, limit: int) -> bytes:
        """The rest of the body. Raises AnswerTooLong, and what ``read`` raises."""
        parts, size = list[bytes](), 0
        while part := await self.read():
            size += len(part)
            if size > limit:
                self.abort(AnswerTooLong(f"The model server answered with more than {limit} bytes."))
            parts.append(part)
        return b"".join(parts)

    async def finish(self, seconds: float) -> None:
        """Take the end of a body of which nothing more is wanted, if it comes at once; else hang up."""
        self._stall_seconds = seconds
        try:
            while await self.read():
                pass
        except ReplicaFailed:
            return

    def abort(self, error: BaseException) -> None:
        """Hang up; whoever reads, or will, gets ``error``. Nothing happens after the end."""
        if not self._is_ended and self._error is None:
            self._fail(error)
            self._line.close()

    # --- called by the line

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _MAX_HEADERS:
            self.abort(ReplicaFailed("The model server answered with too many headers."))
        self.headers[name.lower()] = value

    def on_begin(self, status: int) -> None:
        self.status = status
        self._has_begun = True
        self._wake()

    def on_part(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _HIGH_BYTES:
            self._line.pause()
        self._wake()

    def on_end(self, *, may_be_kept: bool) -> None:
        self._is_ended = True
        if may_be_kept:
            self._keep()
        else:
            self._line.close()
        self._wake()

    def on_loss(self) -> None:
        if not self._is_ended and self._error is None:
            died = ReplicaFailed("The model server died while it answered.", hint="Try again.")
            self._fail(died if self._has_begun else _Unsent())

    # --- waiting

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        stalled = loop.call_later(self._stall_seconds, self.abort, ReplicaStalled(self._stall_seconds))
        try:
            await self._waiter
        except asyncio.CancelledError as error:
            self.abort(error)
            raise
        finally:
            stalled.cancel()
            self._waiter = None
        if self._error is not None and not self._parts:
            raise self._error

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Unsent(Exception):
    """The connection was lost before anything of the answer came."""


class _Line(asyncio.Protocol):
    """One connection, for one reply after the other."""

    def __init__(self) -> None:
        self.is_open = False
        self.kept_at = 0.0
        self._reply: Reply | None = None
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._has_length = False

    def ask(self, reply: Reply, request: bytes) -> None:
        assert self._transport is not None
        self._reply = reply
        self._has_length = False
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)

    def pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._reply is None or self._parser is None:
            self.close()  # it speaks without being asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._reply.abort(ReplicaFailed("The model server answers with something that is not HTTP."))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        reply, self._reply = self._reply, None
        if reply is None:
            return
        if reply.status and not self._has_length and exc is None:
            reply.on_end(may_be_kept=False)  # a body without a length ends with its connection
        else:
            reply.on_loss()

    # --- httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self._reply is not None
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._has_length = True
        self._reply.on_header(name, value)

    def on_headers_complete(self) -> None:
        assert self._reply is not None and self._parser is not None
        status = self._parser.get_status_code()
        if status >= 200:
            self._reply.on_begin(status)

    def on_body(self, body: bytes) -> None:
        assert self._reply is not None
        self._reply.on_part(body)

    def on_message_complete(self) -> None:
        assert self._reply is not None and self._parser is not None
        if self._parser.get_status_code() < 200:
            return
        reply, self._reply = self._reply, None
        reply.on_end(may_be_kept=self._parser.should_keep_alive() and self.is_open)


async def _connect(place: _Place) -> _Line:
    loop = asyncio.get_running_loop()
    host = place.host
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            if not place.may_be_private:
                host = await loop.run_in_executor(None, _judged, place)
            security = _trusted() if place.scheme == "https" else None
            name = place.host if security else None
            _, line = await loop.create_connection(_Line, host, place.port, ssl=security, server_hostname=name)
    except TimeoutError as error:
        raise ReplicaFailed("The model server does not take connections in time.", hint="Try again later.") from error
    except OSError as error:
        raise Unreached from error
    return line


def _judged(place: _Place) -> str:
    return judged_address(place.host, place.port, may_call_private=False)


@lru_cache(256)
def _parsed(url: str, may_be_private: bool) -> tuple[_Place, str]:
    """The server of a URL, and the path there."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return _Place(parts.scheme, parts.hostname or "", port, may_be_private), parts.path.rstrip("/")


def _head(method: str, place: _Place, path: str, headers: Mapping[str, str], length: int) -> bytes:
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    host = f"[{place.host}]" if ":" in place.host else place.host
    return (
        f"{method} {path} HTTP/1.1\r\nhost: {host}:{place.port}\r\n{extra}accept: */*\r\nuser-agent: yungu\r\n"
        f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    ).encode("latin-1")


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
