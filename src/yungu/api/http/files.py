"""Files of any size as HTTP responses: ranges, conditions, and as little work per byte as the server allows.

return FileResponse(store.path(key), size_bytes=blob.size_bytes, etag=blob.sha256, filename="model.safetensors")
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yungu.api.http.threads import in_byte_thread
from yungu.storage.errors import BytesNotFound

PATHSEND = "http.response.pathsend"
"""ASGI extension and message: the server sends a slice of a file; see `yungu.app.protocol`."""
SENDBLOCKS = "yungu.sendblocks"
"""ASGI extension and message: the server sends what a generator makes, from a worker thread; see there too."""

_BLOCK_BYTES = 1 << 20
_INLINE_BYTES = 64 << 10  # reading so little costs less than handing it to a thread
_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)
_SIMPLE = re.compile(r"[A-Za-z0-9._-]+")
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')


class RangeSource(Protocol):
    """Bytes that are no single file, rebuilt on demand."""

    def open_range(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to, not including, ``end``, in blocks of at most a few MiB. Used in threads."""


class FileResponse(Response):
    """A file, anything that can be read by ranges, or bytes already at hand, for GET and HEAD.

    One range (also open-ended or a suffix) is answered with 206; several ranges, or ones that make no sense, with the
    whole file, as RFC 9110 section 14.2 allows; one beyond the end with 416 and ``Content-Range: bytes */size``.
    If-Range and If-None-Match compare with ``etag`` (given without quotes). Every answer has its length, and none is
    ever compressed. Raises BytesNotFound, before anything is sent, when the file is missing or has another size."""

    def __init__(
        self,
        source: Path | RangeSource | bytes,
        *,
        size_bytes: int,
        etag: str,
        filename: str | None = None,
        disposition: Literal["attachment", "inline"] = "attachment",
        media_type: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.source = source
        self.size_bytes = size_bytes
        self.etag = etag
        self._plan: Answer | None = None
        told = {**(headers or {}), "content-type": media_type, "accept-ranges": "bytes", "etag": f'"{etag}"'}
        if filename is not None:
            told["content-disposition"] = content_disposition(filename, disposition)
        super().__init__()
        self.raw_headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]

    def again(self, source: Path | RangeSource | bytes) -> FileResponse:
        """The same answer to another request, its bytes from ``source``."""
        other = FileResponse.__new__(FileResponse)
        vars(other).update(vars(self), source=source, raw_headers=[*self.raw_headers], _plan=None)
        return other

    def plan(self, headers: Mapping[str, str], method: str) -> Answer:
        """What this answer is to the one request that it is for, see `plan_answer`."""
        if self._plan is None:
            self._plan = plan_answer(headers, method, self.size_bytes, self.etag)
        return self._plan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._check_file()
        plan = self.plan(Headers(scope=scope), scope["method"])
        self.status_code = plan.status
        if plan.status != 304:
            self._tell(b"content-length", str(plan.count))
        if plan.status == 206:
            self._tell(b"content-range", f"bytes {plan.start}-{plan.start + plan.count - 1}/{self.size_bytes}")
        elif plan.status == 416:
            self._tell(b"content-range", f"bytes */{self.size_bytes}")
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD" or plan.status in (304, 416) or not plan.count:
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._send_slice(plan.start, plan.count, scope, receive, send)
        if self.background is not None:
            await self.background()

    def _tell(self, name: bytes, value: str) -> None:
        self.raw_headers.append((name, value.encode()))

    def _check_file(self) -> None:
        if isinstance(self.source, Path):
            try:
                whole = self.source.stat().st_size == self.size_bytes
            except FileNotFoundError:
                whole = False
            if not whole:
                raise BytesNotFound(f"The bytes of {self.etag} are missing from the store or damaged.")

    async def _send_slice(self, start: int, count: int, scope: Scope, receive: Receive, send: Send) -> None:
        extensions = scope.get("extensions", {})
        if isinstance(self.source, bytes):
            await send({"type": "http.response.body", "body": self.source[start : start + count]})
        elif not isinstance(self.source, Path):
            blocks = _plain_generator(self.source.open_range(start, start + count))
            if SENDBLOCKS in extensions:
                await send({"type": SENDBLOCKS, "blocks": blocks, "count": count})
            else:
                await _send_blocks(blocks, receive, send)
        elif count <= _INLINE_BYTES:
            await send({"type": "http.response.body", "body": _read(self.source, start, count)})
        elif extensions.get(PATHSEND, {}).get("ranges"):
            await send({"type": PATHSEND, "path": str(self.source), "offset": start, "count": count})
        else:
            await _send_blocks(_iter_file(self.source, start, count), receive, send)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say about a file: a status, and the slice of it that is the body (of a GET)."""

    status: Literal[200, 206, 304, 416]
    start: int = 0
    count: int = 0


def plan_answer(headers: Mapping[str, str], method: str, size_bytes: int, etag: str) -> Answer:
    """Decide by RFC 9110 sections 13 and 14 from the request's ``headers`` (lower-case names)."""
    known, asked = headers.get("if-none-match"), headers.get("range")
    if known is not None and _matches(known, etag):
        return Answer(304)
    whole = Answer(200, 0, size_bytes)
    wanted = _RANGE.fullmatch(asked) if asked is not None and method == "GET" else None
    if wanted is None or headers.get("if-range", f'"{etag}"') != f'"{etag}"':
        return whole
    first, last = wanted.groups()
    if not first:
        return _suffix(int(last), size_bytes) if last else whole
    if last and int(last) < int(first):
        return whole
    if int(first) >= size_bytes:
        return Answer(416)
    end = min(int(last) + 1, size_bytes) if last else size_bytes
    return Answer(206, int(first), end - int(first))


def _suffix(length: int, size_bytes: int) -> Answer:
    count = min(length, size_bytes)
    return Answer(206, size_bytes - count, count) if count else Answer(416)


def _matches(if_none_match: str, etag: str) -> bool:
    return if_none_match.strip() == "*" or etag in _ETAG.findall(if_none_match)


def content_disposition(filename: str, disposition: Literal["attachment", "inline"] = "attachment") -> str:
    """The header for any file name (RFC 6266, RFC 5987); only its last path segment is told.

    The plain ``filename="..."`` comes last with a semicolon behind it: Hugging Face clients look for exactly that."""
    name = filename.rsplit("/", 1)[-1]
    if _SIMPLE.fullmatch(name):
        return f"{disposition}; filename*=UTF-8''{name}; filename=\"{name}\";"
    plain = re.sub(r'[^ -~]|["\\%;]', "_", name)
    exact = quote(name, safe="", errors="replace")
    return f"{disposition}; filename*=UTF-8''{exact}; filename=\"{plain}\";"


def _read(path: Path, start: int, count: int) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(fd, count, start)
    finally:
        os.close(fd)


def _iter_file(path: Path, start: int, count: int) -> Generator[bytes, None, None]:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while count:
            block = file.read(min(count, _BLOCK_BYTES))
            if not block:
                raise EOFError(f"{path.name} is shorter than announced")
            count -= len(block)
            yield block


def _plain_generator(blocks: Iterator[bytes]) -> Generator[bytes, None, None]:
    """``blocks`` with a way to let go of their source early."""
    yield from blocks


async def _send_blocks(blocks: Generator[bytes, None, None], receive: Receive, send: Send) -> None:
    """Send what ``blocks`` gives on any server, made one step ahead in threads, until the client leaves."""
    left = asyncio.ensure_future(_disconnected(receive))
    ahead = asyncio.ensure_future(in_byte_thread(partial(_gather, blocks)))
    try:
        while (block := await ahead) and not left.done():
            ahead = asyncio.ensure_future(in_byte_thread(partial(_gather, blocks)))
            await send({"type": "http.response.body", "body": block, "more_body": True})
        if not left.done():
            await send({"type": "http.response.body", "body": b""})
    finally:
        left.cancel()
        await asyncio.gather(ahead, return_exceptions=True)
        await in_byte_thread(blocks.close)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _gather(blocks: Iterator[bytes]) -> bytes:
    """About 1 MiB of small blocks, or one large one; empty at the end."""
    gathered: list[bytes] = []
    size = 0
    for block in blocks:
        gathered.append(block)
        size += len(block)
        if size >= _BLOCK_BYTES:
            break
    return gathered[0] if len(gathered) == 1 else b"".join(gathered)
