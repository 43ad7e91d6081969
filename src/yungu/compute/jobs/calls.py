"""Calls to deployments that a job makes: counted and paid one by one like anybody's, from what is held for the job."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from yungu import accounts, compute
from yungu.compute.backends.upstream import Reply
from yungu.compute.errors import CallInvalid, CallTooLong, ReplicaFailed
from yungu.compute.jobs.course import BudgetSpent, Course
from yungu.compute.models import Asked, CallKind, Deployment, Outcome, Ticket, Usage
from yungu.compute.rules.usage import estimated_tokens
from yungu.kernel.db import Session

_MOST_ANSWER_BYTES = 16 << 20
PATHS: Mapping[CallKind, str] = {
    "chat": "/v1/chat/completions",
    "completion": "/v1/completions",
    "embedding": "/v1/embeddings",
    "rerank": "/v1/rerank",
    "predict": "/predict",
}


class CallRefused(CallInvalid):
    """The model server does not take this request; others may do better."""


@dataclass(slots=True)
class Caller:
    """Makes the calls of one job. ``at_once``: how many at the same time."""

    course: Course
    deployment: Deployment
    at_once: int = 4
    open: dict[str, Ticket] = field(default_factory=dict)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def call(self, kind: CallKind, body: Mapping[str, Any], name: str, keep: Callable[[Any], None]) -> None:
        """Hand the decoded answer to ``keep``, before it is paid: nothing is that was lost. ``name`` tells this call
        from the others of the job.

        Raises BudgetSpent, CallRefused, ReplicaFailed and what `compute.ticket_of` raises."""
        ticket = await self._ticket(kind, body, name)
        outcome: Outcome = "failed"
        usage: Usage | None
        usage, is_told = None, True
        started = time.monotonic()
        try:
            answer = await self._post(ticket, kind, body)
            usage, is_told = _usage(ticket, answer, time.monotonic() - started)
            outcome = "done"
            keep(answer)
        except TimeoutError:
            outcome = "too_long"
            raise CallTooLong(self.course.shop.call_limits.most_seconds) from None
        finally:
            await self.course.in_thread(self._end, ticket, usage, outcome, not is_told)
            self.ended.set()

    async def close(self) -> None:
        """Write down the calls that were to begin when the job was stopped, and were never made."""
        for ticket in list(self.open.values()):
            await self.course.in_thread(self._end, ticket, None, "failed", False)

    async def _ticket(self, kind: CallKind, body: Mapping[str, Any], name: str) -> Ticket:
        """When the budget does not suffice for this call besides those under way, the end of one is waited for."""
        while True:
            self.ended.clear()
            try:
                return await self.course.in_thread(self._begin, kind, body, name)
            except BudgetSpent:
                if not self.open:
                    raise
            await self.ended.wait()

    def _begin(self, kind: CallKind, body: Mapping[str, Any], name: str) -> Ticket:
        course, job = self.course, self.course.job
        with self.lock, course.shop.db.read() as session:
            asked = Asked(
                kind=kind,
                size_bytes=len(msgspec.json.encode(body)),
                request_id=f"job-{job.id}-{job.attempts}-{name}",
                most_tokens=_most_tokens(kind, body),
                choices=body.get("n") or 1,
                organization=_payer_name(session, course),
            )
            limits = course.shop.call_limits
            ticket = compute.ticket_of(session, self.deployment, _asker(session, course), asked, limits)
            most = _most(ticket)
            if most and sum(map(_most, self.open.values())) + most > course.left_amount:
                raise BudgetSpent
            self.open[ticket.asked.request_id] = ticket
        return ticket

    async def _post(self, ticket: Ticket, kind: CallKind, body: Mapping[str, Any]) -> Any:
        shop = self.course.shop
        async with asyncio.timeout(shop.call_limits.most_seconds), shop.pool.reach(self.deployment) as target:
            fields = {**body, "model": target.model, "stream": False}
            sent = msgspec.json.encode(body if kind == "predict" else fields)
            stall = shop.call_limits.stall_seconds
            begun = list[Reply]()
            try:
                reply = await shop.servers.post(target, PATHS[kind], sent, stall_seconds=stall, asked=begun.append)
                data = await reply.read_all(_MOST_ANSWER_BYTES)
            except asyncio.CancelledError:
                for reply in begun:
                    reply.abort(ReplicaFailed("Nobody waits for the answer any more."))
                raise
        if 400 <= reply.status < 500 and reply.status != 429:
            raise CallRefused(f"The model server answered {reply.status}: {data[:300].decode('utf-8', 'replace')}")
        if reply.status != 200:
            raise ReplicaFailed(f"The model server answered {reply.status}.")
        try:
            return msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ReplicaFailed("The model server answered with something that is not JSON.") from error

    def _end(self, ticket: Ticket, usage: Usage | None, outcome: Outcome, is_estimated: bool) -> None:
        with self.lock, self.course.shop.db.write() as session:
            hold_id = self.course.job.hold_id
            record = compute.end_job_call(session, ticket, usage, outcome, hold_id, is_estimated=is_estimated)
        with self.lock:  # once it is committed
            self.course.calls_amount += record.amount
            del self.open[ticket.asked.request_id]


def _most(ticket: Ticket) -> int:
    """What a call can cost, in micro-credits."""
    return compute.cost(ticket.deployment.prices, ticket.most)


def _asker(session: Session, course: Course) -> accounts.Actor:
    created_by = course.job.created_by
    assert created_by is not None
    return accounts.actor_for_user(session, accounts.get_owner_by_id(session, created_by))


def _payer_name(session: Session, course: Course) -> str | None:
    job = course.job
    return None if job.owner_id == job.created_by else accounts.get_owner_by_id(session, job.owner_id).name


def _most_tokens(kind: CallKind, body: Mapping[str, Any]) -> int | None:
    if kind not in ("chat", "completion"):
        return None
    found = body.get("max_completion_tokens") or body.get("max_tokens")
    return found if isinstance(found, int) else None


def _usage(ticket: Ticket, answer: Any, seconds: float) -> tuple[Usage, bool]:
    """What the server says that it used, at most what is held; and whether it said so."""
    told = answer.get("usage") if isinstance(answer, dict) else None
    if not isinstance(told, dict):
        return Usage(estimated_tokens(ticket.asked.size_bytes), 0, seconds), False
    prompt, written = (max(0, int(told.get(f"{name}_tokens") or 0)) for name in ("prompt", "completion"))
    most = ticket.most
    return Usage(min(prompt, most.prompt_tokens), min(written, most.completion_tokens), seconds), True
