"""Commits: many files at once, or one deletion.

The body comes into a file and is read from there action by action; regular files become git blobs as they are met (an
orphan is harmless), and nothing is visible before the one transaction at the end."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from starlette.responses import Response

from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Call
from yungu.api.http.call import BodyInvalid
from yungu.api.http.uploads import receive_body
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.actions import ActionReader
from yungu.api.modelscope.errors import CommitTooLong
from yungu.api.modelscope.routes import legacy
from yungu.hub import Repo
from yungu.hub.rules.lfs import MAX_REGULAR_BYTES
from yungu.kernel.db import Session
from yungu.storage.git import GitObjects

MAX_BODY_BYTES = 512 << 20
"""Older clients put 256 files of up to 1 MiB into one commit, in base64: 350 MiB."""
MAX_ACTIONS = 2000


@legacy.post("/api/v1/repos/{kinds}/{owner}/{name}/commit/{rev*}")
async def commit(call: Call) -> Response:
    """Apply all actions as one commit. A branch that does not exist begins at the default branch."""
    repo, actor = await call.read(places.writable, call)
    with call.site.store.stage(sha256=False) as staged:
        await receive_body(call, staged, max_bytes=MAX_BODY_BYTES)
        objects = call.site.git.open(repo.id)
        plan = await call.in_thread(lambda: _plan(objects, staged.path, call.params["rev"]))
    return await call.write(_apply, call, repo, actor, plan)


@legacy.delete("/api/v1/{kinds}/{owner}/{name}/file", "/api/v1/{kinds}/{owner}/{name}/repo")
def delete_file(session: Session, call: Call) -> Response:
    repo, actor = places.writable(session, call)
    path = places.file_path(call)
    branch = places.revision(call) or places.BRANCH
    return _apply(session, call, repo, actor, hub.CommitPlan(branch, [hub.Drop(path)], f"Delete {path}"))


def _apply(session: Session, call: Call, repo: Repo, actor: Actor, plan: hub.CommitPlan) -> Response:
    made = hub.apply_commit(session, call.site.git, repo, plan, actor)
    return wire.answer(call, {"oid": made.oid, "CommitId": made.oid, "Message": made.title})


def _plan(objects: GitObjects, path: Path, branch: str) -> hub.CommitPlan:
    reader = ActionReader(path)
    changes: list[hub.Change] = []
    for action in reader:
        if len(changes) == MAX_ACTIONS:
            raise CommitTooLong(MAX_ACTIONS)
        changes.append(_change(objects, action))
    title, _, body = (reader.head.commit_message.strip() or "Update files").partition("\n")
    return hub.CommitPlan(branch, changes, title, body.strip("\n"), create_branch=True)


def _change(objects: GitObjects, action: wire.Action) -> hub.Change:
    match action.action, action.type:
        case "delete", _:
            return hub.Drop(action.path, is_optional=True)
        case (("create" | "update"), "lfs"):
            return hub.LfsPut(action.path, action.sha256 or "", action.size)
        case (("create" | "update"), "normal"):
            return _regular(objects, action)
        case _:
            raise BodyInvalid(f"'{action.action}' of a '{action.type}' file is no action of a commit.")


def _regular(objects: GitObjects, action: wire.Action) -> hub.FilePut:
    hub.check_path(action.path)
    text = action.content or ""
    try:
        data = base64.b64decode(text, validate=True) if action.encoding == "base64" else text.encode()
    except (binascii.Error, ValueError) as error:
        raise BodyInvalid(f"The content of '{action.path}' is not valid base64.") from error
    if len(data) > MAX_REGULAR_BYTES:
        raise hub.FileTooBig(action.path, MAX_REGULAR_BYTES)
    return hub.FilePut(action.path, objects.write_blob(data), len(data))
