"""Info objects and lists of repos."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.api.hf import wire
from yungu.api.hf.links import next_link
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.api.http.blobs import read_blob
from yungu.api.http.call import whole_number
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.errors import Invalid
from yungu.storage.git import GitObjects, GitStore

_SORTS = {
    "trendingScore": "trending",
    "trending_score": "trending",
    "createdAt": "created",
    "created_at": "created",
    "lastModified": "modified",
    "last_modified": "modified",
    "downloads": "downloads",
    "likes": "likes",
}
_APPS = {
    "llama.cpp": "gguf",
    "ollama": "gguf",
    "lmstudio": "gguf",
    "vllm": "safetensors",
    "transformers.js": "transformers.js",
}
_PARAMETERS = re.compile(r"(min|max):([0-9]{1,15}(?:\.[0-9]{1,15})?)([KMBT]?)$", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_MOST_PER_PAGE = 1000
_KEPT_SIBLINGS = 4096  # bytes of JSON


class QueryInvalid(Invalid):
    """A query parameter has a value it cannot have."""


@routes.get("/api/{kinds}/{owner}/{name}", "/api/{kinds}/{owner}/{name}/revision/{rev}")
def repo_info(session: Session, call: Call) -> Response:
    """One repo. ``sha`` is the commit that the revision means (null in a repo without commits)."""
    actor = call.actor(session)
    repo = hub.visible_repo(session, call.kind, call.repo_id, actor)
    revision = call.params.get("rev")
    commit = repo.head if revision is None else hub.resolve_revision(session, call.site.git, repo, revision)
    expand = _expand(call)
    source = _source(session, call, repo, commit, expand)
    source.with_blobs = _flag(call, "blobs")
    return json_response(wire.info_json(source, expand))


@routes.get("/api/{kinds}")
def list_repos(session: Session, call: Call) -> Response:
    """Repos by filter and sort; ``limit`` is the page size, the next page stands in the Link header."""
    actor, query = call.actor(session), call.query_params
    expand, wanted = _expand(call), _filter(call)
    options = {name: _flag(call, parameter) for name, parameter in _LIST_FLAGS.items()}
    names = tuple(dict.fromkeys(expand)) or wire.listed_names(call.kind, **options)
    links = call.kind == "space" and bool(query.get("models") or query.get("datasets"))
    if wire.is_in_line(names) and not links:
        lines = hub.list_lines(session, wanted, actor)
        return json_response(_lines_json(call.site.git, lines.items, names), headers=next_link(call, lines.next_cursor))
    page = hub.list_repos(session, wanted, actor)
    found = [wire.info_json(_source(session, call, repo, repo.head, expand), names) for repo in page.items]
    if links:
        found = [item | _linked(repo) for item, repo in zip(found, page.items, strict=True)]
    return json_response(found, headers=next_link(call, page.next_cursor))


def _lines_json(git: GitStore, lines: Sequence[hub.Line], names: tuple[str, ...]) -> list[msgspec.Raw]:
    minute = clock.now().replace(second=0, microsecond=0)
    rest = tuple(name for name in names if name != "siblings")
    found = [wire.line_json(line, rest, minute) for line in lines]
    if rest == names:
        return found
    files = [_few_siblings(git, *head) or _siblings(git, *head) for head in map(hub.line_head, lines)]
    return [wire.with_siblings(one, told) for one, told in zip(found, files, strict=True)]


@lru_cache(maxsize=2048)
def _few_siblings(git: GitStore, number: int, commit: str | None) -> bytes | None:
    """None when they are too many to be kept."""
    found = _siblings(git, number, commit)
    return found if len(found) <= _KEPT_SIBLINGS else None


def _siblings(git: GitStore, number: int, commit: str | None) -> bytes:
    """The files of a commit of repo ``number`` as JSON."""
    return msgspec.json.encode(wire.siblings_json(hub.list_files(git.open(number), commit) if commit else ()))


_LIST_FLAGS = {"full": "full", "card": "cardData", "config": "config", "linked": "linked"}


def _source(session: Session, call: Call, repo: hub.Repo, commit: str | None, expand: Sequence[str]) -> wire.InfoSource:
    def objects() -> GitObjects:  # opened when something asks: most of a list does not
        return call.site.git.open(repo.id)

    return wire.InfoSource(
        repo=repo,
        commit=commit,
        files=lambda: hub.list_files(objects(), commit) if commit else [],
        config=lambda: hub.model_config(objects(), commit) if commit else {},
        safetensors=lambda: hub.safetensors_summary(session, partial(read_blob, call.site), repo, objects(), commit),
        related=_related(session, repo, expand) if expand else {},
    )


def _related(session: Session, repo: hub.Repo, wanted: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "childrenModelCount" in wanted:
        found["childrenModelCount"] = hub.count_tagged(session, f"base_model:{repo.repo_id}")
    if "baseModels" in wanted and repo.card.get("base_model"):
        names = repo.card["base_model"] if isinstance(repo.card["base_model"], list) else [repo.card["base_model"]]
        found["baseModels"] = {
            "relation": repo.card.get("base_model_relation"),
            "models": [{"id": name} for name in names],
        }
    return found


def _filter(call: Call) -> hub.RepoFilter:
    query = call.query_params
    least, most = _parameter_range(query.get("num_parameters"))
    return hub.RepoFilter(
        kind=call.kind,
        search=tuple(query.getlist("search")),
        author=query.get("author"),
        tags=tuple(_tags(call)),
        pipeline_tag=query.get("pipeline_tag"),
        gated=_tristate(query.get("gated")),
        min_parameters=least,
        max_parameters=most,
        sort=_sort(query.get("sort")),
        limit=_limit(query.get("limit")),
        cursor=query.get("cursor"),
    )


def _tags(call: Call) -> list[str]:
    query = call.query_params
    found = [tag for value in query.getlist("filter") for tag in value.split(",") if tag]
    found += [_APPS.get(app, app) for app in query.getlist("apps")]
    if call.kind == "space":
        found += [f"model:{name}" for name in query.getlist("models")] + [
            f"dataset:{name}" for name in query.getlist("datasets")
        ]
    if query.get("inference") or query.get("inference_provider"):
        found.append("endpoints_compatible")
    return found


def _sort(value: str | None) -> Any:
    if value is None:
        return "trending"
    if value not in _SORTS:
        raise QueryInvalid(f'"sort" must be one of [{", ".join(sorted(_SORTS))}]')
    return _SORTS[value]


def _limit(value: str | None) -> int:
    if value is None:
        return _MOST_PER_PAGE
    number = whole_number(value)
    if not number:
        raise QueryInvalid('"limit" must be a positive number')
    return min(number, _MOST_PER_PAGE)


def _parameter_range(value: str | None) -> tuple[int | None, int | None]:
    bounds: dict[str, int] = {}
    for part in (value or "").split(","):
        if part:
            found = _PARAMETERS.match(part.strip())
            if found is None:
                raise QueryInvalid('"num_parameters" must look like "min:6B,max:128B"')
            bounds[found[1].lower()] = int(float(found[2]) * _UNITS[found[3].upper()])
    return bounds.get("min"), bounds.get("max")


def _linked(repo: hub.Repo) -> wire.Json:
    source = wire.InfoSource(repo, repo.head)
    return {name: found for name in ("models", "datasets") if (found := wire.PROPERTIES["space"][name](source))}


def _expand(call: Call) -> Sequence[str]:
    asked = call.query_params.getlist("expand") + call.query_params.getlist("expand[]")
    return wire.check_expand(call.kind, asked)


def _flag(call: Call, name: str) -> bool:
    return _tristate(call.query_params.get(name)) is True


def _tristate(value: str | None) -> bool | None:
    return None if value is None else value.lower() in ("true", "1")
