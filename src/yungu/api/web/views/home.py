"""The first page, the search over everything, the choice of colours, and the sign of life."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from starlette.responses import PlainTextResponse, Response

from yungu import accounts, compute, hub, scenarios
from yungu.api.http import Call
from yungu.api.web import urls
from yungu.api.web.activities import grouped
from yungu.api.web.forms import read_form
from yungu.api.web.rendering import YEAR_SECONDS, page, see_other
from yungu.api.web.views.scenarios import words_for
from yungu.api.web.visit import THEME_COOKIE, THEMES, Visit, begin
from yungu.hub import KINDS, RepoFilter
from yungu.kernel.db import Database, Session

_SHOWN = 6
_FEATURED = 3
_OWN_SHOWN = 12
_NEWS_SHOWN = 40
_FIGURES_SECONDS = 60


def get_home(session: Session, call: Call) -> Response:
    """For strangers what this place is, for members what is new around them."""
    visit = begin(session, call)
    trending = {kind: hub.list_repos(session, RepoFilter(kind, limit=_SHOWN), visit.actor).items for kind in KINDS}
    callables = compute.list_deployments(session, visit.actor, only_on=True)[:_SHOWN]
    shown = {"featured": scenarios.list_featured(session, limit=_FEATURED), **words_for(visit)}
    if visit.actor.user is not None:
        desk = _desk(session, visit, visit.actor.user)
        return page(visit, "desk.html", trending=trending, callables=callables, **desk, **shown)
    newest = {
        kind: hub.list_repos(session, RepoFilter(kind, sort="created", limit=_SHOWN), visit.actor).items
        for kind in KINDS
    }
    figures = _figures(call.site.db, int(time.monotonic() / _FIGURES_SECONDS))
    return page(visit, "home.html", trending=trending, newest=newest, figures=figures, callables=callables, **shown)


def post_theme(session: Session, call: Call) -> Response:
    """Remember which colours a visitor wants. Only who has no scripts comes here; the others set the cookie at once."""
    visit = begin(session, call)
    form = read_form(visit)
    response = see_other(visit, urls.safe_path(form["next"]))
    if form["theme"] in THEMES:
        secure = call.origin.startswith("https:")
        response.set_cookie(THEME_COOKIE, form["theme"], max_age=YEAR_SECONDS, samesite="lax", secure=secure)
    return response


def get_health(session: Session, _call: Call) -> Response:
    session.execute(sa.text("SELECT 1"))
    return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})


def _desk(session: Session, visit: Visit, user: accounts.Owner) -> Mapping[str, Any]:
    return {
        "own": hub.list_owned_repos(session, user.id, visit.actor, limit=_OWN_SHOWN),
        "organizations": accounts.list_memberships(session, user.id),
        "likes": hub.list_likes(session, user.id, visit.actor, limit=_SHOWN).items,
        "news": grouped(hub.list_followed_activities(session, user.id, visit.actor, limit=_NEWS_SHOWN)),
        "follows_count": accounts.count_follows(session, user.id)[1],
    }


@lru_cache(maxsize=4)
def _figures(db: Database, _period: int) -> Mapping[str, int]:
    """Counting everything takes a look at every repo: once a minute is enough."""
    with db.read() as session:
        return hub.count_everything(session)
