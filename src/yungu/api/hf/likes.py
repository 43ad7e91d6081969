"""Likes: of a repo, and of a user."""

from __future__ import annotations

from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.hf.links import next_link
from yungu.api.hf.people import user_json
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.clock import iso
from yungu.kernel.db import Session

_PER_PAGE = 1000


@routes.post("/api/{kinds}/{owner}/{name}/like")
def like(session: Session, call: Call) -> Response:
    actor = call.actor(session)
    hub.like_repo(session, hub.visible_repo(session, call.kind, call.repo_id, actor), actor)
    return json_response({})


@routes.delete("/api/{kinds}/{owner}/{name}/like")
def unlike(session: Session, call: Call) -> Response:
    actor = call.actor(session)
    hub.unlike_repo(session, hub.visible_repo(session, call.kind, call.repo_id, actor), actor)
    return json_response({})


@routes.delete("/api/{kinds}/{name}/like", writes=False)
def unlike_nameless(session: Session, call: Call) -> Response:
    """A repo without a namespace: there are none here, and the client wants to hear that in its own words."""
    raise hub.RepoNotFound(call.params["name"])


@routes.get("/api/{kinds}/{owner}/{name}/likers")
def list_likers(session: Session, call: Call) -> Response:
    repo = hub.visible_repo(session, call.kind, call.repo_id, call.actor(session))
    page = hub.list_likers(session, repo, limit=_PER_PAGE, cursor=call.query_params.get("cursor"))
    return json_response([user_json(user) for user in page.items], headers=next_link(call, page.next_cursor))


@routes.get("/api/users/{user}/likes")
def list_likes(session: Session, call: Call) -> Response:
    """What a user likes, of what the asker may know of."""
    actor, user = call.actor(session), accounts.get_user(session, call.params["user"])
    page = hub.list_likes(session, user.id, actor, limit=_PER_PAGE, cursor=call.query_params.get("cursor"))
    shown = [
        {"createdAt": iso(like.liked_at), "repo": {"name": like.repo.repo_id, "type": like.repo.kind}}
        for like in page.items
    ]
    return json_response(shown, headers=next_link(call, page.next_cursor))
