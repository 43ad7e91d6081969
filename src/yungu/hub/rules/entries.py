"""Repos and owners as entries of the search index, and who may see which of them there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from yungu.accounts.models import Actor, Owner
from yungu.hub.models import Kind, Repo
from yungu.hub.rules.plain_text import plain_text
from yungu.search.models import Entry, Layout

LAYOUT = Layout(
    version="1",
    facets=("task", "library", "language", "license", "size", "topic", "tag", "author"),
    numbers=("number", "trending", "created", "modified", "downloads", "likes"),
    narrowing=("tag",),
)
"""``tag``: every tag, to filter by; ``topic``: those that no other facet tells, to be offered. ``number``: a repo's."""

MODEL_SIZES: Mapping[str, tuple[float, float]] = {
    "under-1b": (0, 1e9),
    "1b-4b": (1e9, 4e9),
    "4b-10b": (4e9, 10e9),
    "10b-35b": (10e9, 35e9),
    "35b-100b": (35e9, 100e9),
    "over-100b": (100e9, math.inf),
}
"""Parameters, from, up to and not including."""
DATASET_SIZES = (
    "n<1k", "1k<n<10k", "10k<n<100k", "100k<n<1m", "1m<n<10m", "10m<n<100m", "100m<n<1b", "1b<n<10b",
    "10b<n<100b", "100b<n<1t", "n>1t",
)  # fmt: skip
"""Rows, as cards spell them (``size_categories``)."""
_MOST_TAGS = 200
_LIKE_WEIGHT = 20


def repo_entry(repo: Repo, card: str, *, parameters_count: int | None, linked: Sequence[str] = ()) -> Entry:
    """``card``: the text of its README. That of a gated repo is only for those who were let in, so it is left out.
    ``linked``: tags that are not shown."""
    title, text = plain_text("" if repo.gated else card)
    return Entry(
        key=repo_key(repo.id),
        kind=repo.kind,
        readers=repo_readers(repo),
        name=repo.repo_id,
        title=title,
        text=text,
        tags=repo.tags[:_MOST_TAGS],
        facets=_facets(repo, parameters_count, linked),
        numbers=repo_numbers(repo),
        popularity=math.log10(1 + repo.downloads_count + _LIKE_WEIGHT * repo.likes_count) / 6,
    )


def owner_entry(owner: Owner) -> Entry:
    return Entry(owner_key(owner.id), owner.kind, ["public"], owner.name, owner.full_name)


def repo_key(number: int) -> str:
    return f"repo/{number}"


def owner_key(number: int) -> str:
    return f"owner/{number}"


def key_number(key: str) -> int:
    return int(key.partition("/")[2])


def repo_numbers(repo: Repo) -> Mapping[str, float]:
    """What lists are sorted by, and the number that the rest is found by."""
    return {
        "number": repo.id,
        "trending": repo.trending,
        "created": repo.created_at.timestamp(),
        "modified": repo.modified_at.timestamp(),
        "downloads": repo.downloads_count,
        "likes": repo.likes_count,
    }


def repo_readers(repo: Repo) -> Sequence[str]:
    """The same rule as ``may_read``, as labels of which the actor holds one."""
    return {
        "public": ["public"],
        "internal": ["internal", f"owner/{repo.owner_id}"],
        "private": [f"owner/{repo.owner_id}"],
    }[repo.visibility]


def actor_labels(actor: Actor) -> frozenset[str] | None:
    """The labels that the actor holds; None: all there are. A fine-grained token only finds what everybody does."""
    if actor.is_site_admin:
        return None
    if actor.user is None or actor.scope == "fine-grained":
        return frozenset({"public"})
    return frozenset({"public", "internal", *(f"owner/{number}" for number in (actor.user.id, *actor.roles))})


def _facets(repo: Repo, parameters_count: int | None, linked: Sequence[str]) -> Mapping[str, Sequence[str]]:
    tags = [tag.casefold() for tag in repo.tags]
    found = {
        "task": _tasks(repo),
        "library": _words(repo.sdk if repo.kind == "space" else repo.library_name),
        "language": _words(repo.card.get("language")),
        "license": _words(repo.card.get("license")),
        "size": _sizes(repo.kind, tags, parameters_count),
    }
    told = {value for values in found.values() for value in values}
    topics = [tag for tag in tags if ":" not in tag and tag not in told]
    every = [*tags, *linked]
    return {**found, "topic": _once(topics), "tag": _once(every), "author": [repo.namespace.casefold()]}


def _tasks(repo: Repo) -> Sequence[str]:
    given = repo.card.get("task_categories") or repo.card.get("tasks") if repo.kind == "dataset" else None
    return _words(given) or _words(repo.pipeline_tag)


def _sizes(kind: Kind, tags: Sequence[str], parameters_count: int | None) -> Sequence[str]:
    if kind == "model" and parameters_count:
        return [name for name, (low, high) in MODEL_SIZES.items() if low <= parameters_count < high]
    if kind == "dataset":
        named = (tag.removeprefix("size_categories:") for tag in tags if tag.startswith("size_categories:"))
        return [size for size in named if size in DATASET_SIZES]
    return []


def _words(value: Any) -> Sequence[str]:
    values = value if isinstance(value, list) else [value]
    return _once(str(item).strip().casefold()[:200] for item in values if isinstance(item, str) and item.strip())


def _once(values: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(values))
