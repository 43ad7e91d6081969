"""Shards on their way in: checked, proven byte by byte, recorded; with a sign of life while that takes."""

from __future__ import annotations

import asyncio
import mmap
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yungu import hub
from yungu.api.http import Call, Site
from yungu.api.http.threads import in_byte_thread
from yungu.api.http.uploads import receive_body
from yungu.api.xet import wire
from yungu.api.xet.errors import is_retryable
from yungu.api.xet.tokens import XetClaims, writer_of
from yungu.kernel.errors import YunguError
from yungu.storage import xet

FRAME_EVERY_SECONDS = 5.0
"""Clients give up after 300 s without a frame; proxies on the way sooner."""

_running: set[asyncio.Task[bool]] = set()


@dataclass(slots=True)
class ShardWork:
    """One shard whose statements are checked; ``verified`` of ``total`` bytes are proven so far."""

    site: Site
    claims: XetClaims
    files: list[xet.CheckedFile]
    verified: int = 0
    total: int = 0

    def run(self) -> bool:
        """Prove and record; True when something is new. In a byte thread."""
        proven = xet.prove_files(self.site.db, self.site.store, self.files, progress=self._progress)
        with self.site.db.write() as session:
            repo = hub.get_repo_by_id(session, self.claims.repo)
            user_id = writer_of(self.claims)
            xet.record_files(session, proven, repo_id=repo.id, user_id=user_id)
            for file in proven:
                hub.link_upload(session, repo, file.sha256, user_id)
        return any(file.is_new for file in proven)

    def start(self) -> asyncio.Task[bool]:
        """Run to the end even if the client leaves: then its next try is answered at once."""
        task = asyncio.ensure_future(in_byte_thread(self.run))
        _running.add(task)
        task.add_done_callback(_running.discard)
        return task

    def _progress(self, verified: int, total: int) -> None:
        self.verified, self.total = verified, total


async def receive_shard(call: Call, claims: XetClaims) -> ShardWork:
    """Take in the body and check all that can be checked from facts. Raises ShardInvalid, XorbMissing, FileTooLarge."""
    with call.site.store.stage(sha256=False) as staged:
        await receive_body(call, staged, max_bytes=xet.MAX_SHARD_BYTES)
        files = await in_byte_thread(lambda: _check(call.site, staged.path))
    return ShardWork(call.site, claims, files, total=sum(file.size_bytes for file in files))


class FramesResponse(Response):
    """The answer of version 2, line by line: work that is done now, whether or not the client waits for its end."""

    def __init__(self, work: ShardWork) -> None:
        super().__init__(media_type="application/x-ndjson")
        del self.headers["content-length"]
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for frame in _frames(self._work):
            await send({"type": "http.response.body", "body": wire.encode_frame(frame), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _frames(work: ShardWork) -> AsyncIterator[wire.Frame]:
    task = work.start()
    while not (await asyncio.wait({task}, timeout=FRAME_EVERY_SECONDS))[0]:
        yield wire.Validating(work.verified, work.total)
    try:
        task.result()
    except YunguError as error:
        yield wire.Failure(error.message, is_retryable(error))
        return
    yield wire.Committing("syncing")
    yield wire.Result()


def _check(site: Site, path: Path) -> list[xet.CheckedFile]:
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise xet.ShardInvalid("The shard is empty.")
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # goes with the last record that looks into it
        return xet.check_shard(site.db, xet.parse_shard(memoryview(view)))
