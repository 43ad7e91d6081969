"""Vectors from a model that is deployed on this hub: asked from within, counted and paid like any call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any
from uuid import uuid4

import msgspec

from yungu import accounts, compute
from yungu.compute import Asked, CallLimits, Deployment, Outcome, Ticket, Usage
from yungu.compute.backends import Pool
from yungu.compute.backends.upstream import Servers
from yungu.kernel.db import Database, Session
from yungu.kernel.errors import YunguError
from yungu.scenarios.matching.endpoint import EmbedderAway, read_rows

_PATH = "/v1/embeddings"
_MOST_ANSWER_BYTES = 16 << 20
_MOST_VERSION = 12
_MOST_MODEL = 200


class Deployed:
    """``name``: of the deployment; ``payer``: the user in whose name it is asked and who pays for it, "": whoever
    deployed it, on the account that it belongs to; ``loop``: gives the loop that replicas live in, None while the hub
    does not run."""

    def __init__(
        self,
        name: str,
        *,
        database: Database,
        pool: Pool,
        servers: Servers,
        limits: CallLimits,
        loop: Callable[[], asyncio.AbstractEventLoop | None],
        payer: str = "",
    ) -> None:
        self.name = name
        self._db, self._pool, self._servers, self._limits = database, pool, servers, limits
        self._loop, self._payer = loop, payer
        self._model = name
        self.look()

    @property
    def model(self) -> str:
        """With the commit that is served: vectors of another one are never compared with its."""
        return self._model

    def look(self) -> None:
        """Find out which commit is served now. For whoever hears that deployments have changed."""
        with self._db.read() as session:
            found = compute.find_deployment(session, self.name)
        self._model = _named(found) if found else self.name

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """From any thread but the loop's own. Raises EmbedderAway."""
        loop = self._loop()
        if loop is None:
            raise EmbedderAway(f"{self.name} can be asked only while the hub runs.")
        doing = asyncio.run_coroutine_threadsafe(self._asked(texts), loop)
        try:
            return doing.result(self._limits.most_seconds + 10)
        except (CancelledError, TimeoutError) as error:
            doing.cancel()
            raise EmbedderAway(f"{self.name} did not answer in time.") from error
        except YunguError as error:
            raise EmbedderAway(f"{self.name} gives no embeddings: {error.message}") from error

    async def _asked(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        body = {"model": self.name, "input": list(texts)}
        ticket = await asyncio.to_thread(self._begin, msgspec.json.encode(body))
        outcome: Outcome = "failed"
        usage: Usage | None = None
        started = time.monotonic()
        try:
            answer = await self._post(ticket, body)
            found = read_rows(answer, len(texts))
            usage, outcome = _usage(ticket, answer, time.monotonic() - started), "done"
            return found
        finally:
            await asyncio.to_thread(self._end, ticket, usage, outcome)

    async def _post(self, ticket: Ticket, body: dict[str, Any]) -> Any:
        stall = self._limits.stall_seconds
        async with asyncio.timeout(self._limits.most_seconds), self._pool.reach(ticket.deployment) as target:
            sent = msgspec.json.encode(body | {"model": target.model})
            reply = await self._servers.post(target, _PATH, sent, stall_seconds=stall, asked=lambda _reply: None)
            data = await reply.read_all(_MOST_ANSWER_BYTES)
        if reply.status != 200:
            raise EmbedderAway(f"{self.name} answered {reply.status}.")
        try:
            return msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise EmbedderAway(f"{self.name} answered with something that is not JSON.") from error

    def _begin(self, body: bytes) -> Ticket:
        with self._db.write() as session:
            actor, organization = self._asker(session)
            deployment = compute.callable_deployment(session, self.name, actor)
            asked = Asked("embedding", len(body), f"scenarios-{uuid4().hex}", organization=organization)
            return compute.begin_call(session, deployment, actor, asked, self._limits)

    def _end(self, ticket: Ticket, usage: Usage | None, outcome: Outcome) -> None:
        with self._db.write() as session:
            compute.end_call(session, ticket, usage, outcome, is_estimated=False)

    def _asker(self, session: Session) -> tuple[accounts.Actor, str | None]:
        """Who asks, and the organization that pays, None: the asker."""
        if self._payer:
            return accounts.actor_for_user(session, accounts.get_user(session, self._payer)), None
        found = compute.find_deployment(session, self.name)
        if found is None or found.created_by is None:
            raise compute.DeploymentNotFound(self.name)
        asker = accounts.actor_for_user(session, accounts.get_owner_by_id(session, found.created_by))
        owner = accounts.get_owner_by_id(session, found.owner_id)
        return asker, None if owner.id == asker.id else owner.name


def _named(found: Deployment) -> str:
    version = (found.commit or found.upstream_model)[:_MOST_VERSION]
    return f"{found.name[: _MOST_MODEL - _MOST_VERSION - 1]}@{version}"


def _usage(ticket: Ticket, answer: Any, seconds: float) -> Usage:
    """What the server says that it has read, at most what is held; where it says nothing, what the texts may be."""
    told = answer.get("usage")
    counted = told.get("prompt_tokens") if isinstance(told, dict) else None
    tokens = counted if isinstance(counted, int) else compute.estimated_tokens(ticket.asked.size_bytes)
    return Usage(max(0, min(tokens, ticket.most.prompt_tokens)), 0, seconds)
