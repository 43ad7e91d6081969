"""Trees, paths, and the files themselves."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qs

from starlette.responses import Response

from yungu import hub
from yungu.api.hf import wire
from yungu.api.hf.links import next_link
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.api.http.blobs import answer_with, content_of, count_download, file_response
from yungu.api.http.call import whole_number
from yungu.api.http.files import FileResponse
from yungu.kernel.db import Session, derive
from yungu.kernel.pages import decode_cursor, encode_cursor
from yungu.storage.git import GitObjects

_NODES_PER_PAGE = 1000
_NODES_PER_PAGE_EXPANDED = 200
_HARMLESS_INLINE = ("image/", "audio/", "video/")
_SANDBOX = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@routes.get("/api/{kinds}/{owner}/{name}/tree/{rev}", "/api/{kinds}/{owner}/{name}/tree/{rev}/{path*}")
def list_tree(session: Session, call: Call) -> Response:
    """A folder, or everything under it (``recursive``), with the last commit of each entry (``expand``)."""
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    objects = call.site.git.open(repo.id)
    cursor = call.query_params.get("cursor")
    start, skip = decode_cursor(cursor, str, int) if cursor else (call.params["rev"], 0)
    commit = hub.resolve_revision(session, call.site.git, repo, start)
    expand = call.query_params.get("expand", "").lower() in ("true", "1")
    recursive = call.query_params.get("recursive", "").lower() in ("true", "1")
    nodes = hub.list_folder(objects, commit, call.params.get("path", "").strip("/"), recursive=recursive)
    size = _page_size(call, expand)
    shown = nodes[skip : skip + size]
    more = encode_cursor(commit, skip + size) if len(nodes) > skip + size else None
    return json_response(_tree(session, repo, objects, commit, shown, expand=expand), headers=next_link(call, more))


@routes.post("/api/{kinds}/{owner}/{name}/paths-info/{rev}", writes=False, max_body=16 * 1024 * 1024)
def paths_info(session: Session, call: Call) -> Response:
    """The entries at the given paths (a form); a path that does not exist is left out."""
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    objects = call.site.git.open(repo.id)
    commit = hub.resolve_revision(session, call.site.git, repo, call.params["rev"])
    form = parse_qs(call.body_bytes.decode("utf-8", "replace"), keep_blank_values=True)
    expand = form.get("expand", ["false"])[0].lower() in ("true", "1")
    found = (hub.find_file(objects, commit, path.strip("/")) for path in dict.fromkeys(form.get("paths", [])))
    return json_response(_tree(session, repo, objects, commit, [node for node in found if node], expand=expand))


@routes.get(
    "/{owner}/{name}/resolve/{rev}/{path*}", "/{kinds}/{owner}/{name}/resolve/{rev}/{path*}",
    "/{owner}/{name}/raw/{rev}/{path*}", "/{kinds}/{owner}/{name}/raw/{rev}/{path*}", quick=True,
)  # fmt: skip
def resolve(session: Session, call: Call) -> Response:
    """The bytes of a file, with everything that the client's cache wants to know in the headers.

    Clients ask twice, HEAD and then GET: what was found for the first is remembered for the second."""
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    objects = call.site.git.open(repo.id)
    key = (_found, objects, call.params["rev"], call.params["path"], call.origin)
    answer = answer_with(call, derive(session, key, lambda: _found(session, call, repo, objects)))
    count_download(call, repo, answer)
    return answer


def _found(session: Session, call: Call, repo: hub.Repo, objects: GitObjects) -> FileResponse:
    commit = hub.resolve_among(session, objects, repo, call.params["rev"])
    file = hub.get_file(objects, commit, call.params["path"])
    headers = _SANDBOX | {
        "X-Repo-Commit": commit,
        "X-Linked-Size": str(file.size_bytes),
        "X-Linked-Etag": f'"{file.etag}"',
        "Cache-Control": _cache_control(call, repo, commit),
        "Vary": "Authorization, Cookie",
    }
    media_type, disposition = _presentation(file.path)
    blob = content_of(session, repo, file)
    if blob is not None and blob.xet_hash is not None:
        route = f"{call.origin}/api/{repo.kind}s/{repo.repo_id}/xet-read-token/{commit}"
        headers |= {"X-Xet-Hash": blob.xet_hash, "Link": f'<{route}>; rel="xet-auth"', "X-Xet-Refresh-Route": route}
    return file_response(
        call.site, objects, file, blob, disposition=disposition, media_type=media_type, headers=headers
    )


@routes.get("/{name}/resolve/{rev}/{path*}", "/{kinds}/{name}/resolve/{rev}/{path*}")
def resolve_nameless(session: Session, call: Call) -> Response:
    """A repo without a namespace: there are none here, and the client wants to hear that in its own words."""
    raise hub.RepoNotFound(call.params["name"])


def _tree(
    session: Session, repo: hub.Repo, objects: GitObjects, commit: str, nodes: Sequence[hub.TreeNode], *, expand: bool
) -> list[wire.Json]:
    last = hub.last_commits(objects, commit, [node.path for node in nodes]) if expand else {}
    hashes = _xet_hashes(session, repo, nodes)
    return [wire.tree_json(node, hashes.get(node.path), last.get(node.path)) for node in nodes]


def _xet_hashes(session: Session, repo: hub.Repo, nodes: Iterable[hub.TreeNode]) -> dict[str, str]:
    """Path to xet hash, of the files that are stored as xorbs."""
    pointers = {node.path: node.pointer.sha256 for node in nodes if isinstance(node, hub.TreeFile) and node.pointer}
    held = hub.list_contents(session, repo, pointers.values())
    return {path: found.xet_hash for path, sha256 in pointers.items() if (found := held.get(sha256)) and found.xet_hash}


def _page_size(call: Call, expand: bool) -> int:
    most = _NODES_PER_PAGE_EXPANDED if expand else _NODES_PER_PAGE
    return min(whole_number(call.query_params.get("limit", "")) or most, most)


def _cache_control(call: Call, repo: hub.Repo, commit: str) -> str:
    if call.params["rev"] != commit:
        return "no-cache"
    return (
        "public, max-age=31536000, immutable" if repo.visibility == "public" and not repo.gated else "private, no-cache"
    )


def _presentation(path: str) -> tuple[str, Literal["inline", "attachment"]]:
    """What browsers may make of the file. Whatever could be active content is plain text or a download."""
    return _presentation_of(path.rpartition("/")[2].lstrip(".").partition(".")[2])


@lru_cache(maxsize=4096)
def _presentation_of(suffixes: str) -> tuple[str, Literal["inline", "attachment"]]:
    media_type = _media_type(f"file.{suffixes}")
    return media_type, "inline" if media_type.startswith((*_HARMLESS_INLINE, "text/plain")) else "attachment"


def _media_type(path: str) -> str:
    guessed = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if guessed.startswith(_HARMLESS_INLINE):
        return guessed
    if guessed.startswith("text/") or guessed in ("application/json", "application/x-yaml", "application/javascript"):
        return "text/plain; charset=utf-8"
    return "application/octet-stream"
