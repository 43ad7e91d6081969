"""A request of a page to this server's own API: by the same door, with the same rights, metered and logged the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import Message

from yungu.api.http.call import Call

_CARRIED = (b"host", b"cookie", b"origin", b"accept-language", b"x-forwarded-for", b"x-forwarded-proto")
MAX_ANSWER_BYTES = 16 << 20


async def ask_self(
    call: Call, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and at most ``MAX_ANSWER_BYTES`` of what ``path`` answers to whoever sent ``call``, whose own
    body was read already. When that client leaves, the inner request is told so."""
    answer = _Answer()
    given = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    carried = [(name, value) for name, value in call.scope["headers"] if name in _CARRIED]
    scope = {
        **call.scope,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [*carried, *given, (b"content-length", str(len(body)).encode())],
        "state": {},
    }
    bodies = [body]

    async def receive() -> Message:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        return await call.receive()

    await call.app(scope, receive, answer.send)
    return answer.status, answer.headers, bytes(answer.body)


class _Answer:
    def __init__(self) -> None:
        self.status = 500
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            room = MAX_ANSWER_BYTES - len(self.body)
            self.body += message.get("body", b"")[:room]
