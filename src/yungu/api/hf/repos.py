"""Repos are created, deleted, moved, copied and configured."""

from __future__ import annotations

from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.hf import wire
from yungu.api.hf.errors import repo_url
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.db import Session


@routes.post("/api/repos/create")
def create_repo(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.RepoCreate), call.actor(session)
    kind: hub.Kind = body.type or "model"
    repo_id = _full_id(body.organization, body.name, actor)
    files = _space_files(body) if kind == "space" else {}
    visibility = _visibility(body.visibility, body.private)
    repo = hub.create_repo(
        session, call.site.git, kind, repo_id, actor, visibility=visibility, sdk=body.sdk, files=files
    )
    return json_response({"url": repo_url(call, kind, repo.repo_id), "name": repo.repo_id, "id": f"{repo.id:024x}"})


@routes.delete("/api/repos/delete")
def delete_repo(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.RepoDelete), call.actor(session)
    repo = hub.ruled_repo(session, body.type or "model", _full_id(body.organization, body.name, actor), actor)
    hub.delete_repo(session, repo, actor)
    return json_response({})


@routes.post("/api/repos/move")
def move_repo(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.RepoMove), call.actor(session)
    repo = hub.ruled_repo(session, body.type or "model", body.from_repo, actor)
    moved = hub.move_repo(session, repo, body.to_repo, actor)
    return json_response({"url": repo_url(call, moved.kind, moved.repo_id)})


@routes.post("/api/{kinds}/{owner}/{name}/duplicate")
def duplicate_repo(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.RepoDuplicate), call.actor(session)
    source = hub.readable_repo(session, call.kind, call.repo_id, actor)
    visibility = _visibility(body.visibility, body.private)
    copy = hub.duplicate_repo(session, call.site.git, source, body.repository, actor, visibility=visibility)
    return json_response({"url": repo_url(call, copy.kind, copy.repo_id), "filesCopyPending": False})


@routes.put("/api/{kinds}/{owner}/{name}/settings")
def change_settings(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.RepoSettings), call.actor(session)
    repo = hub.ruled_repo(session, call.kind, call.repo_id, actor)
    gated: hub.Gate | None = None if body.gated is None else (body.gated or "")
    changed = hub.change_settings(
        session, repo, actor, visibility=_visibility(body.visibility, body.private), gated=gated
    )
    return json_response(
        {"visibility": changed.visibility, "private": changed.visibility != "public", "gated": changed.gated or False}
    )


@routes.get("/api/{kinds}/{owner}/{name}/auth-check", quick=True)
def check_access(session: Session, call: Call) -> Response:
    hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    return json_response({})


@routes.get("/api/{kinds}/{owner}/{name}/auth-check/write", quick=True)
def check_write_access(session: Session, call: Call) -> Response:
    hub.writable_repo(session, call.kind, call.repo_id, call.actor(session))
    return json_response({})


def _full_id(organization: str | None, name: str, actor: accounts.Actor) -> str:
    if organization:
        return f"{organization}/{name}"
    return name if "/" in name else f"{actor.name or ''}/{name}"


def _visibility(visibility: str | None, private: bool | None) -> hub.Visibility | None:
    """What the client asked for. A "protected" space shows its app but not its code: here that is private."""
    match visibility:
        case "public" | "internal" | "private":
            return visibility
        case "protected":
            return "private"
    return None if private is None else ("private" if private else "public")


def _space_files(body: wire.RepoCreate) -> dict[str, bytes]:
    title = body.name.rpartition("/")[2].replace("-", " ").replace("_", " ").title()
    sdk = body.sdk or "static"
    front = f"---\ntitle: {title}\nemoji: 🌱\ncolorFrom: green\ncolorTo: blue\nsdk: {sdk}\npinned: false\n---\n"
    return {"README.md": front.encode()}
