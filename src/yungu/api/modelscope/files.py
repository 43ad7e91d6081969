"""Trees, and the files themselves.

Sizes and sha256 are those of the content, also of what lies in git itself: the clients verify what they download."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.blobs import answer_with, content_of, count_download, file_response
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.routes import legacy
from yungu.hub import Repo, TreeFile, TreeNode
from yungu.kernel.db import Session
from yungu.storage.git import Commit, GitObjects

_MOST_PER_PAGE = 3000
_SUBMODULE = 0o160000
_HEADERS = {"X-Content-Type-Options": "nosniff", "Vary": "Authorization, Cookie", "Cache-Control": "no-cache"}
_OF = "/api/v1/{kinds}/{owner}/{name}"


@legacy.get(f"{_OF}/repo/files")
def list_files(session: Session, call: Call) -> Response:
    """A folder (``Root``), or everything under it (``Recursive``), without pages: also the 3,001st file is told."""
    repo, commit, nodes = _nodes(session, call)
    if call.headers.get("snapshot", "").lower() == "true":
        call.site.downloads.note(repo.id, call.visitor)
    return wire.answer(call, {"Files": _entries(call.site.git.open(repo.id), commit, nodes), "LatestCommitId": commit})


@legacy.get(f"{_OF}/repo/tree", "/api/v1/datasets/{number}/repo/tree")
def list_tree(session: Session, call: Call) -> Response:
    """The same by pages, in git's order. The clients stop at the first page that is not full."""
    repo, commit, nodes = _nodes(session, call)
    total = len(nodes)
    if "PageSize" in call.query_params or "PageNumber" in call.query_params:
        number, size = places.page(call, default=100, most=_MOST_PER_PAGE)
        nodes = nodes[(number - 1) * size : number * size]
    data = {"Files": _entries(call.site.git.open(repo.id), commit, nodes), "TotalCount": total}
    return wire.answer(call, data, TotalCount=total)


@legacy.get(f"{_OF}/repo", quick=True)
def download(session: Session, call: Call) -> Response:
    """The bytes of one file. The ETag is its sha256."""
    repo, _ = places.readable(session, call)
    objects = call.site.git.open(repo.id)
    commit = hub.resolve_among(session, objects, repo, places.revision(call))
    file = hub.get_file(objects, commit, places.file_path(call))
    if file.mode == _SUBMODULE:
        raise hub.EntryNotFound(file.path, commit)
    sha256 = hub.content_sha256(objects, file)
    headers = {
        "X-Linked-ETag": f'"{sha256}"',
        "X-Linked-Size": str(file.size_bytes),
        "X-Repo-Commit": commit,
        **_HEADERS,
    }
    found = file_response(call.site, objects, file, content_of(session, repo, file), etag=sha256, headers=headers)
    answer = answer_with(call, found)
    count_download(call, repo, answer)
    return answer


def _nodes(session: Session, call: Call) -> tuple[Repo, str, Sequence[TreeNode]]:
    """The repo, the commit, and what lies in the folder that is asked for; a folder that is not there is empty."""
    repo, _ = places.readable(session, call)
    commit = hub.resolve_revision(session, call.site.git, repo, places.revision(call))
    root = call.query_params.get("Root", "").strip("/")
    try:
        found = hub.list_folder(call.site.git.open(repo.id), commit, root, recursive=places.is_true(call, "Recursive"))
    except hub.EntryNotFound:
        return repo, commit, ()
    return repo, commit, found


def _entries(objects: GitObjects, commit: str, nodes: Sequence[TreeNode]) -> list[wire.Json]:
    last = hub.last_commits(objects, commit, [node.path for node in nodes])
    return [_entry(objects, node, last.get(node.path)) for node in nodes]


def _entry(objects: GitObjects, node: TreeNode, last: Commit | None) -> wire.Json:
    """A submodule has no content here: a folder without files, which the clients pass over."""
    body: wire.Json = {
        "Name": node.path.rpartition("/")[2], "Path": node.path, "Type": "tree", "Size": 0, "Mode": "40000",
        "Sha256": "", "IsLFS": False, "InCheck": False, "Revision": last.oid if last else "",
        "CommitId": last.oid if last else "", "CommitMessage": last.message if last else "",
        "CommitterName": last.author.name if last else "", "CommittedDate": wire.seconds(last.at) if last else 0,
    }  # fmt: skip
    if not isinstance(node, TreeFile) or node.mode == _SUBMODULE:
        return body
    return body | {
        "Type": "blob", "Size": node.size_bytes, "Mode": f"{node.mode:o}", "IsLFS": node.pointer is not None,
        "Sha256": hub.content_sha256(objects, node), "BlobId": node.oid,
    }  # fmt: skip
