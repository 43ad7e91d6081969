"""Followers of facts are woken by what somebody follows, and by nothing else."""

from __future__ import annotations

import asyncio

from support.loops import run_async
from support.world import World
from yungu import hub
from yungu.accounts.events import UserCreated
from yungu.app import courier, matcher
from yungu.app.pulse import UNHEARD, Pulse
from yungu.credits.events import CreditsHeld
from yungu.hub import indexing
from yungu.kernel import events
from yungu.scenarios import matching

_FOLLOWED = {
    *courier.KINDS,
    *hub.NOTIFIED,
    *indexing.FOLLOWED,
    *matcher.CHANGES,
    *matcher.DEPLOYMENTS,
    *matching.FOLLOWED,
    *matching.NOTIFIED,
    *matching.OFFERS_FOLLOWED,
}


def test_nobody_follows_what_wakes_nobody() -> None:
    assert not _FOLLOWED & set(UNHEARD)


def test_a_call_of_a_model_wakes_nobody_and_a_new_user_everybody(world: World) -> None:
    def happen(event: events.Event) -> None:
        with world.site.db.write() as session:
            events.record(session, event, actor_id=None)

    async def follow() -> None:
        pulse = Pulse(world.site)
        looking = asyncio.create_task(pulse.run())
        seen = await pulse.wait(-1, at_most_seconds=10)
        happen(CreditsHeld(spender_id=1, amount=1, request_id="tea"))
        assert await pulse.wait(seen, at_most_seconds=0.6) == seen
        happen(UserCreated(user_id=1, name="mei"))
        assert await pulse.wait(seen, at_most_seconds=10) > seen
        looking.cancel()

    run_async(follow())
