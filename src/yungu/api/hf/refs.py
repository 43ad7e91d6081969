"""Branches, tags, history."""

from __future__ import annotations

from itertools import islice

from starlette.responses import Response

from yungu import hub
from yungu.api.hf import wire
from yungu.api.hf.links import next_link
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.db import Session
from yungu.kernel.pages import decode_cursor, encode_cursor

_COMMITS_PER_PAGE = 100


@routes.get("/api/{kinds}/{owner}/{name}/refs")
def list_refs(session: Session, call: Call) -> Response:
    repo = hub.visible_repo(session, call.kind, call.repo_id, call.actor(session))
    groups: dict[str, list[wire.Json]] = {"heads": [], "tags": [], "convert": [], "pr": []}
    for ref in hub.list_refs(session, repo):
        group, _, name = ref.name.removeprefix("refs/").partition("/")
        if group in groups:
            commit = call.site.git.open(repo.id).commit(ref.oid).oid
            groups[group].append({"name": name, "ref": ref.name, "targetCommit": commit})
    found = {"branches": groups["heads"], "tags": groups["tags"], "converts": groups["convert"]}
    if call.query_params.get("include_prs") in ("1", "true", "True"):
        found["pullRequests"] = groups["pr"]
    return json_response(found)


@routes.post("/api/{kinds}/{owner}/{name}/branch/{branch}")
def create_branch(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.BranchCreate), call.actor(session)
    repo = hub.writable_repo(session, call.kind, call.repo_id, actor)
    hub.create_branch(session, call.site.git, repo, call.params["branch"], actor, body.starting_point)
    return json_response({})


@routes.delete("/api/{kinds}/{owner}/{name}/branch/{branch}")
def delete_branch(session: Session, call: Call) -> Response:
    actor = call.actor(session)
    repo = hub.writable_repo(session, call.kind, call.repo_id, actor)
    hub.delete_branch(session, call.site.git, repo, call.params["branch"], actor)
    return json_response({})


@routes.post("/api/{kinds}/{owner}/{name}/tag/{rev}")
def create_tag(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.TagCreate), call.actor(session)
    repo = hub.writable_repo(session, call.kind, call.repo_id, actor)
    revision, message = call.params["rev"], body.message or ""
    hub.create_tag(session, call.site.git, repo, body.tag, actor, revision=revision, message=message)
    return json_response({})


@routes.delete("/api/{kinds}/{owner}/{name}/tag/{rev}")
def delete_tag(session: Session, call: Call) -> Response:
    actor = call.actor(session)
    repo = hub.writable_repo(session, call.kind, call.repo_id, actor)
    hub.delete_tag(session, call.site.git, repo, call.params["rev"], actor)
    return json_response({})


@routes.get("/api/{kinds}/{owner}/{name}/commits/{rev}")
def list_commits(session: Session, call: Call) -> Response:
    """History, newest first, by pages; the cursor keeps the commit that page 1 started from."""
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    cursor = call.query_params.get("cursor")
    start, skip = decode_cursor(cursor, str, int) if cursor else (call.params["rev"], 0)
    commit = hub.resolve_revision(session, call.site.git, repo, start)
    formatted = "formatted" in call.query_params.getlist("expand") + call.query_params.getlist("expand[]")
    found = list(islice(call.site.git.open(repo.id).log(commit), skip, skip + _COMMITS_PER_PAGE + 1))
    shown = [wire.commit_json(item, formatted=formatted) for item in found[:_COMMITS_PER_PAGE]]
    more = encode_cursor(commit, skip + _COMMITS_PER_PAGE) if len(found) > _COMMITS_PER_PAGE else None
    return json_response(shown, headers=next_link(call, more))


@routes.post("/api/{kinds}/{owner}/{name}/super-squash/{rev}")
def super_squash(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.Squash), call.actor(session)
    repo = hub.writable_repo(session, call.kind, call.repo_id, actor)
    commit = hub.super_squash(session, call.site.git, repo, call.params["rev"], body.message, actor)
    return json_response({"commitOid": commit.oid})


@routes.get("/api/{kinds}/{owner}/{name}/compare/{spec}")
def compare(session: Session, call: Call) -> Response:
    """The changes of ``base..head`` (or ``base...head``: since their common ancestor) as a unified diff."""
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    patch = hub.compare(session, call.site.git, repo, call.params["spec"])
    return Response(patch, media_type="text/plain; charset=utf-8")
