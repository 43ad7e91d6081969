"""What a webhook looks at."""

from __future__ import annotations

from collections.abc import Sequence

from yungu.hub.models import Kind, Watched


def is_watched(watched: Sequence[Watched], kind: Kind, repo_id: str) -> bool:
    """Whether one of the watched things is this repo, or the user or organization that owns it."""
    places = {(kind, repo_id.casefold())} | {(type_, repo_id.partition("/")[0].casefold()) for type_ in ("user", "org")}
    return any((item.type, item.name.casefold()) in places for item in watched)
