"""One call, from the hold to its settlement: nothing is written while it runs, and it is settled however it ends.

A call is held in a transaction of its own, then bytes flow with no session, then it is settled in another one: before
the last byte of the answer is sent, so that whoever has an answer finds it on the receipt."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yungu import compute, credits
from yungu.api.http import Call, Site
from yungu.api.http.presence import when_left
from yungu.api.openai.errors import describe, refusal
from yungu.api.openai.frames import FrameBroken, Frames, Names, names_to_change, renamed
from yungu.api.openai.wire import ErrorBody, Request, ServerUsage, read_whole
from yungu.compute import Asked, CallRecord, Outcome, Target, Ticket, Usage
from yungu.compute.backends import Pool
from yungu.compute.backends.upstream import Reply, Unreached
from yungu.kernel.db import Session
from yungu.kernel.errors import YunguError

log = logging.getLogger("yungu.calls")
_MAX_ANSWER_BYTES = 64 << 20
_MAX_REFUSAL_BYTES = 1 << 20
_CLOSING_SECONDS = 0.5


class ClientLeft(Exception):
    """The client is not there any more, or does not take what it is sent."""


class Metered:
    """A call under way. It begins with credits held and ends, once, by ``end``."""

    def __init__(self, call: Call, request: Request, ticket: Ticket) -> None:
        self.request = request
        self.ticket = ticket
        self.most_seconds = call.site.call_limits.most_seconds
        self.deadline = asyncio.get_running_loop().time() + self.most_seconds
        self.record: CallRecord | None = None
        self._call = call
        self._reply: Reply | None = None
        self._sent_at = 0.0
        self._device_seconds = 0.0
        self._is_ended = self._has_left = False
        self._stop_watching = when_left(call, self._hang_up)

    def _hang_up(self) -> None:
        self._has_left = True
        if self._reply is not None:
            self._reply.abort(ClientLeft())

    def _watch(self, reply: Reply) -> None:
        self._reply = reply
        if self._has_left:
            reply.abort(ClientLeft())

    def reach(self) -> AbstractAsyncContextManager[Target]:
        """A model server that may be asked."""
        return pool(self._call.site).reach(self.ticket.deployment)

    async def send(self, target: Target, path: str) -> Reply:
        """Let the model server answer. Raises Unreached, ReplicaFailed, ReplicaStalled, ClientLeft,
        AddressForbidden, and ServerRefused for any answer but 200."""
        site, body = self._call.site, self.request.body_for(target.model, self.ticket.most_tokens)
        self._sent_at = time.monotonic()
        stall_seconds = site.call_limits.stall_seconds
        reply = await site.servers.post(target, path, body, stall_seconds=stall_seconds, asked=self._watch)
        if reply.status != 200:
            refused = refusal(reply.status, await reply.read_all(_MAX_REFUSAL_BYTES))
            if refused.status >= 500:
                log.warning("request %s: %s: %s", self.ticket.asked.request_id, target.model, refused.message)
            raise refused
        return reply

    def stop_clock(self) -> None:
        """The model server has nothing more to do."""
        self._device_seconds = time.monotonic() - self._sent_at if self._sent_at else 0.0

    async def end(self, outcome: Outcome, told: ServerUsage | None, tokens: int) -> None:
        """Settle. ``told``: what the server counted; ``tokens``: what was counted here. Does nothing after the first
        time."""
        if self._is_ended:
            return
        self._is_ended = True
        self._stop_watching()
        if not self._device_seconds:
            self.stop_clock()
        usage = self._usage(outcome, told, tokens)
        settle = partial(compute.end_call, ticket=self.ticket, usage=usage, outcome=outcome, is_estimated=told is None)
        try:
            self.record = await self._call.note(settle)
        except credits.HoldEnded:
            log.warning("request %s ended after its hold", self.ticket.asked.request_id)

    def _usage(self, outcome: Outcome, told: ServerUsage | None, tokens: int) -> Usage | None:
        """What is charged: never more than was held for, and of what did not reach the client nothing, but for the
        request and the time of one who left."""
        most, seconds = self.ticket.most, self._device_seconds
        if outcome != "done" and not tokens:
            return Usage(device_seconds=seconds) if outcome == "left" and self._reply else None
        prompt = told.prompt_tokens if told else compute.estimated_tokens(self.request.size_bytes)
        written = tokens if told is None or told.completion_tokens is None else told.completion_tokens
        return Usage(
            prompt_tokens=max(0, min(prompt, most.prompt_tokens)),
            completion_tokens=max(0, min(written, most.completion_tokens)),
            device_seconds=seconds,
        )


async def answer(call: Call, request: Request, ticket: Ticket, path: str) -> Response:
    """The model server's answer to a call that may begin, in whatever form the client wants it."""
    metered = Metered(call, request, ticket)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(metered.end, "failed", None, 0)
        try:
            async with asyncio.timeout_at(metered.deadline):
                try:
                    target, reply = await _ask(metered, path, stack)
                except Unreached:  # a replica that has just died is replaced now that it is known
                    target, reply = await _ask(metered, path, stack)
                names = names_to_change(target.model, ticket.deployment.name)
                if request.is_stream:
                    return StreamAnswer(metered, reply, names, stack.pop_all())
                return await _whole(metered, reply, names)
        except TimeoutError:
            await metered.end("too_long", None, 0)
            raise compute.CallTooLong(metered.most_seconds) from None
        except compute.ReplicaStalled:
            await metered.end("stalled", None, 0)
            raise
        except ClientLeft:
            await metered.end("left", None, 0)
            return Response(status_code=499)


async def _ask(metered: Metered, path: str, stack: AsyncExitStack) -> tuple[Target, Reply]:
    """Who answers, kept for it until ``stack`` ends. Raises what `Metered.send` raises."""
    async with AsyncExitStack() as asked:
        target = await asked.enter_async_context(metered.reach())
        reply = await metered.send(target, path)
        stack.push_async_exit(asked.pop_all())
    return target, reply


async def _whole(metered: Metered, reply: Reply, names: Names) -> Response:
    body = await reply.read_all(_MAX_ANSWER_BYTES)
    metered.stop_clock()
    try:
        said = read_whole(metered.request.kind, body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FrameBroken from error
    written = sum(choice.size_bytes for choice in said.choices or ())
    await metered.end("done", said.usage, compute.estimated_tokens(written))
    return Response(renamed(body, names), headers=_receipt(metered), media_type="application/json")


def _receipt(metered: Metered) -> Mapping[str, str]:
    """What the call did cost, in credits, and its number."""
    record = metered.record
    if record is None:
        return {}
    return {"x-yungu-call": str(record.id), "x-yungu-cost": credits.credits_text(record.amount)}


class StreamAnswer(Response):
    """Frames as they come. Its first bytes are sent when the model server has begun, its last when all is settled."""

    def __init__(self, metered: Metered, reply: Reply, names: Names, stack: AsyncExitStack) -> None:
        super().__init__(status_code=200, media_type="text/event-stream", headers={"cache-control": "no-cache"})
        del self.headers["content-length"]
        self._metered = metered
        self._reply = reply
        self._frames = Frames(wants_usage=metered.request.wants_usage, names=names)
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        outcome: Outcome = "failed"
        async with self._stack:
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                outcome, last = await self._flow(send)
            finally:
                await self._metered.end(outcome, self._frames.usage, self._frames.tokens)
            await send({"type": "http.response.body", "body": last})

    async def _flow(self, send: Send) -> tuple[Outcome, bytes]:
        """How it ended, and the last bytes."""
        try:
            async with asyncio.timeout_at(self._metered.deadline):
                await self._pass_on(send)
            return "done", self._frames.close()
        except TimeoutError:
            self._reply.abort(ClientLeft())
            return "too_long", _last_words(compute.CallTooLong(self._metered.most_seconds))
        except ClientLeft:
            return "left", b""
        except compute.ReplicaStalled as error:
            return "stalled", _last_words(error)
        except compute.ReplicaFailed as error:
            return "failed", _last_words(error)
        except Exception:  # the headers have left: what breaks now is told in the stream
            number = self._metered.ticket.asked.request_id
            log.exception("request %s broke in its stream", number)
            return "failed", _last_words(compute.ReplicaFailed(f"Something went wrong. Request id: {number}"))
        finally:
            self._metered.stop_clock()

    async def _pass_on(self, send: Send) -> None:
        frames, reply = self._frames, self._reply
        while part := await reply.read():
            passed = frames.feed(part)
            if passed:
                await send({"type": "http.response.body", "body": passed, "more_body": True})
            if frames.failure is not None:
                reply.abort(frames.failure)
                raise frames.failure
            if frames.is_done:
                await reply.finish(_CLOSING_SECONDS)
                return


def _last_words(error: YunguError) -> bytes:
    """A frame by which clients raise an error in the middle of a stream."""
    return b"data: " + msgspec.json.encode(ErrorBody(describe(error)[1])) + b"\n\n"


def pool(site: Site) -> Pool:
    assert site.pool is not None, "a hub that answers calls was built with a pool"
    return site.pool


async def begin(call: Call, request: Request, asked: Asked) -> Ticket:
    """Find out who calls what, and hold what it can cost.

    Raises TokenInvalid, SignInRequired, DeploymentNotFound, DeploymentOff, and what `compute.begin_call` raises."""

    def hold(session: Session) -> Ticket:
        actor = call.actor(session)
        deployment = compute.callable_deployment(session, request.model, actor)
        return compute.begin_call(session, deployment, actor, asked, call.site.call_limits)

    return await call.note(hold, lasts=False)
