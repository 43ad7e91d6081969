"""Large content on its way in: which of it is wanted, and the bytes.

The clients send their credentials along with the bytes, to whatever address we name: it is always our own."""

from __future__ import annotations

import re

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Call
from yungu.api.http.app import read_body
from yungu.api.http.call import BodyInvalid
from yungu.api.http.contents import MAX_OBJECT_BYTES, ContentWrong, keep_upload
from yungu.api.http.signing import SignatureInvalid, sign, verify
from yungu.api.http.uploads import receive_body
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.routes import legacy
from yungu.hub import Repo
from yungu.kernel.db import Session
from yungu.storage import content
from yungu.storage.models import Blob

MAX_OBJECTS = 1000
UPLOAD_SECONDS = 24 * 3600
_PURPOSE = "modelscope-lfs"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OF = "/api/v1/repos/{kinds}/{owner}/{name}/info/lfs/objects"


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """Leave to send one content."""

    repo: int
    sha256: str
    size_bytes: int
    user: int | None


@legacy.post(f"{_OF}/batch")
async def batch(call: Call) -> Response:
    """For each object that is missing, where to send it; one that is not named the server has.

    Clients up to 1.30 at least take every object of the answer for a missing one."""
    call.body_bytes = await read_body(call, 4 << 20)
    asked = call.body_as(wire.LfsBatch)
    if asked.operation != "upload":
        raise BodyInvalid("Only uploads are planned here; files are downloaded by their paths.")
    if len(asked.objects) > MAX_OBJECTS:
        raise BodyInvalid(f"A batch may have at most {MAX_OBJECTS} objects.")
    repo, actor, held = await call.read(_held, call, asked)
    for wanted in asked.objects:
        _check(wanted, held.get(wanted.oid))
    known = [wanted.oid for wanted in asked.objects if wanted.oid in held]
    if known:
        await call.write(_link, repo, known, actor)
    objects = [_plan(call, repo, actor, wanted) for wanted in asked.objects if wanted.oid not in held]
    return wire.answer(call, {"objects": objects})


@legacy.put(f"{_OF}/{{sha256}}")
async def upload(call: Call) -> Response:
    """The bytes of one object."""
    await call.read(lambda session: call.actor(session))  # a bad token is told, though the address alone is enough
    grant = verify(call.site.secret, _PURPOSE, call.query_params.get("token", ""), Grant)
    if grant.sha256 != call.params["sha256"]:
        raise SignatureInvalid("This address was made for something else.")
    with call.site.store.stage() as staged:
        await receive_body(call, staged, max_bytes=MAX_OBJECT_BYTES, expect_bytes=grant.size_bytes)
        await keep_upload(
            call, staged, repo_number=grant.repo, sha256=grant.sha256, size_bytes=grant.size_bytes, user_id=grant.user
        )
    return wire.answer(call, {"oid": grant.sha256, "size": grant.size_bytes})


def _held(session: Session, call: Call, asked: wire.LfsBatch) -> tuple[Repo, Actor, dict[str, Blob]]:
    repo, actor = places.writable(session, call)
    named = [wanted.oid for wanted in asked.objects if _SHA256.fullmatch(wanted.oid)]
    held = content.list_blobs(session, hub.readable_blobs(session, named, repo, actor))
    more = sum(max(0, wanted.size) for wanted in asked.objects if wanted.oid not in held)
    hub.check_room(session, repo, more, uploader_id=actor.id)
    return repo, actor, held


def _link(session: Session, repo: Repo, sha256s: list[str], actor: Actor) -> None:
    content.touch_blobs(session, sha256s)
    for sha256 in sha256s:
        hub.link_upload(session, repo, sha256, actor.id)


def _check(wanted: wire.LfsObject, blob: Blob | None) -> None:
    if not _SHA256.fullmatch(wanted.oid):
        raise BodyInvalid("An oid is the sha256 of the content, in lower-case hex.")
    if not 0 <= wanted.size <= MAX_OBJECT_BYTES:
        raise BodyInvalid(f"A size is 0 to {MAX_OBJECT_BYTES} bytes.")
    if blob is not None and blob.size_bytes != wanted.size:
        raise ContentWrong(f"The content {wanted.oid} has {blob.size_bytes} bytes, not {wanted.size}.")


def _plan(call: Call, repo: Repo, actor: Actor, wanted: wire.LfsObject) -> wire.Json:
    token = sign(
        call.site.secret, _PURPOSE, Grant(repo.id, wanted.oid, wanted.size, actor.id), lifetime_seconds=UPLOAD_SECONDS
    )
    prefix = f"{call.origin}/api/v1/repos/{repo.kind}s/{repo.repo_id}"
    href = f"{prefix}/info/lfs/objects/{wanted.oid}?token={token}"
    upload = {"href": href, "expires_in": UPLOAD_SECONDS}
    return {"oid": wanted.oid, "size": wanted.size, "actions": {"upload": upload}}
