"""The content-addressed store as hf_xet speaks to it, all generations of it.

Addresses lie under ``/xet/{epoch}``: the client keys its caches by that prefix, so a new epoch makes all clients forget
what they believe to be stored. Old clients leave out the version and say some nouns in the singular."""

from __future__ import annotations

import hmac
import re

from starlette.responses import Response

from yungu.api.http import Call, Routes, json_response
from yungu.api.http.call import whole_number
from yungu.api.http.files import FileResponse
from yungu.api.xet import dedup, reconstruction, wire
from yungu.api.xet.errors import GrantEmpty, RangeNotSigned, render_error
from yungu.api.xet.shards import FramesResponse, receive_shard
from yungu.api.xet.signed import Grant, open_grant, open_range, sign_grant
from yungu.api.xet.tokens import XetClaims, claims_of, writer_of
from yungu.api.xet.visibility import readable_file
from yungu.api.xet.xorbs import check_room, receive_xorb
from yungu.kernel.db import Session
from yungu.storage import xet
from yungu.storage.xet.hashing import from_hex

routes = Routes(on_error=render_error)

EPOCH = "1"
_BASE = "/xet/{epoch}"
_BYTES = re.compile(r"bytes=(\d{1,12})-(\d{1,12})")
_MAX_BATCH = 1000


def cas_url(call: Call) -> str:
    """The address that clients are sent to."""
    return f"{call.origin}/xet/{EPOCH}"


def _versions(path: str, *singular: str) -> list[str]:
    """With and without version, and in the singular."""
    return [f"{_BASE}{version}/{noun}" for noun in (path, *singular) for version in ("/v1", "")]


def _hash(call: Call) -> str:
    """The hash in the path. Raises HashInvalid."""
    from_hex(call.params["hash"])
    return call.params["hash"]


@routes.get(*_versions("chunks/{prefix}/{hash}", "chunk/{prefix}/{hash}"))
def find_chunk(session: Session, call: Call) -> Response:
    claims = claims_of(call, scope="write")
    key = hmac.digest(call.site.secret, b"xet dedup", "sha256")
    upload = call.headers.get("x-xet-session-id") or call.headers["authorization"]
    shard = dedup.answer(session, claims, _hash(call), key=key, upload=upload)
    return Response(shard, media_type="application/octet-stream")


@routes.post(*_versions("xorbs/{prefix}/{hash}", "xorb/{prefix}/{hash}"))
async def post_xorb(call: Call) -> Response:
    claims = claims_of(call, scope="write")
    await call.read(check_room, claims, whole_number(call.headers.get("content-length", "")) or 1)
    was_inserted = await receive_xorb(call, _hash(call), user_id=writer_of(claims))
    return json_response(wire.XorbReply(was_inserted))


@routes.post(f"{_BASE}/v1/xorb-grants/{{prefix}}/{{hash}}")
def grant_xorb(session: Session, call: Call) -> Response:
    claims = claims_of(call, scope="write")
    asked = call.body_as(wire.GrantRequest)
    xorb_hash, user_id = _hash(call), writer_of(claims)
    if dedup.is_known_xorb(session, claims, xorb_hash):
        xet.touch(session, [xorb_hash])
        return json_response({})
    check_room(session, claims, asked.length)
    grant = sign_grant(call.site.secret, Grant(xorb_hash, asked.length, user_id))
    reply = wire.GrantReply(grant, "PUT", f"{cas_url(call)}/grants/{grant}", {})
    return json_response(reply, 201)


@routes.put(f"{_BASE}/grants/{{grant}}")
async def put_granted_xorb(call: Call) -> Response:
    """Needs no token: the address says what may be sent and by whom. A xorb names itself by its content, so it is
    published as soon as it is verified; the commit only has to find it there."""
    grant = open_grant(call.site.secret, call.params["grant"])
    await receive_xorb(call, grant.xorb_hash, user_id=grant.user, length=grant.length)
    return Response(status_code=200)


@routes.post(f"{_BASE}/v1/xorb-commits/{{prefix}}/{{hash}}/grant/{{grant}}", writes=False)
def commit_granted_xorb(session: Session, call: Call) -> Response:
    """Only looks: what was sent was recorded then, and a sweep spares it for much longer than a grant lasts."""
    claims = claims_of(call, scope="write")
    grant = open_grant(call.site.secret, call.params["grant"])
    sent = grant.xorb_hash == _hash(call) and grant.user == claims.user
    if not sent or not xet.has_sent_xorb(session, grant.user, grant.xorb_hash):
        raise GrantEmpty("Nothing was sent for this grant.")
    return json_response({})


@routes.post(*_versions("shards"), *_versions("shard/{prefix}/{hash}", "shards/{prefix}/{hash}"))
@routes.put(*_versions("shard/{prefix}/{hash}"))
async def post_shard(call: Call) -> Response:
    work = await receive_shard(call, claims_of(call, scope="write"))
    return json_response(wire.ShardReply(1 if await work.start() else 0))


@routes.post(f"{_BASE}/v2/shards")
async def post_shard_v2(call: Call) -> Response:
    work = await receive_shard(call, claims_of(call, scope="write"))
    return FramesResponse(work)


@routes.get(*_versions("reconstructions/{hash}", "reconstruction/{hash}"))
def reconstruct_v1(session: Session, call: Call) -> Response:
    segments = _segments(session, call, claims_of(call, scope="read"))
    fetch = reconstruction.fetch_v1(segments, reconstruction.url_maker(call, cas_url(call)))
    offset, terms = reconstruction.offset_of(segments), reconstruction.terms_of(segments)
    return json_response(wire.ReconstructionV1(offset, terms, fetch))


@routes.get(f"{_BASE}/v2/reconstructions/{{hash}}")
def reconstruct_v2(session: Session, call: Call) -> Response:
    segments = _segments(session, call, claims_of(call, scope="read"))
    fetch = reconstruction.fetch_v2(segments, reconstruction.url_maker(call, cas_url(call)))
    offset, terms = reconstruction.offset_of(segments), reconstruction.terms_of(segments)
    return json_response(wire.ReconstructionV2(offset, terms, fetch))


@routes.get(*_versions("reconstructions"))
def reconstruct_batch(session: Session, call: Call) -> Response:
    claims = claims_of(call, scope="read")
    names = call.query_params.getlist("file_id")[:_MAX_BATCH]
    planned = {name: reconstruction.plan(session, readable_file(session, claims, name), None) for name in names}
    everything = [segment for segments in planned.values() for segment in segments]
    fetch = reconstruction.fetch_v1(everything, reconstruction.url_maker(call, cas_url(call)))
    files = {name: reconstruction.terms_of(segments) for name, segments in planned.items()}
    return json_response(wire.BatchReply(files, fetch))


@routes.get(f"{_BASE}/data/{{signed}}")
async def get_data(call: Call) -> Response:
    """Stored bytes of a xorb; one range, which must lie inside the signed one."""
    allowed = open_range(call.site.secret, call.params["signed"])
    asked = _BYTES.fullmatch(call.headers.get("range", ""))
    if asked is None or not allowed.start <= int(asked[1]) <= int(asked[2]) < allowed.end:
        raise RangeNotSigned("This address gives one range of bytes, and not the one that was asked for.")
    key = xet.xorb_key(allowed.xorb_hash)
    store = call.site.store
    return FileResponse(store.path(key), size_bytes=store.size(key), etag=allowed.xorb_hash)


@routes.post("/v1/telemetry", f"{_BASE}/v1/telemetry", max_body=1 << 20)
async def post_telemetry(call: Call) -> Response:
    """Clients report timings; nobody here reads them."""
    return Response(status_code=204)


def _segments(session: Session, call: Call, claims: XetClaims) -> list[xet.Segment]:
    file = readable_file(session, claims, _hash(call))
    return reconstruction.plan(session, file, call.headers.get("range"))
