"""The process of one replica: ``python -m yungu.compute.runtimes.serve``.

Standard input is its leash: the first line says what to load (a `Spec` as JSON), and when it is closed, because whoever
started it is gone, the process ends at once. Standard output gets one line, ``{"port": ...}`` once it answers or
``{"error": ...}``; whatever is printed otherwise goes to standard error. It listens on loopback, on a port that the
system chooses, and answers only who knows the secret.

What it answers: POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/rerank, /predict; GET /predict (its
schemas), /v1/models, /health."""

from __future__ import annotations

import asyncio
import hmac
import importlib
import os
import resource
import secrets
import signal
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, BinaryIO, TypeVar

import msgspec
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from yungu.compute.runtimes import RUNTIMES, wire
from yungu.compute.runtimes.protocol import AskInvalid, Ended, Piece, Runtime, Spec
from yungu.kernel import confinement
from yungu.kernel.errors import YunguError

T = TypeVar("T")
MOST_WAITING = 64
MAX_BODY_BYTES = 32 << 20
GRACE_SECONDS = 20
_BEAT_SECONDS = 0.04
"""Between two writes to a stream: what comes faster is sent together, so that writing costs a fast model nothing."""
_LONG_BEAT_SECONDS = 0.12
"""The same after a write of ``_MANY_PIECES``."""
_MANY_PIECES = 20
_MEMORY_SLACK_BYTES = 1 << 30
_USAGE = "x-yungu-usage"
Handler = Callable[[Request], Awaitable[Response]]


class QueueFull(Exception):
    """So many wait already."""


def main() -> None:
    """Load, listen, answer until told to stop."""
    said = _take_stdout()
    _die_with_parent()
    spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=Spec)
    threading.Thread(target=_follow_leash, daemon=True).start()
    _limit(spec.memory_bytes)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    begun = time.perf_counter()
    try:
        runtime = load(spec)
    except (YunguError, OSError, MemoryError) as error:
        traceback.print_exception(error)  # into the log, which only its owner reads
        _tell(said, {"error": getattr(error, "message", None) or f"{type(error).__name__}; its log tells more."})
        raise SystemExit(1) from error
    sys.stderr.write(f"{spec.model}: loaded by {spec.runtime} in {time.perf_counter() - begun:.2f} s\n")
    app = Replica(spec, runtime)
    _serve(app, listener, lambda: _tell(said, {"port": listener.getsockname()[1]}))


def load(spec: Spec) -> Runtime:
    """The model that ``spec`` names. Raises ExtraMissing, ModelUnfit."""
    module, _extra = RUNTIMES[spec.runtime]
    loaded: Runtime = importlib.import_module(module).load(spec)
    return loaded


class Replica:
    """The ASGI application around one runtime."""

    def __init__(self, spec: Spec, runtime: Runtime) -> None:
        self._spec, self._runtime = spec, runtime
        self._secret = f"Bearer {spec.secret}".encode()
        self._threads = ThreadPoolExecutor(runtime.slots, thread_name_prefix="model")
        self._in_flight = 0
        self._routes: dict[tuple[str, str], Handler] = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/completions"): self._complete,
            ("POST", "/v1/embeddings"): self._embed,
            ("POST", "/v1/rerank"): self._rerank,
            ("POST", "/predict"): self._predict,
            ("GET", "/predict"): self._schema,
            ("GET", "/v1/models"): self._models,
            ("GET", "/health"): self._health,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            response = await self.answer(request)
            with suppress(ClientDisconnect):
                await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """What to send back, wherever the application is mounted."""
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._secret):
            return _refusal(401, "Only the server that started this replica may call it.", "unauthorized")
        handler = self._routes.get((request.method, path))
        if handler is None:
            return _refusal(404, f"There is no {request.method} {path} here.", "not_found")
        try:
            return await handler(request)
        except AskInvalid as error:
            return _refusal(400, error.message, error.code)
        except QueueFull:
            return _refusal(503, f"{MOST_WAITING} requests wait already.", "overloaded", {"retry-after": "1"})
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - the boundary of a model's own code, reported below
            return Response(_report(error), 500, media_type="application/json")

    # --- text

    async def _chat(self, request: Request) -> Response:
        return await self._generate(request, "chat.completion")

    async def _complete(self, request: Request) -> Response:
        return await self._generate(request, "text_completion")

    async def _generate(self, request: Request, kind: wire.Kind) -> Response:
        ask, body = wire.read_ask(await _body(request), kind)
        answer, outlet = wire.Answer(kind, self._spec.model), Outlet()
        work = self._begin(lambda: self._timed(lambda: self._runtime.generate(ask, outlet.say)), outlet.close)
        if body.stream:
            await _first_sign(work, outlet)
            with_usage = body.stream_options is not None and body.stream_options.include_usage
            return StreamingResponse(
                self._stream(answer, outlet, work, with_usage=with_usage),
                media_type="text/event-stream",
                headers={"cache-control": "no-cache"},
            )
        ended, seconds = await _unless_gone(request, work, outlet)
        return _json(answer.whole(outlet.take(), ended, seconds), wire.usage(ended, seconds))

    async def _stream(
        self, answer: wire.Answer, outlet: Outlet, work: asyncio.Future[tuple[Ended, float]], *, with_usage: bool
    ) -> AsyncIterator[bytes]:
        """Leaving it (the client is gone) stops the model at its next token."""
        try:
            yield answer.first()
            async for pieces in outlet.batches():
                yield b"".join(map(answer.piece, pieces))
            ended, seconds = await work
            yield answer.last(ended, seconds, with_usage=with_usage)
        except AskInvalid as error:
            yield wire.error_event(error.message, "invalid_request_error", error.code)
        except Exception as error:  # noqa: BLE001 - the same
            yield wire.event(_report(error))
        finally:
            outlet.gone = True

    # --- the rest

    async def _embed(self, request: Request) -> Response:
        body: wire.EmbeddingsBody = wire.read_body(await _body(request), wire.EmbeddingsBody)
        texts = [body.input] if isinstance(body.input, str) else body.input
        _check_count(texts)
        found, seconds = await self._begin(
            lambda: self._timed(lambda: self._runtime.embed(texts, is_query=body.input_type == "query"))
        )
        used = wire.usage(Ended("", found.prompt_tokens, 0), seconds)
        return _json(wire.embeddings(found, self._spec.model, body.encoding_format, seconds), used)

    async def _rerank(self, request: Request) -> Response:
        body: wire.RerankBody = wire.read_body(await _body(request), wire.RerankBody)
        documents = [wire.text_of(one) for one in body.documents]
        _check_count(documents)
        found, seconds = await self._begin(lambda: self._timed(lambda: self._runtime.rerank(body.query, documents)))
        used = wire.usage(Ended("", found.prompt_tokens, 0), seconds)
        return _json(wire.ranking(found, body, self._spec.model, seconds), used)

    async def _predict(self, request: Request) -> Response:
        given = wire.read_body(await _body(request), Any)
        found, seconds = await self._begin(lambda: self._timed(lambda: self._runtime.predict(given)))
        return _json(wire.encode(found.outputs), wire.usage(Ended("", found.prompt_tokens, 0), seconds))

    async def _schema(self, _request: Request) -> Response:
        return _json(wire.encode(self._runtime.schema()))

    async def _models(self, _request: Request) -> Response:
        model = {"id": self._spec.model, "object": "model", "created": 0, "owned_by": "yungu"}
        return _json(wire.encode({"object": "list", "data": [model]}))

    async def _health(self, _request: Request) -> Response:
        state = {"in_flight": self._in_flight, "slots": self._runtime.slots, "answers": self._spec.answers}
        return _json(wire.encode(state))

    def _timed(self, work: Callable[[], T]) -> tuple[T, float]:
        started = time.perf_counter()
        return work(), time.perf_counter() - started

    def _begin(self, work: Callable[[], T], after: Callable[[], None] | None = None) -> asyncio.Future[T]:
        """Let a thread of the model do it, in turn. Raises QueueFull."""
        if self._in_flight >= self._runtime.slots + MOST_WAITING:
            raise QueueFull
        self._in_flight += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(lambda done: self._end(done, after))
        return future

    def _end(self, done: asyncio.Future[Any], after: Callable[[], None] | None) -> None:
        self._in_flight -= 1
        if not done.cancelled():
            done.exception()  # seen here too, in case the client left before it was
        if after is not None:
            after()


class Outlet:
    """From the thread that writes text to the coroutine that sends it. It looks at most 25 times a second, and 8 times
    when the text grows faster than anybody reads: each look takes the interpreter's lock from the model."""

    def __init__(self) -> None:
        self.gone = False
        self._loop = asyncio.get_running_loop()
        self._pieces: deque[Piece] = deque()
        self._woken = asyncio.Event()
        self._is_told = False
        self._closed = asyncio.Event()

    def say(self, piece: Piece) -> bool:
        """Called by the model's thread: see `Say`."""
        if piece:
            self._pieces.append(piece)
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._woken.set)
        return self.gone

    def close(self) -> None:
        self._closed.set()
        self._woken.set()

    async def opened(self) -> None:
        """Until there is a piece, or there will be none."""
        await self._woken.wait()

    def take(self) -> list[Piece]:
        """All that waits, in order."""
        taken = [self._pieces.popleft() for _ in range(len(self._pieces))]
        return wire.merge(taken)

    async def batches(self) -> AsyncIterator[list[Piece]]:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while count := len(self._pieces):
                yield self.take()
                with suppress(TimeoutError):  # meanwhile nobody is told: each time costs the model's thread
                    async with asyncio.timeout(_LONG_BEAT_SECONDS if count >= _MANY_PIECES else _BEAT_SECONDS):
                        await self._closed.wait()
            if self._closed.is_set():
                return
            self._is_told = False
            if self._pieces:  # said after the last look, before there was somebody to be told
                self._woken.set()


async def _first_sign(work: asyncio.Future[Any], outlet: Outlet) -> None:
    """Wait for the first token, so that what the model refuses is a status and not the middle of a stream."""
    await outlet.opened()
    if work.done():
        work.result()


async def _unless_gone(request: Request, work: asyncio.Future[T], outlet: Outlet) -> T:
    """The result; when the client leaves first the model is stopped. Raises ClientDisconnect."""
    leaving = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientDisconnect
        return work.result()
    finally:
        outlet.gone = True
        leaving.cancel()


async def _body(request: Request) -> bytes:
    """Raises AskInvalid."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MAX_BODY_BYTES:
            raise AskInvalid(f"A request has at most {MAX_BODY_BYTES >> 20} MiB.")
    return bytes(found)


def _check_count(texts: Sequence[str]) -> None:
    if not 1 <= len(texts) <= wire.MOST_TEXTS:
        raise AskInvalid(f"One request takes 1 to {wire.MOST_TEXTS} texts.")


def _json(data: bytes, usage: Any = None) -> Response:
    headers = {_USAGE: msgspec.json.encode(usage).decode()} if usage is not None else None
    return Response(data, media_type="application/json", headers=headers)


def _refusal(status: int, message: str, code: str, headers: dict[str, str] | None = None) -> Response:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return Response(wire.error(message, kind, code), status, headers, "application/json")


def _report(error: Exception) -> bytes:
    """Put what a model's code raised into the log under a number, and tell no more than that number."""
    number = secrets.token_hex(6)
    sys.stderr.write(f"error {number}\n{''.join(traceback.format_exception(error))}")
    return wire.failure(f"The model failed on this request (error {number}); its log says why.", number)


# --- the process


def _serve(app: Replica, listener: socket.socket, ready: Callable[[], None]) -> None:
    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # uvicorn raises them again after an orderly end
    Server(config).run(sockets=[listener])
    os._exit(0)  # a thread may still be deep in arithmetic for somebody who has left


def _take_stdout() -> BinaryIO:
    """Keep standard output for the one line; libraries that print, print to standard error."""
    said = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return said


def _tell(said: BinaryIO, what: dict[str, Any]) -> None:
    with said:
        said.write(msgspec.json.encode(what) + b"\n")


def _die_with_parent() -> None:
    """The kernel kills this process when the one that started it ends, on Linux; see `_follow_leash` for the rest."""
    if sys.platform == "linux":
        confinement.control(confinement.PDEATHSIG, signal.SIGKILL)
        confinement.control(confinement.NO_NEW_PRIVILEGES, 1)


def _follow_leash() -> None:
    while sys.stdin.buffer.readline():
        pass
    os._exit(1)


def _limit(memory_bytes: int) -> None:
    """No core dumps with other people's prompts in them; memory within twice of what was planned; and when all memory
    of the machine is used up, this process goes before the hub does."""
    confinement.limit(resource.RLIMIT_CORE, 0)
    if memory_bytes and sys.platform == "linux":
        confinement.limit(resource.RLIMIT_DATA, 2 * memory_bytes + _MEMORY_SLACK_BYTES)
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - no path of ours
            file.write("500")


if __name__ == "__main__":
    main()
