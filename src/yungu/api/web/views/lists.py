"""Lists of models, datasets and spaces."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.web import urls
from yungu.api.web.rendering import page
from yungu.api.web.visit import begin
from yungu.hub import RepoFilter
from yungu.kernel.db import Session

Sort = Literal["trending", "created", "modified", "downloads", "likes"]
SORTS: tuple[Sort, ...] = get_args(Sort)
_PER_PAGE = 30


def get_list(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    asked = call.query_params
    sort = cast(Sort, asked["sort"]) if asked.get("sort") in SORTS else "trending"
    wanted = RepoFilter(
        kind=call.kind,
        search=asked.get("search", "")[:200].split(),
        author=asked.get("author") or None,
        tags=[tag for tag in asked.getlist("tag") if tag][:10],
        pipeline_tag=asked.get("task") or None,
        sort=sort,
        limit=_PER_PAGE,
        cursor=asked.get("cursor") or None,
    )
    found = hub.list_repos(session, wanted, visit.actor)
    tasks = hub.list_tasks(session, call.kind, visit.actor)

    def address(**changed: str | list[str] | None) -> str:
        """This list with some of its query changed; another filter always begins at the first page."""
        query: dict[str, str | list[str] | None] = {
            "search": asked.get("search"),
            "author": wanted.author,
            "tag": list(wanted.tags),
            "task": wanted.pipeline_tag,
            "sort": sort if sort != "trending" else None,
        }
        return urls.kind_list(call.kind, **(query | changed))

    context: dict[str, Any] = {
        "kind": call.kind,
        "wanted": wanted,
        "found": found,
        "tasks": tasks,
        "sorts": SORTS,
        "address": address,
    }
    return page(visit, "list.html", search=asked.get("search", ""), **context)
