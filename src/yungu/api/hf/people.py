"""Users and organizations as others see them, and what their own settings list."""

from __future__ import annotations

from starlette.responses import Response

from yungu import accounts, hub
from yungu.accounts.models import Actor, Owner
from yungu.api.hf import wire
from yungu.api.hf.ids import object_id
from yungu.api.hf.links import next_link
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.clock import iso
from yungu.kernel.db import Session

_PER_PAGE = 1000


@routes.get("/api/users/{user}/overview")
def user_overview(session: Session, call: Call) -> Response:
    actor, user = call.actor(session), accounts.get_user(session, call.params["user"])
    memberships = accounts.list_memberships(session, user.id)
    body = user_json(user) | _counts(session, user, actor)
    body["createdAt"] = iso(user.created_at)
    body["numLikes"] = hub.count_likes(session, user.id, actor)
    body["numDiscussions"] = hub.count_discussions(session, user.id, actor)
    body["orgs"] = [
        {"id": object_id(member.organization_id), "name": member.organization, "avatarUrl": "",
         "fullname": member.organization_full_name}
        for member in memberships
    ]  # fmt: skip
    return json_response(body)


@routes.get("/api/organizations/{organization}/overview")
def organization_overview(session: Session, call: Call) -> Response:
    actor, organization = call.actor(session), accounts.get_organization(session, call.params["organization"])
    body: wire.Json = {
        "_id": object_id(organization.id), "type": "org", "name": organization.name, "fullname": organization.full_name,
        "avatarUrl": "", "isVerified": False, "numUsers": len(accounts.list_members(session, organization.id)),
    }  # fmt: skip
    return json_response(body | _counts(session, organization, actor))


@routes.get("/api/organizations/{organization}/members")
def list_members(session: Session, call: Call) -> Response:
    organization = accounts.get_organization(session, call.params["organization"])
    call.actor(session)  # a bad token is told, though everybody may see this
    page = accounts.list_member_users(session, organization.id, limit=_PER_PAGE, cursor=call.query_params.get("cursor"))
    return json_response([user_json(user) for user in page.items], headers=next_link(call, page.next_cursor))


@routes.get("/api/settings/repositories")
def list_my_repos(session: Session, call: Call) -> Response:
    """All repos of the user who asks, and what they hold."""
    actor = call.actor(session)
    if actor.user is None:
        raise accounts.SignInRequired
    return _repositories(session, call, actor.user, actor)


@routes.get("/api/organizations/{organization}/settings/repositories")
def list_organization_repos(session: Session, call: Call) -> Response:
    """All repos of an organization that the asking member may know of, and what they hold."""
    actor, organization = call.actor(session), accounts.get_organization(session, call.params["organization"])
    if actor.user is None:
        raise accounts.SignInRequired
    if organization.id not in actor.roles and not actor.is_site_admin:
        raise accounts.NotMember(actor.user.name, organization.name)
    return _repositories(session, call, organization, actor)


def user_json(user: Owner) -> wire.Json:
    """A user in a list."""
    return {
        "_id": object_id(user.id), "type": "user", "user": user.name, "fullname": user.full_name, "avatarUrl": "",
        "isPro": False,
    }  # fmt: skip


def _counts(session: Session, owner: Owner, actor: Actor) -> wire.Json:
    counts = hub.count_repos(session, owner.id, actor)
    return {"numModels": counts["model"], "numDatasets": counts["dataset"], "numSpaces": counts["space"]}


def _repositories(session: Session, call: Call, owner: Owner, actor: Actor) -> Response:
    page = hub.list_owned_repos(session, owner.id, actor, limit=_PER_PAGE, cursor=call.query_params.get("cursor"))
    total = hub.stored_bytes(session, owner.id)
    shown = [
        {"id": repo.repo_id, "type": repo.kind, "updatedAt": iso(repo.modified_at), "visibility": repo.visibility,
         "storage": repo.stored_bytes, "storagePercent": 100 * repo.stored_bytes / total if total else 0.0}
        for repo in page.items
    ]  # fmt: skip
    return json_response(shown, headers=next_link(call, page.next_cursor))
