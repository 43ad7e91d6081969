"""Matching beside requests: what was published is embedded and gets its shortlist, answers are learnt from."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from yungu.api.http import Site
from yungu.app.pulse import Pulse
from yungu.compute.jobs.course import Course
from yungu.kernel import events
from yungu.kernel.db import Session
from yungu.kernel.errors import Unavailable
from yungu.kernel.events import Fact
from yungu.scenarios import matching

log = logging.getLogger("yungu.matcher")
_LOOK_EVERY_SECONDS = 60.0
_AFTER_FAILURE_SECONDS = 30.0
_LEARN_EVERY_SECONDS = 3600.0
_TEXTS_AT_ONCE = 64
_OFFERS_AT_ONCE = 8
_AWAY_SECONDS = 30.0
"""For so long a model that did not answer is not asked again."""
CHANGES = ("OpportunityPublished", "CapabilityPublished", "ItemEdited", "ItemPromoted")
"""After these there may be texts without a vector."""
DEPLOYMENTS = ("ModelDeployed", "DeploymentChanged", "DeploymentRemoved")
"""After these another model may answer."""


async def run(site: Site, pulse: Pulse) -> None:
    """Until cancelled. A hub without scenarios loads nothing for it."""
    clock = asyncio.get_running_loop().time
    matcher, seen, learnt_at = Matcher(site), -1, clock()
    while True:
        if clock() - learnt_at >= _LEARN_EVERY_SECONDS:
            learnt_at = clock()
            await _guarded(matcher.learn)
        is_more = await _guarded(matcher.step)
        if is_more is None:
            await asyncio.sleep(_AFTER_FAILURE_SECONDS)
        elif not is_more:
            seen = await pulse.wait(seen, at_most_seconds=_LOOK_EVERY_SECONDS)


async def work_out_market(site: Site, course: Course) -> dict[str, Any]:
    """The task of the queue in which a draft for the whole market is worked out."""
    markets = await course.in_thread(lambda: site.markets)
    must_stop = lambda: course.is_stopping  # noqa: E731
    return await course.in_thread(matching.work_out, site.db, markets, course.job, course.tell, must_stop)


class _TextsFirst(Exception):
    """What was told has come since the texts were looked at."""


class Matcher:
    """What is left to do, in pieces."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._may_lack_vectors = True
        self._away_until = 0.0
        self._newest = 0

    def step(self) -> bool:
        """One piece; whether there may be more. New texts get their vectors before anybody is proposed by them, unless
        the model is away."""
        db = self._site.db
        with db.read() as session:
            self._newest = events.newest_id(session)
        if events.listen(db, "matching-texts", _nothing, kinds=CHANGES):
            self._may_lack_vectors = True
        if events.listen(db, "matching-models", _nothing, kinds=DEPLOYMENTS):
            self._look_at_model()
        if self._may_lack_vectors and self._is_any() and self._embed():
            return True
        try:
            told = events.listen(db, "matching", self._follow, kinds=matching.FOLLOWED)
            offered = events.listen(
                db, "matching-offers", self._follow_offers, kinds=matching.OFFERS_FOLLOWED, limit=_OFFERS_AT_ONCE
            )
        except _TextsFirst:
            return True
        return told + offered > 0

    def learn(self) -> bool:
        with self._site.db.write() as session:
            return self._is_any() and matching.relearn_due(session)

    def _follow(self, session: Session, facts: Sequence[Fact]) -> None:
        self._check_texts(facts)
        matching.follow(self._site.markets, session, facts)

    def _follow_offers(self, session: Session, facts: Sequence[Fact]) -> None:
        self._check_texts(facts)
        matching.follow_offers(self._site.markets, session, facts)

    def _check_texts(self, facts: Sequence[Fact]) -> None:
        """Raises _TextsFirst."""
        if facts[-1].id > self._newest:
            raise _TextsFirst

    def _look_at_model(self) -> None:
        if not self._is_any():
            return
        from yungu.app.embedder import Deployed

        if isinstance(self._site.markets.embedder, Deployed):
            self._site.markets.embedder.look()
            self._may_lack_vectors, self._away_until = True, 0.0

    def _embed(self) -> bool:
        """A few texts; whether there may be more. A model that is away is asked again later."""
        if time.monotonic() < self._away_until:
            return False
        try:
            self._may_lack_vectors = self._site.markets.embed(self._site.db, limit=_TEXTS_AT_ONCE) == _TEXTS_AT_ONCE
        except Unavailable as error:
            log.warning("%s", error)
            self._away_until = time.monotonic() + _AWAY_SECONDS
            return False
        return self._may_lack_vectors

    def _is_any(self) -> bool:
        with self._site.db.read() as session:
            return bool(events.read_after(session, events.START, limit=1, kinds=CHANGES))


def _nothing(*_: object) -> None:
    """The facts are only waited for."""


async def _guarded(work: Callable[[], bool]) -> bool | None:
    try:
        return await asyncio.to_thread(work)
    except Exception:  # a failing chore must not end the chores
        log.exception("matching has fallen behind")
        return None
