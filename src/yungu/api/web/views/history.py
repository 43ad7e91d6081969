"""The commits of a revision, and one commit with what it changed."""

from __future__ import annotations

from itertools import islice
from typing import Any

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.web.rendering import page
from yungu.api.web.views.files import page_number
from yungu.api.web.views.repos import enter, frame, named_revisions
from yungu.kernel.db import Session

_PER_PAGE = 40


def get_commits(session: Session, call: Call) -> Response:
    place = enter(session, call)
    number = page_number(call)
    first = (number - 1) * _PER_PAGE
    count = hub.commit_count(place.git, place.commit)
    context: dict[str, Any] = {
        "repo": place.repo,
        "frame": frame(session, place.visit, place.repo, "files"),
        "revision": place.revision,
        "refs": named_revisions(session, place.repo),
        "commits": list(islice(place.git.log(place.commit), first, first + _PER_PAGE)),
        "commits_count": count,
        "page_number": number,
        "pages_count": -(-count // _PER_PAGE),
    }
    return page(place.visit, "commits.html", **context)


def get_commit(session: Session, call: Call) -> Response:
    place = enter(session, call)
    context: dict[str, Any] = {
        "repo": place.repo,
        "frame": frame(session, place.visit, place.repo, "files"),
        "diff": hub.diff_commit(place.git, place.commit),
    }
    return page(place.visit, "commit.html", **context)
