"""Access requests to gated repos: asked for by users, handled by the repo's administrators."""

from __future__ import annotations

from typing import cast
from urllib.parse import parse_qsl, quote

from starlette.responses import RedirectResponse, Response

from yungu import accounts, hub
from yungu.api.hf import wire
from yungu.api.hf.errors import repo_url
from yungu.api.hf.ids import number_of, object_id
from yungu.api.hf.links import next_link
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.clock import iso
from yungu.kernel.db import Session

_PER_PAGE = 100
_STATUSES = ("pending", "accepted", "rejected")
_BASE = "/api/{kinds}/{owner}/{name}/user-access-request"
_MAX_FORM_BYTES = 64 * 1024


class StatusUnknown(hub.AccessRequestNotFound):
    """There are no lists of access requests but those with a known status."""


@routes.post("/{owner}/{name}/ask-access", "/{kinds}/{owner}/{name}/ask-access", max_body=_MAX_FORM_BYTES)
def ask_access(session: Session, call: Call) -> Response:
    """Ask to read a gated repo, by JSON, or by a form, which leads back to the repo's page."""
    actor = call.actor(session)
    repo = hub.visible_repo(session, call.kind, call.repo_id, actor)
    is_form = call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    form = call.body_bytes.decode("utf-8", "replace")
    answers = dict(parse_qsl(form)) if is_form else call.body_as(dict[str, object])
    asked = hub.ask_access(session, repo, actor, answers)
    if is_form:
        return RedirectResponse(quote(repo_url(call, repo.kind, repo.repo_id), safe=":/"), status_code=303)
    return json_response({"status": asked.status, "requestId": object_id(asked.id)})


@routes.get(_BASE + "/{status}")
def list_access_requests(session: Session, call: Call) -> Response:
    repo = hub.ruled_repo(session, call.kind, call.repo_id, call.actor(session))
    status = call.params["status"]
    if status not in _STATUSES:
        raise StatusUnknown(status)
    if not repo.gated:
        raise hub.RepoNotGated(repo.repo_id)
    cursor = call.query_params.get("cursor")
    page = hub.list_access_requests(session, repo, cast(hub.AccessStatus, status), limit=_PER_PAGE, cursor=cursor)
    return json_response([_request_json(item) for item in page.items], headers=next_link(call, page.next_cursor))


@routes.post(_BASE + "/handle")
def handle_access_request(session: Session, call: Call) -> Response:
    """Accept, reject, or put back (cancel) the request of a user, or the one with that id."""
    body, actor = call.body_as(wire.AccessDecision), call.actor(session)
    repo = hub.ruled_repo(session, call.kind, call.repo_id, actor)
    asked = _find_request(session, repo, body)
    hub.decide_access(session, repo, asked, body.status, actor, reason=body.rejection_reason or "")
    return json_response({})


@routes.post(_BASE + "/grant")
def grant_access(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.AccessGrant), call.actor(session)
    repo = hub.ruled_repo(session, call.kind, call.repo_id, actor)
    granted = hub.grant_access(session, repo, accounts.get_user(session, body.user), actor)
    return json_response(_request_json(granted))


def _find_request(session: Session, repo: hub.Repo, body: wire.AccessDecision) -> hub.AccessRequest:
    if body.user is None:
        return hub.get_access_request(session, repo, number_of(body.request_id or ""))
    asked = hub.find_access_request(session, repo, accounts.get_user(session, body.user).id)
    if asked is None:
        raise hub.AccessRequestNotFound(body.user)
    return asked


def _request_json(asked: hub.AccessRequest) -> wire.Json:
    """An e-mail address was given away by asking; who was let in unasked has not done that."""
    user: wire.Json = {
        "_id": object_id(asked.user_id), "type": "user", "user": asked.user, "fullname": asked.user_full_name,
        "avatarUrl": "",
    }  # fmt: skip
    if not asked.is_given and asked.user_email:
        user["email"] = asked.user_email
    body: wire.Json = {
        "requestId": object_id(asked.id), "user": user, "status": asked.status, "timestamp": iso(asked.asked_at),
    }  # fmt: skip
    if asked.answers:
        body["fields"] = dict(asked.answers)
    if asked.reason:
        body["rejectionReason"] = asked.reason
    return body
