"""git-lfs: which objects to send and to fetch, and the bytes themselves.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md. Hugging Face clients use it too, with one more transfer,
``multipart``: the action's header holds ``chunk_size`` and one address for each part ("1", "2", ...), every answer to a
part has an ETag, and a POST to the action's own address with ``{oid, parts}`` completes the upload. They send neither
credentials nor the action's header along with the bytes, so that all addresses are signed. Those of 0.36 to 1.19 ask
here whether they may upload by Xet instead, and do so when told ``xet``, without looking at the actions."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.accounts import Actor, QuotaExceeded
from yungu.api.git.errors import lfs_response, render_lfs_error
from yungu.api.git.lfs_wire import (
    SHA256,
    Action,
    BatchAnswer,
    BatchRequest,
    Completion,
    ObjectAnswer,
    ObjectError,
    Wanted,
)
from yungu.api.git.places import lfs_url, readable_repo, under_repo, uploadable_repo
from yungu.api.http import Call, Routes
from yungu.api.http.app import read_body
from yungu.api.http.blobs import blob_response
from yungu.api.http.contents import MAX_OBJECT_BYTES, ContentWrong, keep_upload
from yungu.api.http.signing import SignatureInvalid, sign, verify
from yungu.api.http.threads import in_byte_thread
from yungu.api.http.uploads import receive_body
from yungu.hub import Repo
from yungu.kernel.db import Session
from yungu.kernel.errors import Conflict, Exhausted, NotFound
from yungu.storage import content
from yungu.storage.models import Blob
from yungu.storage.staging import Staged

routes = Routes(on_error=render_lfs_error)

MAX_OBJECTS = 1000
MULTIPART_OVER_BYTES = 1 << 30
"""Clients that can send larger objects in parts, so that a broken connection costs one part only."""
PART_BYTES = 256 << 20
MAX_PARTS = 10_000
UPLOAD_SECONDS = 24 * 3600
DOWNLOAD_SECONDS = 3600
_PURPOSE = "git-lfs"


class HashUnknown(Conflict):
    """A client wants to name contents by something else than sha256."""


class BatchTooLong(Exhausted):
    """Too many objects in one request."""


class ContentMissing(NotFound):
    """The repo has no such content."""


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """Leave to send or fetch one content. ``part_bytes``: size of all parts but the last; 0: sent as a whole."""

    operation: str
    repo: int
    sha256: str
    size_bytes: int
    user: int | None = None
    part_bytes: int = 0

    @property
    def part_count(self) -> int:
        return -(-self.size_bytes // self.part_bytes) if self.part_bytes else 0

    def part_size(self, number: int) -> int:
        return min(self.part_bytes, self.size_bytes - (number - 1) * self.part_bytes)


@routes.post(*under_repo("/info/lfs/objects/batch"))
async def batch(call: Call) -> Response:
    call.body_bytes = await read_body(call, 4 << 20)
    asked = call.body_as(BatchRequest)
    if asked.hash_algo != "sha256":
        raise HashUnknown(f"Contents are named by sha256 here, not by {asked.hash_algo}.")
    if len(asked.objects) > MAX_OBJECTS:
        raise BatchTooLong(f"A batch may have at most {MAX_OBJECTS} objects.")
    if asked.operation == "download":
        return lfs_response(await call.read(_plan_downloads, call, asked))
    repo, answer = await call.read(_plan_uploads, call, asked)
    held = [found.oid for found in answer.objects if found.actions is None and found.error is None]
    if held:
        await call.write(_link, repo, held, call.known_actor.id)
    return lfs_response(answer)


@routes.get(*under_repo("/info/lfs/objects/{sha256}"))
def download(session: Session, call: Call) -> Response:
    """By a signed address, or with credentials that may read the repo."""
    sha256 = call.params["sha256"]
    if call.query_params.get("token"):
        _grant(call, "download")
    else:
        repo, actor = readable_repo(session, call)
        if sha256 not in hub.readable_blobs(session, [sha256], repo, actor):
            raise ContentMissing(f"This repo has no content {sha256}.")
    blob = content.find_blob(session, sha256)
    if blob is None:
        raise ContentMissing(f"There is no content {sha256}.")
    return blob_response(call.site, blob)


@routes.put(*under_repo("/info/lfs/objects/{sha256}"))
async def upload(call: Call) -> Response:
    """The bytes of one object, or of one part of it."""
    grant = _grant(call, "upload")
    if "part" in call.query_params:
        return await _receive_part(call, grant, call.query_params["part"])
    with call.site.store.stage(cached=False) as staged:
        await receive_body(call, staged, max_bytes=MAX_OBJECT_BYTES, expect_bytes=grant.size_bytes)
        await _keep(call, grant, staged)
    return Response(status_code=200)


@routes.post(*under_repo("/info/lfs/objects/{sha256}"))
async def complete(call: Call) -> Response:
    """All parts are sent: put them together. Saying it again after it succeeded does no harm."""
    grant = _grant(call, "upload")
    call.body_bytes = await read_body(call, 4 << 20)
    numbers = sorted(part.part_number for part in call.body_as(Completion).parts)
    if numbers != list(range(1, grant.part_count + 1)):
        raise ContentWrong(f"The upload has the parts 1 to {grant.part_count}, each once.")
    if await call.read(hub.holds_blob, grant.repo, grant.sha256, committed_only=False):
        return Response(status_code=200)
    parts, upload_id = call.site.store.parts, _upload_id(call.site.secret, grant)
    try:
        with await in_byte_thread(lambda: parts.assemble(upload_id, numbers)) as staged:
            await _keep(call, grant, staged)
    except ContentWrong:
        await in_byte_thread(lambda: parts.discard_upload(upload_id))
        raise
    await in_byte_thread(lambda: parts.discard_upload(upload_id))
    return Response(status_code=200)


@routes.post(*under_repo("/info/lfs/objects/verify"), writes=False)
def verify_upload(session: Session, call: Call) -> Response:
    """Whether an upload has arrived; it was checked when it did."""
    wanted = call.body_as(Wanted)
    signed = bool(call.query_params.get("token"))
    number = _grant(call, "upload", wanted.oid).repo if signed else uploadable_repo(session, call)[0].id
    blob = content.find_blob(session, wanted.oid)
    if blob is None or not hub.holds_blob(session, number, wanted.oid, committed_only=False):
        raise ContentMissing(f"The content {wanted.oid} was not uploaded to this repo.")
    if blob.size_bytes != wanted.size:
        raise ContentWrong(f"The content {wanted.oid} has {blob.size_bytes} bytes, not {wanted.size}.")
    return Response(b"{}", media_type="application/vnd.git-lfs+json")


def _plan_downloads(session: Session, call: Call, asked: BatchRequest) -> BatchAnswer:
    repo, actor = readable_repo(session, call)
    named = [wanted.oid for wanted in asked.objects if SHA256.fullmatch(wanted.oid)]
    held = content.list_blobs(session, hub.readable_blobs(session, named, repo, actor))
    return BatchAnswer("basic", [_plan_download(call, repo, wanted, held.get(wanted.oid)) for wanted in asked.objects])


def _plan_download(call: Call, repo: Repo, wanted: Wanted, blob: Blob | None) -> ObjectAnswer:
    if blob is None:
        return _refusal(wanted, 404, "This repo has no such content.")
    if blob.size_bytes != wanted.size:
        return _refusal(wanted, 422, f"The content has {blob.size_bytes} bytes.")
    grant = Grant("download", repo.id, wanted.oid, wanted.size)
    href = _signed(call, repo, wanted.oid, grant, DOWNLOAD_SECONDS)
    actions = {"download": Action(href, expires_in=DOWNLOAD_SECONDS)}
    return ObjectAnswer(wanted.oid, wanted.size, authenticated=True, actions=actions)


def _plan_uploads(session: Session, call: Call, asked: BatchRequest) -> tuple[Repo, BatchAnswer]:
    repo, actor = uploadable_repo(session, call)
    named = [wanted.oid for wanted in asked.objects if SHA256.fullmatch(wanted.oid)]
    held = content.list_blobs(session, hub.readable_blobs(session, named, repo, actor))
    largest = max((wanted.size for wanted in asked.objects), default=0)
    from_hub_client = "multipart" in asked.transfers
    in_parts = from_hub_client and largest > MULTIPART_OVER_BYTES
    full = _why_full(session, repo, actor, [wanted for wanted in asked.objects if wanted.oid not in held])
    if full is not None:
        return repo, BatchAnswer("basic", [_refusal(wanted, 507, full) for wanted in asked.objects])
    answers = [_plan_upload(call, repo, wanted, held.get(wanted.oid), in_parts) for wanted in asked.objects]
    if from_hub_client and "xet" in asked.transfers:
        return repo, BatchAnswer("xet", answers)
    return repo, BatchAnswer("multipart" if in_parts else "basic", answers)


def _why_full(session: Session, repo: Repo, actor: Actor, wanted: Sequence[Wanted]) -> str | None:
    """Why there is no room for these."""
    try:
        hub.check_room(session, repo, sum(max(0, new.size) for new in wanted), uploader_id=actor.id)
    except QuotaExceeded as error:
        return f"{error.message} {error.hint}"
    return None


def _plan_upload(call: Call, repo: Repo, wanted: Wanted, blob: Blob | None, in_parts: bool) -> ObjectAnswer:
    if not SHA256.fullmatch(wanted.oid):
        return _refusal(wanted, 422, "The oid is not a sha256 in lower-case hex.")
    if not 0 <= wanted.size <= MAX_OBJECT_BYTES:
        return _refusal(wanted, 422, f"The size must be 0 to {MAX_OBJECT_BYTES} bytes.")
    if blob is not None and blob.size_bytes != wanted.size:
        return _refusal(wanted, 422, f"The content of that sha256 has {blob.size_bytes} bytes.")
    if blob is not None:
        return ObjectAnswer(wanted.oid, wanted.size)
    part_bytes = max(PART_BYTES, -(-wanted.size // MAX_PARTS)) if in_parts else 0
    grant = Grant("upload", repo.id, wanted.oid, wanted.size, call.known_actor.id, part_bytes)
    href = _signed(call, repo, wanted.oid, grant, UPLOAD_SECONDS)
    header = {"chunk_size": str(part_bytes)} if part_bytes else {}
    header |= {str(number): f"{href}&part={number}" for number in range(1, grant.part_count + 1)}
    check = Action(_signed(call, repo, "verify", grant, UPLOAD_SECONDS), expires_in=UPLOAD_SECONDS)
    actions = {"upload": Action(href, header, UPLOAD_SECONDS), "verify": check}
    return ObjectAnswer(wanted.oid, wanted.size, authenticated=True, actions=actions)


def _link(session: Session, repo: Repo, sha256s: list[str], actor_id: int | None) -> None:
    """The actor may refer to these already: a commit to this repo may name them without sending them again."""
    for sha256 in sha256s:
        hub.link_upload(session, repo, sha256, actor_id)


async def _receive_part(call: Call, grant: Grant, text: str) -> Response:
    number = int(text) if text.isdecimal() and len(text) < 9 else 0
    if not 1 <= number <= grant.part_count:
        raise ContentWrong(f"The upload has the parts 1 to {grant.part_count}.")
    store = call.site.store
    with store.stage(sha256=False) as staged:
        count = await receive_body(call, staged, max_bytes=MAX_OBJECT_BYTES, expect_bytes=grant.part_size(number))
        await in_byte_thread(lambda: store.parts.put_part(_upload_id(call.site.secret, grant), number, staged))
    return Response(status_code=200, headers={"etag": f'"{number}-{count}"'})


async def _keep(call: Call, grant: Grant, staged: Staged) -> None:
    await keep_upload(
        call, staged, repo_number=grant.repo, sha256=grant.sha256, size_bytes=grant.size_bytes, user_id=grant.user
    )


def _signed(call: Call, repo: Repo, name: str, grant: Grant, seconds: int) -> str:
    token = sign(call.site.secret, _PURPOSE, grant, lifetime_seconds=seconds)
    return f"{lfs_url(call, repo, f'objects/{name}')}?token={token}"


def _grant(call: Call, operation: str, sha256: str | None = None) -> Grant:
    """What the signed address allows. Raises SignatureInvalid."""
    grant = verify(call.site.secret, _PURPOSE, call.query_params.get("token", ""), Grant)
    if (grant.operation, grant.sha256) != (operation, sha256 or call.params["sha256"]):
        raise SignatureInvalid("This address was made for something else.")
    return grant


def _upload_id(secret: bytes, grant: Grant) -> str:
    """The same for the same upload by the same user, so that parts sent before an interruption count."""
    return hmac.digest(secret, b"lfs-parts\0" + msgspec.json.encode(grant), "sha256").hex()


def _refusal(wanted: Wanted, code: int, message: str) -> ObjectAnswer:
    return ObjectAnswer(wanted.oid, wanted.size, error=ObjectError(code, message))
