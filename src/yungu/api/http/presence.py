"""Whether a client is still there, for work that must end when it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from starlette.requests import Request

PRESENCE = "yungu.presence"
"""ASGI scope extension: the `Presence` of the client; see `yungu.app.protocol`."""

Tell = Callable[[], None]


class Presence:
    """Of one connection: who wants to know that it was lost."""

    def __init__(self) -> None:
        self._has_ended = False
        self._told: set[Tell] = set()

    def watch(self, tell: Tell) -> Callable[[], object]:
        """Call ``tell`` when the connection is lost, now if it was; what is returned ends the watching."""
        if self._has_ended:
            tell()
        self._told.add(tell)
        return partial(self._told.discard, tell)

    def end(self) -> None:
        """The connection is lost."""
        self._has_ended = True
        for tell in tuple(self._told):
            tell()


def when_left(request: Request, tell: Tell) -> Callable[[], object]:
    """Call ``tell``, in the event loop, when the client of a request has left whose body was read; what is returned
    ends the watching. Where the server cannot say so, a task waits for it."""
    presence: Presence | None = request.scope.get("extensions", {}).get(PRESENCE)
    if presence is not None:
        return presence.watch(tell)
    waiting = asyncio.ensure_future(request.receive())
    waiting.add_done_callback(lambda done: None if done.cancelled() else tell())
    return waiting.cancel
