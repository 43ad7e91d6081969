"""The first page, the search over everything, and the sign of life."""

from __future__ import annotations

import sqlalchemy as sa
from starlette.responses import PlainTextResponse, Response

from yungu import accounts, hub
from yungu.api.http import Call
from yungu.api.web.rendering import page
from yungu.api.web.visit import begin
from yungu.hub import KINDS, RepoFilter
from yungu.kernel.db import Session

_SHOWN = 5
_FOUND = 10


def get_home(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    trending = {kind: hub.list_repos(session, RepoFilter(kind, limit=_SHOWN), visit.actor).items for kind in KINDS}
    newest = {
        kind: hub.list_repos(session, RepoFilter(kind, sort="created", limit=_SHOWN), visit.actor).items
        for kind in KINDS
    }
    return page(visit, "home.html", trending=trending, newest=newest)


def get_search(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    words = call.query_params.get("q", "").strip()[:200]
    found = {
        kind: hub.list_repos(session, RepoFilter(kind, search=words.split(), limit=_FOUND), visit.actor).items
        for kind in KINDS
    }
    owners = accounts.list_owners(session, search=words, limit=_FOUND) if words else []
    return page(visit, "search.html", words=words, found=found, owners=owners, shown=_FOUND)


def get_health(session: Session, _call: Call) -> Response:
    session.execute(sa.text("SELECT 1"))
    return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})
