"""What a webhook looks at, as words by which it is found."""

from __future__ import annotations

from collections.abc import Sequence

from yungu.hub.models import Kind, Watched

MAX_PLACE = 200


def watched_places(watched: Sequence[Watched]) -> set[str]:
    """Where something has to happen for a webhook that watches these."""
    return {_place("owner" if item.type in ("user", "org") else item.type, item.name) for item in watched}


def places_of(kind: Kind, repo_id: str) -> list[str]:
    """Where something happens that happens in this repo: there, and at the user or organization that owns it."""
    return [_place(kind, repo_id), _place("owner", repo_id.partition("/")[0])]


def _place(what: str, name: str) -> str:
    return f"{what} {name.casefold()}"[:MAX_PLACE]
