"""Lists of models, datasets and spaces: plain ones from the database, filtered and searched ones from the index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import naming, urls
from yungu.api.web.rendering import page
from yungu.api.web.visit import Visit, begin
from yungu.hub import DATASET_SIZES, MODEL_SIZES, Kind, Repo, RepoFilter
from yungu.kernel.db import Session
from yungu.search import CatalogueUnready, Found, Wanted

Sort = Literal["relevance", "trending", "downloads", "likes", "modified", "created"]
SORTS: tuple[Sort, ...] = get_args(Sort)
FACETS: Mapping[Kind, Sequence[str]] = {
    "model": ("task", "size", "library", "language", "license", "tag"),
    "dataset": ("task", "size", "language", "license", "tag"),
    "space": ("library", "language", "license", "tag"),
}
_COUNTED_AS = {"tag": "topic"}
"""Every tag can be asked for, but only those that no other facet tells are offered."""
_PER_PAGE = 30
_MOST_PAGES = 300
_MOST_VALUES = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. ``chosen``: facets and the author. ``is_plain``: nothing that needs the index."""

    kind: Kind
    words: str
    chosen: Mapping[str, Sequence[str]]
    sort: Sort
    number: int
    cursor: str | None

    @property
    def is_plain(self) -> bool:
        return not self.words and self.chosen.keys() <= {"author"}

    def address(self, **changed: str | Sequence[str] | None) -> str:
        """This list with some of its query changed; another filter always begins at the first page."""
        query: dict[str, str | Sequence[str] | None] = {"search": self.words, **self.chosen}
        if self.sort != self.usual_sort:
            query["sort"] = self.sort
        return urls.kind_list(self.kind, **(query | changed))

    def with_value(self, facet: str, value: str) -> str:
        """This list with one more value chosen, in place of another one unless there may be many."""
        many = [*self.chosen.get(facet, ()), value] if facet == "tag" else [value]
        return self.address(**{facet: many})

    def without_value(self, facet: str, value: str) -> str:
        return self.address(**{facet: [other for other in self.chosen.get(facet, ()) if other != value]})

    @property
    def usual_sort(self) -> Sort:
        return "relevance" if self.words else "trending"


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a facet: where choosing it, or giving it up, leads."""

    value: str
    label: str
    number: int
    is_chosen: bool
    address: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list. ``total`` None: not counted. ``next``: the address of the following page."""

    repos: Sequence[Repo]
    total: int | None
    next: str | None = None
    previous: str | None = None
    found: Found | None = None


def get_list(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    asked = _asked(call)
    listed, counts = _listed(session, visit, asked)
    facets = {facet: _options(visit, asked, facet, counts.get(facet, ())) for facet in FACETS[asked.kind]}
    return page(
        visit,
        "list.html",
        kind=asked.kind,
        asked=asked,
        listed=listed,
        facets={facet: options for facet, options in facets.items() if options},
        sorts=[sort for sort in SORTS if asked.words or sort != "relevance"],
        label=_labeller(visit),
        picture=naming.task_picture,
    )


def _asked(call: Call) -> Asked:
    query = call.query_params
    words = query.get("search", "").strip()[:200]
    usual: Sort = "relevance" if words else "trending"
    sort = cast(Sort, query["sort"]) if query.get("sort") in SORTS else usual
    chosen: dict[str, Sequence[str]] = {}
    for name in (*FACETS[call.kind], "author"):
        values = [value.casefold()[:200] for value in query.getlist(name) if value][: 10 if name == "tag" else 1]
        if values:
            chosen[name] = list(dict.fromkeys(values))
    number = min(max(whole_number(query.get("page", "")) or 1, 1), _MOST_PAGES)
    return Asked(call.kind, words, chosen, usual if sort == "relevance" else sort, number, query.get("cursor") or None)


def _listed(session: Session, visit: Visit, asked: Asked) -> tuple[Listed, Mapping[str, Sequence[tuple[str, int]]]]:
    catalogue = visit.call.site.catalogue
    try:
        if not catalogue.is_complete:
            return _from_database(session, visit, asked), {}
        found = hub.find_matches(session, catalogue, _wanted(asked), visit.actor)
    except CatalogueUnready:
        return _from_database(session, visit, asked), {}
    counts = {_shown_as(facet): values for facet, values in found.found.counts.items()}
    if asked.is_plain:
        listed = _from_database(session, visit, asked)
        return Listed(listed.repos, found.found.total, listed.next, listed.previous), counts
    return _from_index([match.target for match in found.items if isinstance(match.target, Repo)], found, asked), counts


def _wanted(asked: Asked) -> Wanted:
    counted = [_COUNTED_AS.get(facet, facet) for facet in FACETS[asked.kind]]
    return Wanted(
        asked.words,
        kinds=[asked.kind],
        facets=asked.chosen,
        sort=None if asked.sort == "relevance" else asked.sort,
        skip=(asked.number - 1) * _PER_PAGE,
        limit=1 if asked.is_plain else _PER_PAGE,
        counted=counted,
    )


def _from_index(repos: Sequence[Repo], found: hub.Matches, asked: Asked) -> Listed:
    total = found.found.total
    has_next = asked.number * _PER_PAGE < min(total, _MOST_PAGES * _PER_PAGE)
    if asked.sort != "relevance":  # the index has counters of a while ago, what is shown is of now
        repos = sorted(repos, key=_KEYS[asked.sort], reverse=True)
    return Listed(
        repos,
        total,
        next=asked.address(page=str(asked.number + 1)) if has_next else None,
        previous=asked.address(page=str(asked.number - 1) if asked.number > 2 else None) if asked.number > 1 else None,
        found=found.found,
    )


_KEYS: Mapping[str, Callable[[Repo], float]] = {
    "trending": lambda repo: repo.trending,
    "downloads": lambda repo: repo.downloads_count,
    "likes": lambda repo: repo.likes_count,
    "modified": lambda repo: repo.modified_at.timestamp(),
    "created": lambda repo: repo.created_at.timestamp(),
}


def _from_database(session: Session, visit: Visit, asked: Asked) -> Listed:
    """By keyset pages, as deep as anybody likes; also while there is no index."""
    one = {name: values[0] for name, values in asked.chosen.items()}
    wanted = RepoFilter(
        kind=asked.kind,
        search=asked.words.split(),
        author=one.get("author"),
        tags=[*asked.chosen.get("tag", ()), *(f"license:{value}" for value in asked.chosen.get("license", ()))],
        pipeline_tag=one.get("task"),
        library_name=one.get("library"),
        sort="trending" if asked.sort == "relevance" else asked.sort,
        limit=_PER_PAGE,
        cursor=asked.cursor,
    )
    found = hub.list_repos(session, wanted, visit.actor)
    following = asked.address(cursor=found.next_cursor) if found.next_cursor else None
    return Listed(found.items, None, following, asked.address() if asked.cursor else None)


def _options(visit: Visit, asked: Asked, facet: str, counts: Sequence[tuple[str, int]]) -> Sequence[Option]:
    chosen = asked.chosen.get(facet, ())
    numbers = dict(counts[:_MOST_VALUES])
    values = [*(value for value in chosen if value not in numbers), *numbers]
    if facet == "size":
        order = [*MODEL_SIZES, *DATASET_SIZES]
        values.sort(key=lambda value: order.index(value) if value in order else len(order))
    label = _labeller(visit)
    return [
        Option(
            value,
            label(facet, value),
            numbers.get(value, 0),
            value in chosen,
            asked.without_value(facet, value) if value in chosen else asked.with_value(facet, value),
        )
        for value in values
    ]


def _labeller(visit: Visit) -> Callable[[str, str], str]:
    return lambda facet, value: naming.facet_value(visit.language, facet, value)


def _shown_as(counted: str) -> str:
    return next((facet for facet, other in _COUNTED_AS.items() if other == counted), counted)
