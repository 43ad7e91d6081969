"""Keeping the search index beside requests: what happened is followed at once, counters every ten minutes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from yungu import hub
from yungu.api.http import Site
from yungu.app.pulse import Pulse
from yungu.search import CatalogueUnready

log = logging.getLogger("yungu.indexer")
_LOOK_EVERY_SECONDS = 2.0
_COMPARE_EVERY_SECONDS = 600.0
_AFTER_FAILURE_SECONDS = 10.0


async def run(site: Site, pulse: Pulse) -> None:
    """Until cancelled: follow the facts, piece by piece."""
    clock = asyncio.get_running_loop().time
    read_card, compared_at, seen = hub.card_reader(site.git), clock(), -1
    while True:
        if clock() - compared_at >= _COMPARE_EVERY_SECONDS:
            compared_at = clock()
            await _guarded(lambda: _compare(site, read_card))
        done = await _guarded(lambda: hub.keep_index(site.db, site.catalogue, read_card))
        if done is None:
            await asyncio.sleep(_AFTER_FAILURE_SECONDS)
        elif done == 0:
            seen = await pulse.wait(seen, at_most_seconds=_LOOK_EVERY_SECONDS)


def _compare(site: Site, read_card: hub.ReadCard) -> int:
    return sum(hub.compare_index(site.db, site.catalogue, read_card))


async def _guarded(work: Callable[[], int]) -> int | None:
    """What ``work`` returns, None when it failed: the index is kept by somebody else, or tried again later."""
    try:
        return await asyncio.to_thread(work)
    except CatalogueUnready:
        return 1  # the next piece makes a new one
    except Exception:  # a failing chore must not end the chores
        log.exception("the search index was not brought up to date")
        return None
