"""Lists and search, and one repo, by the newer of the two APIs."""

from __future__ import annotations

from typing import Literal

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.routes import open_routes
from yungu.hub import Kind
from yungu.kernel.db import Session

MOST_PER_PAGE = 50
MOST_ITEMS = 3000
_README_BYTES = 1 << 20
_SORTS: dict[str, Literal["trending", "created", "modified", "downloads", "likes", "views"]] = {
    "default": "trending",
    "downloads": "downloads",
    "likes": "likes",
    "last_modified": "modified",
    "view_num": "views",
}


@open_routes.get("/openapi/v1/models")
def list_models(session: Session, call: Call) -> Response:
    return wire.open_answer(call, page_of(session, call, "model", "models"))


@open_routes.get("/openapi/v1/datasets")
def list_datasets(session: Session, call: Call) -> Response:
    return wire.open_answer(call, page_of(session, call, "dataset", "datasets"))


@open_routes.get("/openapi/v1/{kinds}/{owner}/{name}")
def show_repo(session: Session, call: Call) -> Response:
    repo, _ = places.visible(session, call)
    call.site.views.note(repo.id, call.visitor)
    return wire.open_answer(call, wire.item_json(repo, readme(session, call, repo)))


def page_of(session: Session, call: Call, kind: Kind, name: str) -> wire.Json:
    """One page of the repos that the query asks for. Raises QueryInvalid."""
    number, size = open_page(call)
    wanted = _wanted(call, kind, size)
    found, total = hub.search_repos(session, wanted, call.actor(session), skip=(number - 1) * size)
    items = [wire.item_json(repo) for repo in found]
    return {name: items, "total_count": total, "page_number": number, "page_size": size}


def open_page(call: Call) -> tuple[int, int]:
    """Raises QueryInvalid."""
    number, size = places.page(call, "page_number", "page_size", default=10, most=MOST_PER_PAGE)
    if number * size > MOST_ITEMS:
        raise places.QueryInvalid(f"page_number times page_size must be at most {MOST_ITEMS}.")
    return number, size


def readme(session: Session, call: Call, repo: hub.Repo) -> str:
    """The text of the card, as far as the one who asks may read files."""
    actor = call.actor(session)
    is_granted = bool(repo.gated) and hub.is_granted(session, repo, actor)
    if repo.head is None or not hub.may_read_files(actor, repo, is_granted=is_granted):
        return ""
    return hub.read_text(call.site.git.open(repo.id), repo.head, "README.md", limit=_README_BYTES) or ""


def _wanted(call: Call, kind: Kind, size: int) -> hub.RepoFilter:
    query = call.query_params
    tags = [f"license:{wire.license_name(text)}" for text in query.getlist("filter.license")]
    tags += [*query.getlist("filter.custom_tag"), *query.getlist("filter.model_type")]
    tasks = query.getlist("filter.task")
    if kind == "dataset":
        tags += [f"task_categories:{task}" for task in tasks]
    libraries = query.getlist("filter.library")
    return hub.RepoFilter(
        kind,
        search=(query.get("search") or "").split(),
        author=query.get("owner") or query.get("author") or query.get("filter.owner") or None,
        tags=tags,
        pipeline_tag=tasks[0] if tasks and kind == "model" else None,
        library_name=libraries[0] if libraries else None,
        sort=_SORTS.get(query.get("sort") or "default", "trending"),
        limit=size,
    )
