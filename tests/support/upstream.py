"""A model server that speaks OpenAI's protocol, on a real socket, and misbehaves as it is told.

with upstream() as server:
    server.chunks = 5
    server.behave("stall")          # after the first chunk; "die", "garbage", "no usage", "refuse", ...
    ...
    server.requests[-1]["model"]
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PROMPT_TOKENS = 11
BROKEN = {"error": {"message": "KeyError: sk-secret", "code": "model_failed", "id": "0123456789ab"}}
"""What a replica says when the code of its model raises."""


class Upstream:
    """``url`` is its address. ``chunks``: how many pieces it writes, " tea" each; ``requests``: the bodies that came;
    ``paths``: where to; ``headers``: with what."""

    def __init__(self) -> None:
        self.url = ""
        self.chunks = 3
        self.how: set[str] = set()
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.left = threading.Event()
        self.writing = threading.Event()

    def behave(self, *how: str) -> None:
        """Set how it answers from now on, and forget what came before."""
        self.how = set(how)
        self.requests.clear()
        self.left.clear()
        self.writing.clear()

    @property
    def text(self) -> str:
        return " tea" * self.chunks

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        except asyncio.CancelledError:
            return  # the test is over
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        path = first.split()[1]
        self.paths.append(path)
        self.headers.append(headers)
        asked = json.loads(body or b"{}")
        self.requests.append(asked)
        if "hang up" in self.how:
            return False
        if "stall" in self.how and not asked.get("stream"):
            await self._wait_until_left(reader)
            return False
        if "refuse" in self.how:
            error = {"error": {"message": "too long for me", "type": "invalid_request_error", "param": "messages"}}
            await self._send(writer, 400, json.dumps(error).encode())
        elif "bad key" in self.how:
            await self._send(writer, 401, b'{"error": {"message": "your key sk-secret is wrong"}}')
        elif "broken" in self.how:
            await self._send(writer, 500, json.dumps(BROKEN).encode())
        elif "garbage" in self.how and not asked.get("stream"):
            await self._send(writer, 200, b"<html>")
        elif asked.get("stream"):
            return await self._stream(reader, writer, asked)
        else:
            await self._send(writer, 200, json.dumps(self._answer(path, asked)).encode())
        return True

    async def _send(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    def _answer(self, path: str, asked: dict[str, Any]) -> Any:
        usage = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS + self.chunks}
        if path.endswith("/embeddings"):
            texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
            data = [{"object": "embedding", "index": n, "embedding": [0.5, 0.25 * (1 - n)]} for n in range(len(texts))]
            return {"object": "list", "model": asked["model"], "data": data, "usage": usage}
        if path.endswith("/rerank"):
            return {"model": asked["model"], "results": [{"index": 1, "relevance_score": 0.9}], "usage": usage}
        if path.endswith("/predict"):
            labels = [[{"label": "green", "score": 0.75}, {"label": "black", "score": 0.25}]]
            return labels if "labels" in self.how else {"got": asked, "schema": {"type": "object"}}
        usage["completion_tokens"] = self.chunks
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if asked.get("tools"):
            call = {"name": asked["tools"][0]["function"]["name"], "arguments": '{"leaf": "green"}'}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": call}],
            }
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        choice |= {"message": message} if "chat" in path else {"text": self.text}
        answer = {"id": "x-1", "object": "chat.completion", "created": 1, "model": asked["model"], "choices": [choice]}
        return answer if "no usage" in self.how else answer | {"usage": usage}

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[str, Any]) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        base = {"id": "x-1", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
        for number in range(self.chunks):
            choice = {"index": 0, "delta": {"content": " tea"}, "text": " tea", "finish_reason": None}
            self._chunk(writer, b"data: " + json.dumps(base | {"choices": [choice]}).encode() + b"\n\n")
            await writer.drain()
            self.writing.set()
            if number == 1 and "die" in self.how:
                writer.transport.abort()
                return False
            if number == 1 and "garbage" in self.how:
                self._chunk(writer, b"data: {no json\n\n")
            if number == 1 and "break" in self.how:
                self._chunk(writer, b"data: " + json.dumps(BROKEN).encode() + b"\n\n")
            if number == 1 and "stall" in self.how:
                await self._wait_until_left(reader)
                return False
        end = {"index": 0, "delta": {}, "text": "", "finish_reason": "stop"}
        self._chunk(writer, b"data: " + json.dumps(base | {"choices": [end]}).encode() + b"\n\n")
        if "no usage" not in self.how and (asked.get("stream_options") or {}).get("include_usage"):
            usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": self.chunks, "total_tokens": 0}
            self._chunk(writer, b"data: " + json.dumps(base | {"choices": [], "usage": usage}).encode() + b"\n\n")
        self._chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _chunk(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def _wait_until_left(self, reader: asyncio.StreamReader) -> None:
        await reader.read(1)
        self.left.set()


@contextmanager
def upstream() -> Iterator[Upstream]:
    """A model server in a thread while inside."""
    server, loop, ready = Upstream(), asyncio.new_event_loop(), threading.Event()
    over = asyncio.Event()

    async def run() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        ready.set()
        await over.wait()
        listening.close()
        if kept := asyncio.all_tasks() - {asyncio.current_task()}:  # connections that are still open
            for task in kept:
                task.cancel()
            await asyncio.wait(kept)

    thread = threading.Thread(target=loop.run_until_complete, args=[run()], name="upstream")
    thread.start()
    ready.wait(30)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()
