"""A server that is killed in the middle of a stream: nothing is lost, and what was held returns when it is swept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import openai
import pytest

from support.servers import SpawnedServer
from support.upstream import Upstream
from support.world import World
from yungu import compute, credits
from yungu.app.settings import load
from yungu.app.wiring import build_site
from yungu.kernel import clock


def test_killed_in_a_stream_and_sound_afterwards(
    tmp_path: Path, spawn_server: Callable[..., SpawnedServer], server: Upstream
) -> None:
    server.behave("stall")
    server.chunks = 3
    data = tmp_path / "data"
    site = build_site(load({}, data=str(data)))
    world = World(site)
    lin, mei = world.user("lin"), world.user("mei")
    token = world.token("lin", "read")
    boss = replace(mei, user=replace(mei.user, is_admin=True))  # type: ignore[type-var]
    prices = compute.Prices(completion_million=2_000_000)
    options = {"visibility": "public"}
    world.write_in(compute.deploy_upstream, site.secret, "mei/tea", boss, server.url, prices, **options)
    with site.db.write() as session:
        credits.fund_budget(session, "pot", 10**6, key="pot", by=None)
        credits.grant(session, lin.id or 0, 10**6, budget="pot", key="v", by=None)

    running = spawn_server(data)
    client = openai.OpenAI(base_url=f"{running.url}/v1", api_key=token, max_retries=0)
    asked = {"model": "mei/tea", "messages": [{"role": "user", "content": "tea?"}], "max_tokens": 100}
    headers = {"Idempotency-Key": "the-one"}
    stream = client.chat.completions.create(**asked, stream=True, extra_headers=headers)  # type: ignore[call-overload]
    assert next(iter(stream)).choices[0].delta.content == " tea"
    running.kill()
    with pytest.raises((httpx.HTTPError, openai.APIError)):
        list(stream)

    with site.db.read() as session:
        [held] = credits.list_holds(session, lin.id or 0, limit=9).items
        assert held.state == "open" and credits.get_wallet(session, lin.id or 0).held == 200
    credits.tend(site.db, clock.now() + timedelta(hours=1))
    with site.db.snapshot() as session:
        assert credits.replay(session).is_sound and compute.list_wrong_receipts(session) == []
        wallet = credits.get_wallet(session, lin.id or 0)
    assert (wallet.vouchers, wallet.held) == (10**6, 0)

    server.behave()
    again = openai.OpenAI(base_url=f"{spawn_server(data).url}/v1", api_key=token, max_retries=0)
    said = again.chat.completions.create(**asked, extra_headers=headers)  # type: ignore[call-overload]
    assert said.usage.completion_tokens == 3
    with site.db.read() as session:
        assert credits.get_wallet(session, lin.id or 0).vouchers == 10**6 - 6
    site.db.close()
