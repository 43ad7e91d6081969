"""One look at the facts for everybody who follows them: whether there is something new, four times a second.

Calls of models write facts all the time that nobody follows: they wake nobody."""

from __future__ import annotations

import asyncio
import logging

from yungu.api.http import Site
from yungu.credits.events import CreditsHeld, UsageSettled
from yungu.kernel import events

log = logging.getLogger("yungu.pulse")
_LOOK_EVERY_SECONDS = 0.25
_AFTER_FAILURE_SECONDS = 5.0
UNHEARD = (CreditsHeld.__name__, UsageSettled.__name__)


class Pulse:
    """``run`` looks; ``wait`` returns when something has happened since the same follower waited before."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._looked = 0
        self._newest = -1
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            try:
                newest = self._look() if self._site.db.is_sqlite else await asyncio.to_thread(self._look)
            except Exception:  # a database that is away for a moment must not end the looking
                log.exception("the facts cannot be looked at")
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
                continue
            if newest != self._newest:
                async with self._changed:
                    self._newest = newest
                    self._changed.notify_all()

    async def wait(self, seen: int, *, at_most_seconds: float) -> int:
        """Wait for something newer than ``seen`` (what the last call returned, at first -1), or for so long."""
        try:
            async with asyncio.timeout(at_most_seconds), self._changed:
                await self._changed.wait_for(lambda: self._newest != seen)
        except TimeoutError:
            pass
        return self._newest

    def _look(self) -> int:
        """On SQLite it takes less than the way to a thread, and next to nothing when nobody has written."""
        db, heard = self._site.db, self._newest
        with db.glance() if db.is_sqlite else db.read() as session:
            newest = events.newest_id(session)
            if heard < 0:
                heard = newest  # of what was before nobody needs to be told: all look once when they begin
            elif newest != self._looked:
                heard = max(heard, events.newest_heard_id(session, self._looked, but=UNHEARD))
        self._looked = newest
        return heard
