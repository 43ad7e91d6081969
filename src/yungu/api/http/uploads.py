"""Request bodies of any size into a sink, with bounded memory and no work on the event loop."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from starlette.requests import Request

from yungu.api.http.threads import in_byte_thread
from yungu.kernel.errors import Invalid

_BATCH_BYTES = 1 << 20  # the first ones are shorter: what works on them can begin at once

TAKEOVER = "yungu.recvfile"
"""ASGI scope extension: ``async (sink) -> int``, the whole body straight from the socket; see `yungu.app.protocol`."""


class BodyTruncated(Invalid):
    """The client left, stalled, or sent fewer bytes than it had announced."""

    hint = "Send the request again; nothing of this body was kept."


class BodyTooLarge(Invalid):
    """The body is longer than what is accepted here."""


class Sink(Protocol):
    """Takes bytes in order. Called from worker threads, one call at a time; must not keep ``data``."""

    def write(self, data: memoryview | bytes) -> None: ...


async def receive_body(request: Request, sink: Sink, *, max_bytes: int, expect_bytes: int | None = None) -> int:
    """Write the whole body of ``request`` to ``sink`` and return its length in bytes.

    ``expect_bytes`` is the exact length agreed before, None when unknown. Holds at most about 3 MiB, whatever the
    length. Raises BodyTooLarge (before reading, when the length is announced), BodyTruncated, and whatever ``sink``
    raises. What the sink has taken by then is the caller's to discard."""
    limit = max_bytes if expect_bytes is None else min(max_bytes, expect_bytes)
    announced = _announced_bytes(request)
    if announced is not None and announced > limit:
        raise BodyTooLarge(f"The body has {announced} bytes, more than the {limit} accepted here.")
    if announced is not None and expect_bytes is not None and announced < expect_bytes:
        raise BodyTruncated(f"The body has {announced} bytes where {expect_bytes} were agreed.")
    take_over: Callable[[Sink], Awaitable[int]] | None = request.scope.get("extensions", {}).get(TAKEOVER)
    received = await (take_over(sink) if take_over is not None else _stream(request, sink, limit))
    needed = announced if announced is not None else expect_bytes
    if needed is not None and received < needed:
        raise BodyTruncated(f"The body ended after {received} of {needed} bytes.")
    return received


def _announced_bytes(request: Request) -> int | None:
    value = request.headers.get("content-length")
    return int(value) if value is not None and re.fullmatch(r"[0-9]{1,18}", value) else None


async def _stream(request: Request, sink: Sink, limit: int) -> int:
    received = 0
    batch = bytearray()
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BodyTruncated(f"The client left after {received} bytes of the body.")
        more = message.get("more_body", False)
        batch += message.get("body", b"")
        if received + len(batch) > limit:
            raise BodyTooLarge(f"The body is longer than the {limit} bytes accepted here.")
        if batch and (len(batch) > min(_BATCH_BYTES, received) or not more):
            await in_byte_thread(partial(sink.write, memoryview(batch)))
            received += len(batch)
            batch = bytearray()
    return received
