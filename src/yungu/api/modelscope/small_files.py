"""Single small files: committed to a repo, or kept for a day until they are made part of something else."""

from __future__ import annotations

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.call import BodyInvalid
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.forms import form_fields
from yungu.api.modelscope.routes import open_routes
from yungu.hub import Kind
from yungu.kernel.db import Session

MAX_FILE_BYTES = 5 << 20
_KINDS: dict[str, Kind] = {"model": "model", "dataset": "dataset", "studio": "space"}


@open_routes.post("/openapi/v1/files/upload", max_body=MAX_FILE_BYTES + (64 << 10))
def upload_file(session: Session, call: Call) -> Response:
    """``id`` of a file without a repo is what the ``skill_file`` of a skill takes."""
    form = form_fields(call)
    if form is None or "file" not in form:
        raise BodyInvalid("A form with a file is needed.")
    file = form.pop("file")
    said = {name: field.text for name, field in form.items()}
    if "repo_id" in said:
        return _commit(session, call, file.data, said)
    file_id = hub.keep_loose_file(session, call.actor(session), file.filename, file.data)
    return wire.open_answer(call, {"id": file_id, "name": file.filename, "size": len(file.data)})


def _commit(session: Session, call: Call, data: bytes, said: dict[str, str]) -> Response:
    kind = _KINDS.get(said.get("repo_type") or "model")
    if kind is None or not said.get("path"):
        raise BodyInvalid("repo_type is model, dataset or studio, and path names the file.")
    actor = call.actor(session)
    repo = hub.writable_repo(session, kind, said["repo_id"], actor)
    oid = call.site.git.open(repo.id).write_blob(data)
    change, title = hub.FilePut(said["path"], oid, len(data)), said.get("commit_message") or f"Upload {said['path']}"
    plan = hub.CommitPlan(said.get("revision") or places.BRANCH, [change], title, create_branch=True)
    made = hub.apply_commit(session, call.site.git, repo, plan, actor)
    return wire.open_answer(call, {"id": oid, "commit_id": made.oid, "path": said["path"], "size": len(data)})
