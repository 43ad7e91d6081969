"""A model server that takes no time: ``python bench/zero_model.py PORT``. It answers chats with 20 words, whole or as
20 frames, each of them sent by itself."""

from __future__ import annotations

import asyncio
import json
import re
import sys

CHUNKS = 20
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream": *true')
_BASE = {"id": "zero-1", "object": "chat.completion", "created": 1, "model": "zero"}
_USAGE = {"prompt_tokens": 12, "completion_tokens": CHUNKS, "total_tokens": 12 + CHUNKS}
_MESSAGE = {"role": "assistant", "content": "tea " * CHUNKS}
_WHOLE = json.dumps(
    _BASE | {"choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}], "usage": _USAGE}
).encode()
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(_WHOLE), _WHOLE)
_START = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _frame(choices: list[object], **more: object) -> bytes:
    value = _BASE | {"object": "chat.completion.chunk", "choices": choices} | more
    data = b"data: " + json.dumps(value).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


_FRAMES = [
    *(_frame([{"index": 0, "delta": {"content": "tea "}, "finish_reason": None}]) for _ in range(CHUNKS)),
    _frame([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    + _frame([], usage=_USAGE)
    + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
]


class _Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or (length and len(body) < int(length[1])):
            return
        self.buffer = b""
        if _STREAM.search(body):
            self.transport.write(_START)  # type: ignore[attr-defined]
            asyncio.get_running_loop().call_soon(self._send, 0)
        else:
            self.transport.write(_ANSWER)  # type: ignore[attr-defined]

    def _send(self, number: int) -> None:
        if not self.transport.is_closing():  # type: ignore[attr-defined]
            self.transport.write(_FRAMES[number])  # type: ignore[attr-defined]
            if number + 1 < len(_FRAMES):
                asyncio.get_running_loop().call_soon(self._send, number + 1)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
