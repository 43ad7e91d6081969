from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import openai
import pytest

from support.servers import LiveHub
from support.upstream import Upstream, upstream
from yungu import compute, credits
from yungu.compute import CallLimits, CallRecord, Deployment, Prices

PRICES = Prices(request=100, prompt_million=1_000_000, completion_million=2_000_000)


@dataclass
class Desk:
    """A caller with a voucher, and a model that somebody else has deployed."""

    live: LiveHub
    server: Upstream
    name: str
    user: str
    deployment: Deployment
    token: str
    clients: list[openai.OpenAI] = field(default_factory=list)

    def client(self, token: str | None = None, **options: Any) -> openai.OpenAI:
        made = openai.OpenAI(
            base_url=f"{self.live.url}/v1", api_key=token or self.token, **{"max_retries": 0} | options
        )
        self.clients.append(made)
        return made

    def say(self, client: openai.OpenAI | None = None, **options: Any) -> Any:
        asked = {"model": self.name, "messages": [{"role": "user", "content": "tea?"}]} | options
        return (client or self.client()).chat.completions.create(**asked)

    def grant(self, amount: int, user: str | None = None, **terms: Any) -> credits.Voucher:
        owner = self.live.actor(user or self.user).id
        assert owner is not None
        with self.live.site.db.write() as session:
            key = self.live.fresh_name("v")
            credits.fund_budget(session, key, amount, key=key, by=None)
            terms = {"terms": credits.Terms(**terms)} if terms else {}
            return credits.grant(session, owner, amount, budget=key, key=key, by=None, **terms)

    @property
    def wallet(self) -> credits.Wallet:
        owner = self.live.actor(self.user).id
        assert owner is not None
        with self.live.site.db.read() as session:
            return credits.get_wallet(session, owner)

    @property
    def calls(self) -> list[CallRecord]:
        """What was recorded of the caller, the last first."""
        with self.live.site.db.read() as session:
            return list(compute.list_calls(session, user_id=self.live.actor(self.user).id, limit=100).items)

    def check(self) -> None:
        """Nothing is held, every receipt is what was paid, and the books are sound to the micro-credit."""
        with self.live.site.db.snapshot() as session:
            assert credits.replay(session).differences == []
        assert self.wallet.held == 0


@pytest.fixture(scope="session")
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def desk(live: LiveHub, server: Upstream) -> Iterator[Desk]:
    """A model at ``PRICES`` and a fresh user with a voucher of a credit."""
    server.behave()
    server.chunks = 3
    made = make_desk(live, server, PRICES)
    made.grant(credits.CREDIT)
    limits = live.site.call_limits
    yield made
    live.site.call_limits = limits
    for client in made.clients:
        client.close()


def make_desk(live: LiveHub, server: Upstream, prices: Prices, **options: Any) -> Desk:
    root, user = live.user(is_admin=True), live.user()
    owner = live.user()
    name = f"{owner}/tea"
    with live.site.db.write() as session:
        deployment = compute.deploy_upstream(
            session, live.site.secret, name, live.actor(root), server.url, prices, upstream_model="leaf",
            **{"visibility": "public", "answers": ("chat", "completion", "embedding", "rerank", "predict")} | options,
        )  # fmt: skip
    return Desk(live, server, name, user, deployment, live.token(user, "read"))


def hurry(desk: Desk, **limits: float) -> None:
    desk.live.site.call_limits = CallLimits(**limits)
