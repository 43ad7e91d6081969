"""Discussions and pull requests."""

from __future__ import annotations

from starlette.responses import Response

from yungu import hub
from yungu.accounts.models import Actor
from yungu.api.hf import wire
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.api.http.call import whole_number
from yungu.kernel.clock import iso
from yungu.kernel.db import Session

_PER_PAGE = 50
_STATUSES = {"open": ("open", "draft"), "closed": ("closed", "merged"), "draft": ("draft",), "merged": ("merged",)}
_BASE = "/api/{kinds}/{owner}/{name}/discussions"


@routes.get(_BASE)
def list_discussions(session: Session, call: Call) -> Response:
    query = call.query_params
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    page = whole_number(query.get("p", "0")) or 0
    kind = query.get("type", "all")
    count, found = hub.list_discussions(
        session,
        repo,
        is_pull=None if kind not in ("pull_request", "discussion") else kind == "pull_request",
        statuses=_STATUSES.get(query.get("status", "all"), ()),
        author=query.get("author"),
        skip=page * _PER_PAGE,
        limit=_PER_PAGE,
    )
    shown = [_summary(repo, item) for item in found]
    return json_response({"count": count, "start": page * _PER_PAGE, "discussions": shown})


@routes.post(_BASE)
def open_discussion(session: Session, call: Call) -> Response:
    """A discussion, or a draft pull request whose ref exists at once."""
    body, actor = call.body_as(wire.DiscussionCreate), call.actor(session)
    repo = hub.contributable_repo(session, call.kind, call.repo_id, actor)
    is_pull = body.pull_request
    made = hub.open_discussion(
        session, call.site.git, repo, actor, title=body.title, text=body.description, is_pull=is_pull, is_draft=is_pull
    )
    return json_response(
        {"num": made.number, "pullRequest": is_pull, "url": f"{call.origin}{call.url.path}/{made.number}"}
    )


@routes.get(_BASE + "/{number}")
def discussion_details(session: Session, call: Call) -> Response:
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    found = _discussion(session, call, repo)
    body = _summary(repo, found)
    body["events"] = [_event(event) for event in hub.list_discussion_events(session, found)]
    if found.is_pull:
        body |= _changes(session, call, repo, found)
    return json_response(body)


@routes.post(_BASE + "/{number}/comment")
def comment(session: Session, call: Call) -> Response:
    body = call.body_as(wire.CommentCreate)
    repo, found, actor = _taking_part(session, call)
    event = hub.add_comment(session, repo, found, actor, body.comment)
    return json_response({"newMessage": _event(event)})


@routes.post(_BASE + "/{number}/comment/{comment_id}/edit")
def edit_comment(session: Session, call: Call) -> Response:
    body = call.body_as(wire.CommentEdit)
    repo, found, actor = _taking_part(session, call)
    event = hub.get_comment(session, found, _number(call.params["comment_id"]))
    hub.edit_comment(session, repo, found, event, actor, body.content)
    return json_response({"updatedComment": _event(hub.get_comment(session, found, event.id))})


@routes.post(_BASE + "/{number}/comment/{comment_id}/hide")
def hide_comment(session: Session, call: Call) -> Response:
    repo, found, actor = _taking_part(session, call)
    event = hub.get_comment(session, found, _number(call.params["comment_id"]))
    hub.hide_comment(session, repo, found, event, actor)
    return json_response({"updatedComment": _event(hub.get_comment(session, found, event.id))})


@routes.post(_BASE + "/{number}/title")
def rename_discussion(session: Session, call: Call) -> Response:
    body = call.body_as(wire.TitleChange)
    repo, found, actor = _taking_part(session, call)
    return json_response({"newTitle": _event(hub.rename_discussion(session, repo, found, actor, body.title))})


@routes.post(_BASE + "/{number}/status")
def change_status(session: Session, call: Call) -> Response:
    body = call.body_as(wire.StatusChange)
    repo, found, actor = _taking_part(session, call)
    event = hub.change_status(session, repo, found, actor, body.status, body.comment or "")
    return json_response({"newStatus": _event(event)})


@routes.post(_BASE + "/{number}/merge")
def merge(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.CommentCreate), call.actor(session)
    repo = hub.writable_repo(session, call.kind, call.repo_id, actor)
    found = _discussion(session, call, repo)
    commit = hub.merge_pull_request(session, call.site.git, repo, found, actor, body.comment)
    return json_response({"mergeCommitId": commit.oid})


def _taking_part(session: Session, call: Call) -> tuple[hub.Repo, hub.Discussion, Actor]:
    actor = call.actor(session)
    repo = hub.contributable_repo(session, call.kind, call.repo_id, actor)
    return repo, _discussion(session, call, repo), actor


def _discussion(session: Session, call: Call, repo: hub.Repo) -> hub.Discussion:
    return hub.get_discussion(session, repo, _number(call.params["number"]))


def _number(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise hub.DiscussionNotFound(text)
    return number


def _summary(repo: hub.Repo, found: hub.Discussion) -> wire.Json:
    return {
        "num": found.number, "title": found.title, "status": found.status, "isPullRequest": found.is_pull,
        "author": {"name": found.author, "type": "user"}, "createdAt": iso(found.created_at),
        "repo": {"name": repo.repo_id, "type": repo.kind},
    }  # fmt: skip


def _changes(session: Session, call: Call, repo: hub.Repo, found: hub.Discussion) -> wire.Json:
    changes: wire.Json = {"base": found.into}
    if found.merged_as:
        changes["mergeCommitId"] = found.merged_as
    body: wire.Json = {"changes": changes, "filesWithConflicts": []}
    if found.status in ("open", "draft"):
        body["filesWithConflicts"] = list(hub.find_conflicts(session, call.site.git, repo, found))
    if call.query_params.get("diff") in ("1", "true"):
        body["diff"] = hub.pull_request_diff(session, call.site.git, repo, found)
    return body


def _event(event: hub.DiscussionEvent) -> wire.Json:
    body: wire.Json = {
        "id": f"{event.id:024x}" if event.kind != "comment" else str(event.id),
        "type": event.kind, "createdAt": iso(event.at), "author": {"name": event.author, "type": "user"},
    }  # fmt: skip
    if event.kind != "comment":
        return body | {"data": dict(event.payload)}
    text = event.payload["text"]
    latest = {"raw": text, "html": f"<p>{wire.escape(text)}</p>", "updatedAt": iso(event.at), "author": body["author"]}
    former = [{"raw": item["text"], "html": "", "updatedAt": item["at"]} for item in event.payload.get("history", [])]
    data = {
        "edited": event.payload.get("edited", False), "hidden": event.payload.get("hidden", False),
        "hiddenBy": event.payload.get("hidden_by"), "latest": latest, "history": former,
    }  # fmt: skip
    return body | {"data": data}
