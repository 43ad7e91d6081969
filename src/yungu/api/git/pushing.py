"""Push: a body comes in, what stands the check moves refs, and git's own report goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yungu import hub
from yungu.accounts import Actor
from yungu.api.git import wire
from yungu.api.git.bodies import receive_git_body
from yungu.api.git.fetching import NEVER_KEPT
from yungu.api.git.places import pushable_repo
from yungu.api.git.push_body import PushBody
from yungu.api.git.push_outcome import settle
from yungu.api.http import Call
from yungu.api.http.threads import in_byte_thread
from yungu.hub import Repo
from yungu.kernel import events
from yungu.kernel.db import Session
from yungu.storage.quarantine import Quarantine

MAX_PUSH_BYTES = 16 << 30
"""The largest push: regular files are small, everything large goes through git-lfs."""
_CAPABILITIES = "report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 agent=yungu"
_KEEPALIVE = b"0005\2"
_KEEPALIVE_SECONDS = 5.0


def advertise_push(session: Session, call: Call) -> Response:
    """GET info/refs?service=git-receive-pack."""
    repo, _ = pushable_repo(session, call)
    pushable = ("refs/heads/", "refs/tags/", "refs/pr/")
    refs = {ref.name: ref.oid for ref in hub.offered_refs(session, repo) if ref.name.startswith(pushable)}
    body = wire.advertise_push(refs, _CAPABILITIES)
    return Response(body, media_type="application/x-git-receive-pack-advertisement", headers=NEVER_KEPT)


async def receive_pack(call: Call) -> Response:
    """POST git-receive-pack. Whatever is wrong with the push itself is told in git's own report, with status 200."""
    repo, _ = await call.read(pushable_repo, call)
    body = PushBody(lambda: Quarantine(call.site.git.open(repo.id)))
    try:
        await receive_git_body(call, body, max_bytes=MAX_PUSH_BYTES)
        body.check_ended()
        actor = await call.read(_still_pusher, call, repo)  # the body may have taken hours
    except BaseException:
        await in_byte_thread(body.close)
        raise
    return PushResponse(lambda: _settle(call, repo, actor, body), side_band="side-band-64k" in body.capabilities)


def _settle(call: Call, repo: Repo, actor: Actor, body: PushBody) -> bytes:
    with events.coming_from(call.address):
        return settle(call.site, repo, actor, body)


def _still_pusher(session: Session, call: Call, repo: Repo) -> Actor:
    call.actor_still(session)
    again, actor = pushable_repo(session, call)
    if again.id != repo.id:
        raise hub.RepoNotFound(repo.repo_id)
    return actor


class PushResponse(Response):
    """The report that ``work()`` makes, in a byte thread; a client with side bands is kept awake until then."""

    def __init__(self, work: Callable[[], bytes], *, side_band: bool) -> None:
        super().__init__(headers=NEVER_KEPT, media_type="application/x-git-receive-pack-result")
        del self.headers["content-length"]
        self._work = work
        self._side_band = side_band

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.ensure_future(in_byte_thread(self._work))
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while not (await asyncio.wait({task}, timeout=_KEEPALIVE_SECONDS))[0]:
            if self._side_band:
                await send({"type": "http.response.body", "body": _KEEPALIVE, "more_body": True})
        await send({"type": "http.response.body", "body": task.result()})
