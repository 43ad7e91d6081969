"""Where the hub hands out Xet tokens. The addresses belong to the hub's own API, so its dialect says no here."""

from __future__ import annotations

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call, Routes, json_response
from yungu.api.http.router import OnError
from yungu.api.xet import tokens, wire
from yungu.api.xet.routes import cas_url
from yungu.hub.models import Repo
from yungu.kernel.db import Session


def hub_routes(on_error: OnError) -> Routes:
    """Token addresses of all repo kinds. A token is for the whole repo: the revision in the path, which is the word
    ``None`` when a pull request is about to be opened, only tells whether it is the author's own pull request."""
    routes = Routes(on_error=on_error)
    base = "/api/{kinds}/{owner}/{name}"
    routes.get(f"{base}/xet-read-token/{{rev}}", f"{base}/xet-read-token")(read_token)
    routes.get(f"{base}/xet-write-token/{{rev}}", f"{base}/xet-write-token", writes=False)(write_token)
    return routes


def read_token(session: Session, call: Call) -> Response:
    """Asked for before the files that lie as xorbs are taken: that counts as taking them."""
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    call.site.downloads.note(repo.id, call.visitor)
    return token_response(session, call, repo, "read")


def write_token(session: Session, call: Call) -> Response:
    """Needs no right to write where the upload is proposed: with ``?create_pr=1``, or for a pull request of one's."""
    actor, revision = call.actor(session), call.params.get("rev", "")
    if call.query_params.get("create_pr") in ("1", "true", "True"):
        repo = hub.contributable_repo(session, call.kind, call.repo_id, actor)
    else:
        repo = hub.committable_repo(session, call.kind, call.repo_id, revision, actor)
    hub.check_room(session, repo, 1, uploader_id=actor.id)  # here the client shows people the reason
    return token_response(session, call, repo, "write")


def token_response(session: Session, call: Call, repo: Repo, scope: tokens.Scope) -> Response:
    value, expires = tokens.issue(call.site.secret, repo, call.actor(session), scope)
    reply = wire.TokenReply(value, expires, cas_url(call))
    headers = {
        "X-Xet-Access-Token": value,
        "X-Xet-Token-Expiration": str(expires),
        "X-Xet-Cas-Url": reply.cas_url,
        "Cache-Control": "no-store",
    }
    return json_response(reply, headers=headers)
