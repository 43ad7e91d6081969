"""HTTP/1.1 on uvicorn, with the four things that a hub of large files needs from its server.

``http.response.pathsend`` (ASGI extension, advertised as ``{"ranges": True}``): the message
``{"type": "http.response.pathsend", "path": ..., "offset": ..., "count": ...}`` sends ``count`` bytes of a file with
the kernel's own sendfile. The shape follows the extension of the ASGI specification
(https://asgi.readthedocs.io/en/latest/extensions.html#path-send) with the offset and count proposed for it.

``yungu.sendblocks``: the message ``{"type": "yungu.sendblocks", "blocks": a generator of bytes, "count": ...}`` sends
bytes that are made on the way, from the worker thread that makes them.

``yungu.recvfile``: an awaitable in the scope that reads the rest of a long request body from the socket in a worker
thread, straight into a sink: ``await scope["extensions"]["yungu.recvfile"](sink)``.

``yungu.presence``: what tells whoever watches it that the client has left, without a task that waits for it.

The first three exist only on plain sockets (no TLS). A transfer holds a thread only while its socket moves; one that
waits for its peer is parked in the event loop, so that many slow clients do not starve the fast ones.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httptools
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.utils import is_ssl

from yungu.api.http.files import PATHSEND, SENDBLOCKS
from yungu.api.http.presence import PRESENCE, Presence
from yungu.api.http.threads import are_threads_scarce, in_byte_thread
from yungu.api.http.uploads import TAKEOVER, BodyTruncated, Sink
from yungu.storage.direct import aligned_buffer

TAKEOVER_MIN_BYTES = 1 << 20

_ONE_WRITE_BYTES = 64 << 10
_SEND_STEP_BYTES = 8 << 20
_RECEIVE_STEP_BYTES = 2 << 20  # each write has to wait for the disk
_TURN_BYTES = 64 << 20  # then the next waiting transfer has the thread
_WAIT_MILLISECONDS = 2  # a peer slower than this is waited for in the event loop
_LONG_WAIT_MILLISECONDS = 100  # the same while there are threads to spare: the way there and back costs more
_WAKE_BYTES = 64 << 10  # do not wake a parked upload for every packet

_PROTOCOL_METHODS = frozenset(
    {"connection_made", "connection_lost", "on_headers_complete", "on_body", "_start_asgi_task"}
)
_CYCLE_FIELDS = frozenset(
    {"body", "disconnected", "expected_content_length", "keep_alive", "message_event", "more_body"}
    | {"response_started", "chunked_encoding", "waiting_for_100_continue", "transport", "flow"}
    | {"access_log", "default_headers", "on_response", "response_complete"}
)
_NO_TEXT = bytes({*range(32), 127} - set(b"\t\r\n"))


def choose_protocol() -> type[asyncio.Protocol] | str:
    """What to give to ``uvicorn.Config(http=...)``: ByteProtocol where it fits, else uvicorn's own choice."""
    fields = set(httptools_impl.RequestResponseCycle.__init__.__code__.co_names)
    methods = set(vars(httptools_impl.HttpToolsProtocol))
    fits = _CYCLE_FIELDS.issubset(fields) and _PROTOCOL_METHODS.issubset(methods)
    fits = fits and hasattr(httptools_impl, "STATUS_LINE")
    return ByteProtocol if fits and hasattr(os, "sendfile") else "auto"


class ByteProtocol(httptools_impl.HttpToolsProtocol):
    """uvicorn's protocol, whose applications may send files and receive bodies without touching the bytes."""

    idle_seconds = 60.0
    """A peer that moves nothing for so long in the middle of a transfer is hung up on."""

    linger_seconds = 30.0
    """How long the rest of a refused body is read and dropped, so that the client gets to see the refusal."""

    unparsed_bytes = 0
    """Bytes of the present request's body that the parser has not seen; 0 when the length is not announced."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.presence = Presence()
        self.is_plain = not is_ssl(self.transport) and self.transport.get_extra_info("socket") is not None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.presence.end()

    def on_headers_complete(self) -> None:
        self.unparsed_bytes = _announced_bytes(self.headers)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.unparsed_bytes -= len(body)
        super().on_body(body)

    def _start_asgi_task(self, cycle: httptools_impl.RequestResponseCycle, app: Any) -> None:
        extensions: Any = {PRESENCE: self.presence}
        cycle.scope["extensions"] = extensions
        super()._start_asgi_task(cycle, _Exchange(self, cycle, app) if self.is_plain else app)

    def body_taken(self, cycle: httptools_impl.RequestResponseCycle) -> None:
        """Go on after a body that the parser has not seen: what comes next on the wire is a new request."""
        if self.parser is not None:
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        cycle.more_body = False
        cycle.message_event.set()
        self.flow.resume_reading()


def _announced_bytes(headers: list[tuple[bytes, bytes]]) -> int:
    lengths = [value for name, value in headers if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in headers)
    return int(lengths[0]) if len(lengths) == 1 and lengths[0].isdigit() and not chunked else 0


class _Exchange:
    """One request and its response, with the three extensions: an ASGI application around the real one.

    The head of a response of known length waits for what follows, so that a small answer is one write."""

    __slots__ = ("app", "cycle", "head", "protocol", "send_stock")

    def __init__(self, protocol: ByteProtocol, cycle: httptools_impl.RequestResponseCycle, app: Any) -> None:
        self.protocol = protocol
        self.cycle = cycle
        self.app = app
        self.head: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        extensions = scope["extensions"]
        extensions |= {PATHSEND: {"ranges": True}, SENDBLOCKS: {}}
        if self._body_can_be_taken():
            extensions[TAKEOVER] = self.take_body
        self.send_stock = send
        await self.app(scope, receive, self.send)
        await self._send_head()

    async def send(self, message: Any) -> None:
        kind = message["type"]
        if kind == "http.response.start" and b"content-length" in dict(message.get("headers", ())):
            self.head = message
            return
        if self.head is not None:
            if kind == "http.response.body" and not message.get("more_body") and self._answer(message.get("body", b"")):
                return
            await self._send_head()
        if kind == PATHSEND:
            path, offset, count = Path(message["path"]), message.get("offset", 0), message.get("count")
            await self._send_rest(count, lambda sock, count: _FileSender(sock, path, offset, count))
            return
        if kind == SENDBLOCKS:
            await self._send_rest(message["count"], lambda sock, count: _BlockSender(sock, message["blocks"], count))
            return
        await self._send_plainly(message)

    def _answer(self, body: bytes) -> bool:
        """Send the whole response in one write, where uvicorn makes two; False when that is not for here."""
        cycle = self.cycle
        is_usual = cycle.keep_alive and not (cycle.disconnected or cycle.flow.write_paused or cycle.access_log)
        is_owed = cycle.waiting_for_100_continue and cycle.more_body
        body = b"" if cycle.scope["method"] == "HEAD" else body
        text = _head_text(cycle, self.head, body) if is_usual and not is_owed and len(body) <= _ONE_WRITE_BYTES else b""
        if not text:
            return False
        self.head = None
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(b"%b\r\n%b" % (text, body))
        cycle.message_event.set()
        cycle.on_response()
        return True

    async def _send_head(self) -> None:
        head, self.head = self.head, None
        if head is not None:
            await self._send_plainly(head)

    async def _send_plainly(self, message: Any) -> None:
        if message["type"] == "http.response.start" and self.cycle.waiting_for_100_continue and self.cycle.more_body:
            self.cycle.keep_alive = False  # the client may now send the body or not: no way to tell what follows
        if self.cycle.flow.write_paused and not await self._drained():
            return
        await self.send_stock(message)

    async def _drained(self) -> bool:
        """False, having hung up, when the client took nothing of what is waiting for it."""
        try:
            async with asyncio.timeout(self.protocol.idle_seconds):
                await self.cycle.flow.drain()
        except TimeoutError:
            self._hang_up()
            return False
        return True

    async def _send_rest(self, count: int | None, make: Callable[[socket.socket, int], _Sender]) -> None:
        """Send ``count`` bytes as the whole rest of the body, which must have a Content-Length."""
        cycle = self.cycle
        if cycle.disconnected:
            return
        if not cycle.response_started or cycle.chunked_encoding:
            raise RuntimeError("this body needs a response that was started with a Content-Length")
        if cycle.scope["method"] != "HEAD":
            announced = cycle.expected_content_length
            if count is not None and count != announced:
                raise RuntimeError(f"a body of {count} bytes where {announced} were announced")
            await self._send_from_thread(lambda sock: make(sock, announced))
        await self.send_stock({"type": "http.response.body"})

    async def _send_from_thread(self, make: Callable[[socket.socket], _Sender]) -> None:
        try:
            async with asyncio.timeout(self.protocol.idle_seconds):
                await self._headers_flushed()
            with _Line(self.cycle.transport, self.protocol.idle_seconds) as line, make(line.socket) as sender:
                await line.run(sender.turn, for_writing=True)
        except (ConnectionError, TimeoutError):
            self._hang_up()
        except BaseException:
            self._hang_up()
            raise
        else:
            self.cycle.expected_content_length = 0

    async def _headers_flushed(self) -> None:
        transport = self.cycle.transport
        transport.set_write_buffer_limits(high=0)
        while transport.get_write_buffer_size() and not self.cycle.disconnected:
            await self.cycle.flow.drain()
            await asyncio.sleep(0)
        transport.set_write_buffer_limits()

    def _hang_up(self) -> None:
        """Reset the connection: what the client has not taken must not stay in the kernel's memory."""
        self.cycle.disconnected = True
        with suppress(ConnectionError), _Line(self.cycle.transport, 0) as line:
            line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cycle.transport.abort()

    def _body_can_be_taken(self) -> bool:
        protocol, cycle = self.protocol, self.cycle
        long = protocol.unparsed_bytes + len(cycle.body) >= TAKEOVER_MIN_BYTES
        return long and protocol.cycle is cycle and cycle.more_body and cycle.scope["http_version"] == "1.1"

    async def take_body(self, sink: Sink) -> int:
        """Write all of the body that the application has not read to ``sink``; its length in bytes.

        Raises BodyTruncated when the client leaves or stalls, and what ``sink`` raises; the connection is closed after
        the answer to either."""
        protocol, cycle = self.protocol, self.cycle
        protocol.flow.pause_reading()
        early, cycle.body = cycle.body, bytearray()
        late = protocol.unparsed_bytes
        if cycle.waiting_for_100_continue:
            cycle.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False
        kept_alive, cycle.keep_alive = cycle.keep_alive, False
        await self._take(sink, early, late)
        cycle.keep_alive = kept_alive
        protocol.body_taken(cycle)
        return len(early) + late

    async def _take(self, sink: Sink, early: bytearray, late: int) -> None:
        try:
            line = _Line(self.cycle.transport, self.protocol.idle_seconds)
        except ConnectionError as error:
            raise BodyTruncated("The client left before its body was read.") from error
        receiver = _Receiver(line.socket, sink, early, late)
        try:
            await line.run(receiver.turn, for_writing=False)
        except (BodyTruncated, asyncio.CancelledError):
            line.close()
            raise
        except PeerStalled as error:
            line.close()
            raise BodyTruncated(f"The client sent nothing for {self.protocol.idle_seconds:g} seconds.") from error
        except BaseException:
            _linger(line, receiver.missing, self.protocol.linger_seconds)
            raise
        line.close()


def _head_text(cycle: httptools_impl.RequestResponseCycle, head: Any, body: bytes) -> bytes:
    """The status line and the headers; empty when they say what only uvicorn can handle, or must not be said."""
    headers = [*cycle.default_headers, *head["headers"]]
    told = dict(headers)
    is_whole = cycle.scope["method"] == "HEAD" or told[b"content-length"] == b"%d" % len(body)
    if not is_whole or b"connection" in told or b"transfer-encoding" in told:
        return b""
    lines = [httptools_impl.STATUS_LINE[head["status"]]]
    for name, value in headers:
        lines += (name, b": ", value, b"\r\n")
    text = b"".join(lines)
    is_text = len(text.translate(None, _NO_TEXT)) == len(text)
    return text if is_text and len(headers) + 1 == text.count(b"\r") == text.count(b"\n") else b""


class PeerStalled(TimeoutError):
    """The other end moved nothing for too long."""


class _Line:
    """A second handle on a connection's socket, so that a thread can use it whatever the event loop does with its own.

    The socket does not block (both handles share that flag)."""

    def __init__(self, transport: asyncio.BaseTransport, idle_seconds: float) -> None:
        fd = transport.get_extra_info("socket").fileno()
        if transport.is_closing() or fd < 0:
            raise ConnectionResetError("the connection is closed")
        self.socket = socket.socket(fileno=os.dup(fd))
        self._idle_seconds = idle_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def hang_up(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    async def run(self, turn: Callable[[], bool], *, for_writing: bool) -> None:
        """Call ``turn`` in byte threads until it answers True, each time as soon as the socket is ready.

        Raises PeerStalled and what ``turn`` raises."""
        while not await in_byte_thread(turn, hang_up=self.hang_up):
            await self._ready(for_writing)

    async def _ready(self, for_writing: bool) -> None:
        loop = asyncio.get_running_loop()
        add, remove = (loop.add_writer, loop.remove_writer) if for_writing else (loop.add_reader, loop.remove_reader)
        ready = asyncio.Event()
        add(self.socket.fileno(), ready.set)
        try:
            async with asyncio.timeout(self._idle_seconds):
                await ready.wait()
        except TimeoutError as error:
            raise PeerStalled from error
        finally:
            remove(self.socket.fileno())


class _Sender(ABC):
    """Bytes of known number on their way into a socket, by turns."""

    def __init__(self, sock: socket.socket, count: int) -> None:
        self._socket = sock
        self._missing = count
        self._is_full = False
        self._poll = select.poll()
        self._poll.register(sock, select.POLLOUT)

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None:
        """Let go of the source."""

    @abstractmethod
    def _send_some(self) -> int:
        """The number of bytes that the socket has taken, 0 when the source is at its end; ``_is_full`` when it could
        not take all that it was given. Raises BlockingIOError."""

    def turn(self) -> bool:
        """Send until the end of the bytes or of the turn, or until the peer is slow; True when all is sent.

        Raises OSError, and EOFError when the source is too short."""
        pause_at = max(0, self._missing - _TURN_BYTES)
        while self._missing > pause_at:
            if self._is_full and not self._has_room():
                return False
            try:
                sent = self._send_some()
            except BlockingIOError:
                self._is_full = True
                continue
            if not sent:
                raise EOFError("the source is shorter than what was announced")
            self._missing -= sent
        return not self._missing

    def _has_room(self) -> bool:
        """Wait until the socket takes a good deal at once, which it says of itself when a third of it is empty."""
        return bool(self._poll.poll(_WAIT_MILLISECONDS if are_threads_scarce() else _LONG_WAIT_MILLISECONDS))


class _FileSender(_Sender):
    """Sends a slice of a file without reading it."""

    def __init__(self, sock: socket.socket, path: Path, offset: int, count: int) -> None:
        super().__init__(sock, count)
        self._path = path
        self._offset = offset
        self._file = -1

    def __exit__(self, *_: object) -> None:
        if self._file >= 0:
            os.close(self._file)

    def _send_some(self) -> int:
        if self._file < 0:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        count = min(self._missing, _SEND_STEP_BYTES)
        try:
            sent = os.sendfile(self._socket.fileno(), self._file, self._offset, count)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS):
                raise
            # a filesystem without sendfile
            count = min(count, _RECEIVE_STEP_BYTES)
            sent = self._socket.send(os.pread(self._file, count, self._offset))
        self._offset += sent
        self._is_full = sent < count
        return sent


class _BlockSender(_Sender):
    """Sends blocks in the thread that makes them."""

    def __init__(self, sock: socket.socket, blocks: Generator[bytes, None, None], count: int) -> None:
        super().__init__(sock, count)
        self._blocks = blocks
        self._block = memoryview(b"")

    def __exit__(self, *_: object) -> None:
        self._blocks.close()

    def _send_some(self) -> int:
        while not self._block:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._block = memoryview(block)
        sent = self._socket.send(self._block[: self._missing])
        self._block = self._block[sent:]
        self._is_full = len(self._block) > 0
        return sent


class _Receiver:
    """A request body on its way from a socket into a sink, by turns.

    Every block but the last is a whole step from an aligned buffer: it can be written past the page cache, and takes
    larger folios of it otherwise."""

    def __init__(self, sock: socket.socket, sink: Sink, early: bytearray, late: int) -> None:
        """``early`` bytes are here already, ``late`` (their number) are still in the socket or on the way."""
        self.missing = late
        self._socket = sock
        self._sink = sink
        self._buffer = aligned_buffer(max(len(early), min(_RECEIVE_STEP_BYTES, len(early) + late)))
        self._filled = len(early)
        self._buffer[: self._filled] = early
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def turn(self) -> bool:
        """Receive until the body or the turn ends or the peer is slow; True when all is in the sink.

        Raises BodyTruncated, and what the sink raises."""
        pause_at = max(0, self.missing - _TURN_BYTES)
        while self.missing > pause_at:
            if self._filled == len(self._buffer):
                self._flush()
            if not self._receive_some():
                break
        if not self.missing:
            self._flush()
        return not self.missing

    def _receive_some(self) -> bool:
        """False when nothing came for a moment."""
        try:
            count = self._socket.recv_into(self._buffer[self._filled : self._filled + self.missing])
        except BlockingIOError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, min(_WAKE_BYTES, self.missing))
            return bool(self._poll.poll(_WAIT_MILLISECONDS))
        except OSError as error:
            raise BodyTruncated(f"The client left {self.missing} bytes before the end of its body.") from error
        if not count:
            raise BodyTruncated(f"The client left {self.missing} bytes before the end of its body.")
        self._filled += count
        self.missing -= count
        return True

    def _flush(self) -> None:
        filled, self._filled = self._filled, 0
        if filled:
            self._sink.write(self._buffer[:filled])
        if not self.missing:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


class _Nowhere:
    def write(self, data: memoryview | bytes) -> None:
        del data


_lingering: set[asyncio.Task[None]] = set()


def _linger(line: _Line, missing: int, seconds: float) -> None:
    """Read and drop the rest of a refused body: closing over unread bytes would reset it under the answer."""
    task = asyncio.get_running_loop().create_task(_drain(line, missing, seconds))
    _lingering.add(task)
    task.add_done_callback(_lingering.discard)


async def _drain(line: _Line, missing: int, seconds: float) -> None:
    with line, suppress(BodyTruncated, TimeoutError):
        async with asyncio.timeout(seconds):
            await line.run(_Receiver(line.socket, _Nowhere(), bytearray(), missing).turn, for_writing=False)
