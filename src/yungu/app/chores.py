"""Small work that keeps the house quick."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from yungu import hub
from yungu.api.http import Site
from yungu.app.lock import HouseBusy, clearing
from yungu.storage import git_keeping
from yungu.storage.git_keeping import GitWalkFailed

log = logging.getLogger("yungu.chores")
LOOSE_LIMIT = 800
PACK_LIMIT = 20


def keep_packed(site: Site) -> int:
    """Pack every repo that has too many loose objects or packs; how many. None while a backup or a sweep runs."""
    with suppress(HouseBusy), clearing(site):
        return pack_repos(site, tell=lambda _what, _done, _total: None)
    return 0


def pack_repos(site: Site, *, tell: Callable[[str, int, int], None]) -> int:
    """The same for whoever is clearing already."""
    numbers, packed = sorted(site.git.iter_ids()), 0
    for done, number in enumerate(numbers, 1):
        path = site.git.path(number)
        if git_keeping.estimate_loose(path) > LOOSE_LIMIT or git_keeping.pack_count(path) > PACK_LIMIT:
            packed += _pack(site, number)
        tell("packing", done, len(numbers))
    return packed


def _pack(site: Site, number: int) -> bool:
    with site.db.read() as session:
        repo = hub.find_repo_by_id(session, number)
        if repo is None:
            return False
        hub.sync_refs(session, site.git, repo)
    try:
        with site.git.open(number).locked():
            git_keeping.pack(site.git.path(number))
    except GitWalkFailed as error:
        log.warning("repo #%d cannot be packed, run 'yungu fsck': %s", number, error)
        return False
    return True
