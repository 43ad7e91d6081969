"""Clone and fetch: git's own upload-pack on a copy of the ref rows, streamed both ways."""

from __future__ import annotations

import asyncio
import logging
import re
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yungu import hub
from yungu.api.git import wire
from yungu.api.git.bodies import receive_git_body
from yungu.api.git.listing import list_refs, parse_list_refs
from yungu.api.git.places import readable_repo
from yungu.api.http import Call
from yungu.hub import Repo
from yungu.kernel.db import Session
from yungu.storage import git_binary
from yungu.storage.errors import GitRefused

log = logging.getLogger("yungu.git")
MAX_REQUEST_BYTES = 64 << 20
"""What a client wants and has: 50 bytes for each ref and for each commit it offers as common ground."""
NEVER_KEPT = {
    "cache-control": "no-cache, max-age=0, must-revalidate",
    "expires": "Fri, 01 Jan 1980 00:00:00 GMT",
    "pragma": "no-cache",
}
_PROTOCOL = re.compile(r"^version=[012]$")
_BLOCK_BYTES = 256 << 10
_SMALL_BYTES = 64 << 10  # a request so small needs no file until git wants one


async def advertise_fetch(call: Call) -> Response:
    """GET info/refs?service=git-upload-pack: the refs, or for protocol 2 only what the server can do."""
    repo = await call.read(_readable, call)
    path, protocol = call.site.git.path(repo.id), _protocol(call)
    if protocol == "version=2":
        able = await call.in_thread(lambda: git_binary.fetch_capabilities(path))
        return Response(able, media_type="application/x-git-upload-pack-advertisement", headers=NEVER_KEPT)
    await call.read(hub.sync_refs, call.site.git, repo)
    first = wire.line(b"# service=git-upload-pack\n") + wire.FLUSH
    with tempfile.TemporaryFile() as nothing:
        return await _run(path, protocol, nothing, "advertisement", first, advertise=True)


async def upload_pack(call: Call) -> Response:
    """POST git-upload-pack: one round of a fetch."""
    repo = await call.read(_readable, call)
    with tempfile.SpooledTemporaryFile(_SMALL_BYTES) as request:
        await receive_git_body(call, _Spool(request), max_bytes=MAX_REQUEST_BYTES)
        request.seek(0)
        listing = parse_list_refs(request.read(_SMALL_BYTES)) if _protocol(call) == "version=2" else None
        if listing is not None:
            found = await call.read(list_refs, call.site.git, repo, listing)
            return Response(found, media_type="application/x-git-upload-pack-result", headers=NEVER_KEPT)
        request.seek(0)
        await call.read(hub.sync_refs, call.site.git, repo)
        return await _run(call.site.git.path(repo.id), _protocol(call), request, "result", b"", advertise=False)


class _Spool:
    """A file as a sink."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: memoryview | bytes) -> None:
        self._file.write(data)


class ProcessResponse(Response):
    """What a process writes, as it writes it; a client that leaves ends the process."""

    def __init__(self, process: Process, first: bytes, *, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers, media_type=media_type)
        del self.headers["content-length"]
        self._process = process
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left = asyncio.ensure_future(_disconnected(receive))
        left.add_done_callback(lambda _: _kill(self._process))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._send_output(send)
        finally:
            left.cancel()
            _kill(self._process)
            await self._process.wait()

    async def _send_output(self, send: Send) -> None:
        block = self._first
        while block:
            await send({"type": "http.response.body", "body": block, "more_body": True})
            block = await _read(self._process)
        await send({"type": "http.response.body", "body": b""})


def _readable(session: Session, call: Call) -> Repo:
    return readable_repo(session, call)[0]


async def _run(
    path: Path, protocol: str, request: IO[bytes], word: str, first: bytes, *, advertise: bool
) -> ProcessResponse:
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            *git_binary.upload_pack(path, advertise=advertise),
            stdin=request,
            stdout=PIPE,
            stderr=said,
            env=git_binary.environment(GIT_PROTOCOL=protocol),
            limit=_BLOCK_BYTES,
        )
        try:
            block = await _first_block(process, said, path)
        except BaseException:
            _kill(process)
            raise
    media_type = f"application/x-git-upload-pack-{word}"
    return ProcessResponse(process, first + block, media_type=media_type, headers=NEVER_KEPT)


async def _first_block(process: Process, said: IO[bytes], path: Path) -> bytes:
    block = await _read(process)
    if not block and await process.wait():
        log.warning("upload-pack gave up: %s", git_binary.last_words(said, path))
        raise GitRefused("git could make nothing of this request.")
    return block


def _protocol(call: Call) -> str:
    asked = call.headers.get("git-protocol", "")
    return asked if _PROTOCOL.match(asked) else "version=0"


async def _read(process: Process) -> bytes:
    return await process.stdout.read(_BLOCK_BYTES) if process.stdout else b""


def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
