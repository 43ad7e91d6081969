"""Looking for anything by words: the page of results, and what the search box proposes while somebody types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from starlette.responses import Response

from yungu import accounts, hub
from yungu.accounts.models import Owner
from yungu.api.http import Call
from yungu.api.http.call import json_response, whole_number
from yungu.api.web import urls
from yungu.api.web.rendering import page
from yungu.api.web.visit import Visit, begin
from yungu.hub import KINDS, Match, Matches, Repo, RepoFilter
from yungu.kernel.db import Session
from yungu.scenarios import SIDES, Asked, Item, list_items
from yungu.scenarios.rules.contents import title_of
from yungu.search import CatalogueUnready, Found, Wanted

Tab = Literal["all", "models", "datasets", "spaces", "people"]
_KINDS_OF: Mapping[Tab, Sequence[str]] = {
    "all": KINDS,
    "models": ("model",),
    "datasets": ("dataset",),
    "spaces": ("space",),
    "people": ("user", "organization"),
}
_PER_PAGE = 20
_PEOPLE_BESIDE = 8
_SCENARIOS_BESIDE = 4
_MOST_PAGES = 50
_PROPOSED = 8


def get_search(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    words = call.query_params.get("q", "").strip()[:200]
    tab = cast(Tab, asked) if (asked := call.query_params.get("in", "all")) in _KINDS_OF else "all"
    number = min(max(whole_number(call.query_params.get("page", "")) or 1, 1), _MOST_PAGES)
    found, people, is_ready = _found(session, visit, words, tab, number)
    counts = found.found.kinds
    totals = {name: sum(counts.get(kind, 0) for kind in kinds) for name, kinds in _KINDS_OF.items()}
    totals["all"] = sum(counts.values())
    here = {"q": words, "in": None if tab == "all" else tab}
    return page(
        visit,
        "search.html",
        words=words,
        tab=tab,
        totals=totals,
        matches=found.items,
        found=found.found,
        people=people,
        scenarios=_scenarios(session, visit, words) if tab == "all" and number == 1 else [],
        title_of=lambda item: title_of(item.content, visit.language),
        is_ready=is_ready,
        number=number,
        pages=min(-(-found.found.total // _PER_PAGE), _MOST_PAGES),
        address=lambda **query: urls.with_query("/search", **(here | query)),
    )


def _scenarios(session: Session, visit: Visit, words: str) -> Sequence[Item]:
    """Items of both lists that have all the words."""
    if not words:
        return []
    asked = [Asked(side, words) for side in SIDES]
    return [item for one in asked for item in list_items(session, one, visit.actor, limit=_SCENARIOS_BESIDE).items]


def get_proposals(session: Session, call: Call) -> Response:
    """``[{name, kind, title, address}]`` for what stands in the search box."""
    visit = begin(session, call)
    typed = call.query_params.get("q", "").strip()[:100]
    try:
        found = hub.suggest_matches(session, call.site.catalogue, typed, visit.actor, limit=_PROPOSED) if typed else []
    except CatalogueUnready:
        found = []
    response = json_response([_proposal(match) for match in found])
    response.headers["cache-control"] = "private, max-age=10"
    response.headers["vary"] = "cookie"
    return response


def _found(session: Session, visit: Visit, words: str, tab: Tab, number: int) -> tuple[Matches, Sequence[Match], bool]:
    """What matches, people beside it, and whether the index was asked: without one there are only names."""
    catalogue = visit.call.site.catalogue
    if not words:
        return Matches([], Found([], 0, {})), [], True
    try:
        if not catalogue.is_complete:
            return _by_name(session, visit, words, tab), [], False
        kinds, skip = _KINDS_OF[tab], (number - 1) * _PER_PAGE
        wanted = Wanted(words, kinds, limit=_PER_PAGE, skip=skip, counted=["kind"], has_snippets=True)
        found = hub.find_matches(session, catalogue, wanted, visit.actor)
        people: Sequence[Match] = []
        if tab == "all" and number == 1:
            beside = Wanted(words, _KINDS_OF["people"], limit=_PEOPLE_BESIDE)
            people = hub.find_matches(session, catalogue, beside, visit.actor).items
        return found, people, True
    except CatalogueUnready:
        return _by_name(session, visit, words, tab), [], False


def _by_name(session: Session, visit: Visit, words: str, tab: Tab) -> Matches:
    """While the index is being made: what the database finds by name."""
    targets: list[Repo | Owner] = []
    for kind in KINDS:
        if kind in _KINDS_OF[tab]:
            wanted = RepoFilter(kind, search=words.split(), limit=_PER_PAGE // 2)
            targets += hub.list_repos(session, wanted, visit.actor).items
    if tab in ("all", "people"):
        targets += accounts.list_owners(session, search=words, limit=_PER_PAGE // 2)
    return Matches([Match(target, "", ()) for target in targets], Found([], len(targets), {}))


def _proposal(match: Match) -> dict[str, str]:
    if isinstance(match.target, Repo):
        repo = match.target
        return {"name": repo.repo_id, "kind": repo.kind, "title": match.title, "address": urls.repo(repo)}
    owner = match.target
    title = owner.full_name if owner.full_name != owner.name else ""
    return {"name": owner.name, "kind": owner.kind, "title": title, "address": urls.owner(owner.name)}
