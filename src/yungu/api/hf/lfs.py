"""The LFS files of a repo: listed, and taken out for good."""

from __future__ import annotations

from starlette.responses import Response

from yungu import hub
from yungu.api.hf import wire
from yungu.api.hf.links import next_link
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.clock import iso
from yungu.kernel.db import Session
from yungu.kernel.pages import decode_cursor, encode_cursor

_PER_PAGE = 1000


@routes.get("/api/{kinds}/{owner}/{name}/lfs-files")
def list_lfs_files(session: Session, call: Call) -> Response:
    """Every content that any branch or tag points at, with one place where it is found."""
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    cursor = call.query_params.get("cursor")
    after = decode_cursor(cursor, str)[0] if cursor else ""
    found = [item for item in hub.list_lfs_files(session, call.site.git, repo) if item.sha256 > after]
    shown = [
        {"fileOid": item.sha256, "oid": item.sha256, "filename": item.path, "ref": item.ref, "size": item.size_bytes,
         "pushedAt": iso(item.pushed_at)}
        for item in found[:_PER_PAGE]
    ]  # fmt: skip
    more = encode_cursor(found[_PER_PAGE - 1].sha256) if len(found) > _PER_PAGE else None
    return json_response(shown, headers=next_link(call, more))


@routes.post("/api/{kinds}/{owner}/{name}/lfs-files/batch")
def drop_lfs_files(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.LfsBatchDelete), call.actor(session)
    repo = hub.ruled_repo(session, call.kind, call.repo_id, actor)
    hub.drop_content(session, call.site.git, repo, body.deletions.sha, actor)
    return json_response({})
