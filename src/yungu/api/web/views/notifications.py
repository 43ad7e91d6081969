"""What a user has heard of, and marking it as read."""

from __future__ import annotations

from typing import Any, cast

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.forms import read_form
from yungu.api.web.rendering import page, see_other
from yungu.api.web.visit import begin
from yungu.hub import Notification, Repo
from yungu.kernel.db import Session
from yungu.scenarios import Side

_PER_PAGE = 30


def get_notifications(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    asked = call.query_params
    shows_all = asked.get("show") == "all"
    found = hub.list_notifications(
        session, visit.actor, is_unread_only=not shows_all, limit=_PER_PAGE, cursor=asked.get("cursor") or None
    )
    repos = hub.list_repos_by_number(session, {item.repo_id for item in found.items if item.repo_id is not None})
    shown = [(item, repos.get(item.repo_id or 0)) for item in found.items]
    context: dict[str, Any] = {"shown": shown, "cursor": found.next_cursor, "shows_all": shows_all, "target": _target}
    return page(visit, "notifications.html", **context)


def post_read(session: Session, call: Call) -> Response:
    """Mark one as read, or all of them."""
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    number = whole_number(form["notification"])
    hub.mark_read(session, user.id, numbers=None if number is None else [number])
    return see_other(visit, "/notifications")


def _target(item: Notification, repo: Repo | None) -> str:
    """The page where it happened."""
    if item.subject is not None:
        return _match_page(item.place)
    if repo is None:
        return urls.owner(item.who) if item.who else "/notifications"
    if item.number is not None:
        return urls.discussion(repo, item.number)
    return urls.access(repo) if item.reason == "asked" else urls.repo(repo)


def _match_page(place: str) -> str:
    """``matches opportunity O-2026-0007``, or ``match 7 demand``."""
    what, first, second = place.split()
    return urls.match(int(first)) if what == "match" else f"{urls.scenario_coded(cast(Side, first), second)}/matches"
