"""The pages of a user or an organization, and following them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from starlette.responses import RedirectResponse, Response

from yungu import accounts, hub
from yungu.accounts import Owner, OwnerNotFound
from yungu.api.http import Call
from yungu.api.web import urls
from yungu.api.web.activities import grouped
from yungu.api.web.forms import read_form
from yungu.api.web.rendering import page, see_other
from yungu.api.web.visit import Visit, begin
from yungu.hub import KINDS, RepoFilter
from yungu.kernel import clock
from yungu.kernel.db import Session

_SHOWN = 20
_PEOPLE_SHOWN = 50
_MEMBERS_SHOWN = 12
_HELD_SHOWN = 4
_YEAR = timedelta(days=53 * 7)

TabContent = Callable[[Session, Visit, Owner, str | None], Mapping[str, Any]]


def get_owner(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    owner = accounts.get_owner(session, call.params["owner"])
    counts = hub.count_repos(session, owner.id, visit.actor)
    asked = call.query_params.get("tab") or _first_tab(counts)
    tab = asked if asked in _TABS else "models"
    content = _TABS[tab](session, visit, owner, call.query_params.get("cursor"))
    return page(visit, "owner.html", tab=tab, **_around(session, visit, owner, counts), **content)


def post_follow(session: Session, call: Call) -> Response:
    """``on``: "1" to follow, "0" to stop."""
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    owner = accounts.get_owner(session, call.params["owner"])
    change = accounts.follow_owner if form["on"] == "1" else accounts.unfollow_owner
    change(session, user, owner)
    return see_other(visit, urls.owner(owner.name))


def get_followed(session: Session, call: Call) -> Response:
    """Where the form's own address leads when somebody reloads it."""
    owner = accounts.find_owner(session, call.params["owner"])
    if owner is None:
        raise OwnerNotFound(call.params["owner"])
    return RedirectResponse(urls.owner(owner.name), 307, {"cache-control": "no-store"})


def _first_tab(counts: Mapping[hub.Kind, int]) -> str:
    return next((f"{kind}s" for kind in KINDS if counts[kind]), "models")


def _around(session: Session, visit: Visit, owner: Owner, counts: Mapping[hub.Kind, int]) -> Mapping[str, Any]:
    is_organization = owner.kind == "organization"
    me = visit.actor.user
    members = (accounts.list_members if is_organization else accounts.list_memberships)(session, owner.id)
    return {
        "owner": owner,
        "counts": counts,
        "likes_count": 0 if is_organization else hub.count_likes(session, owner.id, visit.actor),
        "follows": accounts.count_follows(session, owner.id),
        "is_me": me is not None and me.id == owner.id,
        "is_followed": me is not None and accounts.is_following(session, me.id, owner.id),
        "members": members,
        "members_shown": _MEMBERS_SHOWN,
        "may_rule": is_organization and accounts.may_rule(visit.actor, owner),
        "may_create": hub.can_create_in(visit.actor, owner),
    }


def _repos(kind: hub.Kind, session: Session, visit: Visit, owner: Owner, cursor: str | None) -> Mapping[str, Any]:
    wanted = RepoFilter(kind, author=owner.name, sort="modified", limit=_SHOWN, cursor=cursor)
    return _listed("kind", kind, hub.list_repos(session, wanted, visit.actor))


def _likes(session: Session, visit: Visit, owner: Owner, cursor: str | None) -> Mapping[str, Any]:
    found = hub.list_likes(session, owner.id, visit.actor, limit=_SHOWN, cursor=cursor)
    return {"items": [like.repo for like in found.items], "next_cursor": found.next_cursor}


def _activity(session: Session, visit: Visit, owner: Owner, cursor: str | None) -> Mapping[str, Any]:
    found = hub.list_activities(session, owner.id, visit.actor, limit=_SHOWN, cursor=cursor)
    today = clock.now()
    days = hub.count_daily(session, owner.id, visit.actor, since=today - _YEAR)
    return {"items": grouped(found.items), "next_cursor": found.next_cursor, "days": days, "today": today.date()}


def _people(
    find: Callable[..., Any], session: Session, _visit: Visit, owner: Owner, cursor: str | None
) -> Mapping[str, Any]:
    return _listed("people", True, find(session, owner.id, limit=_PEOPLE_SHOWN, cursor=cursor))


def _collections(session: Session, visit: Visit, owner: Owner, cursor: str | None) -> Mapping[str, Any]:
    found = hub.list_collections(session, visit.actor, namespaces=[owner.name], limit=_SHOWN, cursor=cursor)
    held = hub.list_collection_items(session, found.items, visit.actor, first=_HELD_SHOWN)
    return _listed("held", held, found)


def _members(_session: Session, _visit: Visit, _owner: Owner, _cursor: str | None) -> Mapping[str, Any]:
    return {"items": [], "next_cursor": None}


def _listed(name: str, value: object, found: Any) -> Mapping[str, Any]:
    return {name: value, "items": found.items, "next_cursor": found.next_cursor}


_TABS: Mapping[str, TabContent] = {
    **{f"{kind}s": partial(_repos, kind) for kind in KINDS},
    "likes": _likes,
    "collections": _collections,
    "activity": _activity,
    "followers": partial(_people, accounts.list_followers),
    "following": partial(_people, accounts.list_followed),
    "members": _members,
}
