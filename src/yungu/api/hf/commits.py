"""Preupload and commit: how the client writes.

A commit arrives as NDJSON of any length. It is read line by line: regular files become git blobs as they pass (an
orphan is harmless), so memory is bounded by one line, and nothing is visible before the one transaction at the end."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import TypeVar

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.accounts.models import Actor
from yungu.api.hf import wire
from yungu.api.hf.errors import repo_url
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.api.http.call import BodyInvalid
from yungu.api.http.uploads import BodyTooLarge
from yungu.hub.rules.lfs import MAX_REGULAR_BYTES
from yungu.kernel.db import Session
from yungu.storage.git import GitObjects

T = TypeVar("T")

_MAX_LINE_BYTES = MAX_REGULAR_BYTES * 4 // 3 + 64 * 1024
_BATCH_BYTES = 1024 * 1024


@routes.post("/api/{kinds}/{owner}/{name}/preupload/{rev}", writes=False)
def preupload(session: Session, call: Call) -> Response:
    """For each file: regular or LFS, ignored or not, and what is there now."""
    body, actor = call.body_as(wire.Preupload), call.actor(session)
    repo = _target(session, call, actor)
    objects = call.site.git.open(repo.id)
    commit = _commit_or_none(session, call, repo)
    attributes = hub.read_text(objects, commit, ".gitattributes", limit=1 << 20) if commit else None
    ignore = body.git_ignore
    if ignore is None and commit:
        ignore = hub.read_text(objects, commit, ".gitignore", limit=1 << 20)
    decider, is_ignored = hub.LfsDecider(attributes or ""), hub.ignore_matcher(ignore or "")
    found = [_preupload_json(objects, commit, decider, is_ignored, file) for file in body.files]
    return json_response({"files": found})


@routes.post("/api/{kinds}/{owner}/{name}/commit/{rev}")
async def commit(call: Call) -> Response:
    """Apply an NDJSON commit; with ``create_pr`` onto a new pull request, for which reading is enough."""
    repo = await call.read(lambda session: _target(session, call, call.actor(session)))
    draft = CommitDraft(call.site.git.open(repo.id))
    async for batch in _batches(call.stream()):
        await call.in_thread(partial(draft.add, batch))
        batch.clear()  # else it would stay until the next one is whole
    answer = await call.write(_apply, call, repo.id, draft)
    return json_response(answer)


class CommitDraft:
    """A commit under construction. ``add`` takes lines; regular files are written to the repo's objects at once."""

    def __init__(self, objects: GitObjects) -> None:
        self._objects = objects
        self.header = wire.CommitHeader()
        self.changes: list[hub.Change] = []

    def add(self, batch: bytearray) -> None:
        """Raises BodyInvalid for what is no line of a commit, PathInvalid, FileTooBig."""
        for text in _lines(batch):
            line = _decoded(text, wire.CommitLine)
            match line.key:
                case "header":
                    self.header = _decoded(line.value, wire.CommitHeader)
                case "file":
                    self.changes.append(self._file(_decoded(line.value, wire.CommitFile)))
                case "lfsFile":
                    lfs = _decoded(line.value, wire.CommitLfsFile)
                    self.changes.append(hub.LfsPut(lfs.path, lfs.oid, lfs.size))
                case "deletedFile" | "deletedFolder":
                    drop = _decoded(line.value, wire.CommitDrop)
                    self.changes.append(hub.Drop(drop.path, folder=line.key == "deletedFolder"))

    def plan(self, branch: str) -> hub.CommitPlan:
        title = self.header.summary or "Update files"
        return hub.CommitPlan(branch, self.changes, title, self.header.description, self.header.parent_commit)

    def _file(self, file: wire.CommitFile) -> hub.FilePut:
        hub.check_path(file.path)
        data = _content(file)
        if len(data) > MAX_REGULAR_BYTES:
            raise hub.FileTooBig(file.path, MAX_REGULAR_BYTES)
        return hub.FilePut(file.path, self._objects.write_blob(data), len(data))


def _content(file: wire.CommitFile) -> bytes:
    """Decoded straight from the line: a large file is not held as text as well."""
    if file.encoding == "utf-8":
        return _decoded(file.content, str).encode()
    try:
        return msgspec.json.decode(file.content, type=bytes)
    except msgspec.ValidationError as error:
        raise BodyInvalid(f"The content of '{file.path}' is not valid base64.") from error


def _apply(session: Session, call: Call, number: int, draft: CommitDraft) -> wire.Json:
    """The rights are looked at once more: the body may have taken hours. ``number``: of the repo that has the blobs."""
    actor = call.actor_still(session)
    repo = _target(session, call, actor)
    if repo.id != number:
        raise hub.RepoNotFound(call.repo_id)
    git, base, revision = call.site.git, repo_url(call, repo.kind, repo.repo_id), call.params["rev"]
    pull = hub.get_pull_request(session, repo, revision)
    if _wants_pull_request(call):
        title, text = draft.header.summary or "Pull request", draft.header.description
        pull = hub.open_discussion(session, git, repo, actor, title=title, text=text, is_pull=True, into=revision)
        revision = pull.ref
    made = hub.apply_commit(session, git, repo, draft.plan(revision), actor)
    if pull is not None:
        hub.note_push(session, pull, made, actor)
    answer = {"success": True, "commitOid": made.oid, "commitUrl": f"{base}/commit/{made.oid}", "hookOutput": ""}
    if _wants_pull_request(call) and pull is not None:
        answer["pullRequestUrl"] = f"{base}/discussions/{pull.number}"
    return answer


def _target(session: Session, call: Call, actor: Actor) -> hub.Repo:
    """The repo to write to. Whoever may read it may open a pull request, and add to their own."""
    if _wants_pull_request(call):
        return hub.contributable_repo(session, call.kind, call.repo_id, actor)
    return hub.committable_repo(session, call.kind, call.repo_id, call.params["rev"], actor)


def _commit_or_none(session: Session, call: Call, repo: hub.Repo) -> str | None:
    if repo.head is None and not _wants_pull_request(call):
        return None
    return hub.resolve_revision(session, call.site.git, repo, call.params["rev"])


def _preupload_json(
    objects: GitObjects,
    commit: str | None,
    decider: hub.LfsDecider,
    is_ignored: Callable[[str], bool],
    file: wire.PreuploadFile,
) -> wire.Json:
    hub.check_path(file.path)
    try:
        sample = base64.b64decode(file.sample)
    except (binascii.Error, ValueError) as error:
        raise BodyInvalid(f"The sample of '{file.path}' is not valid base64.") from error
    mode = "lfs" if decider.belongs(file.path, file.size, sample) else "regular"
    found: wire.Json = {"path": file.path, "uploadMode": mode, "shouldIgnore": is_ignored(file.path)}
    there = hub.find_file(objects, commit, file.path) if commit else None
    if isinstance(there, hub.TreeFile):
        found["oid"] = there.etag
    return found


def _wants_pull_request(call: Call) -> bool:
    return call.query_params.get("create_pr", "").lower() in ("1", "true")


def _decoded(text: memoryview | msgspec.Raw, struct: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=struct)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BodyInvalid(f"A line of the commit is not valid: {error}.") from error


async def _batches(stream: AsyncIterator[bytes]) -> AsyncIterator[bytearray]:
    """Whole lines of a stream, about a MiB at a time. Raises BodyTooLarge for a line that no regular file makes."""
    held = bytearray()
    async for part in stream:
        held += part
        if len(held) < _BATCH_BYTES:
            continue
        end = held.rfind(b"\n", len(held) - len(part)) + 1
        if end:
            ready, held = held, held[end:]
            del ready[end:]
            yield ready
        elif len(held) > _MAX_LINE_BYTES:
            raise BodyTooLarge("A line of the commit is longer than any regular file may be; upload the file as LFS.")
    yield held


def _lines(batch: bytearray) -> Iterator[memoryview]:
    """The lines of a batch that are not empty, without copying them."""
    view, start = memoryview(batch), 0
    while start < len(batch):
        end = batch.find(b"\n", start)
        end = len(batch) if end < 0 else end
        if end > start:
            yield view[start:end]
        start = end + 1
