"""Addresses of Hugging Face's inference tasks, for clients that are given the address of a model instead of a name:
``InferenceClient("https://hub/models/lin/tea")``. Calls are held, paid and settled like all others."""

from __future__ import annotations

import msgspec
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from yungu import compute, credits
from yungu.api.http import Call, Routes, json_response
from yungu.api.http.app import MethodNotAllowed, read_body
from yungu.api.http.call import header_text
from yungu.api.http.rates import TooManyRequests
from yungu.api.openai import task_wire as wire
from yungu.api.openai.errors import describe
from yungu.api.openai.forwarding import MAX_BODY, answer, forward
from yungu.api.openai.metering import StreamAnswer
from yungu.api.openai.wire import read_request
from yungu.kernel.db import Session
from yungu.kernel.errors import Exhausted, YunguError

_LOADING_SECONDS = 20.0
_ERROR_TYPES = {422: "validation", 429: "overloaded", 502: "generation", 503: "overloaded", 504: "generation"}


def render_error(_call: Call, error: YunguError) -> Response:
    """In the shape of Hugging Face's inference servers, with its statuses: 402 for credits, 422 for what makes no
    sense, 503 with an estimated time for what is not ready."""
    status, said = describe(error)
    if isinstance(error, credits.CreditsShort):
        status = 402
    elif isinstance(error, Exhausted) and not isinstance(error, TooManyRequests):
        status = 503
    status = 422 if status == 400 else status
    body = wire.TaskError(said.message, _ERROR_TYPES.get(status))
    headers = {"x-error-message": header_text(said.message)}
    if status == 503 and not isinstance(error, compute.DeploymentOff):
        body.estimated_time = _LOADING_SECONDS
        headers["retry-after"] = str(int(_LOADING_SECONDS))
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    return json_response(body, status, headers)


task_routes = Routes(on_error=render_error)


@task_routes.post("/models/{owner}/{name}")
async def run(call: Call) -> Response:
    """The task that fits what is sent and what the model answers."""
    return await _run(call, None)


@task_routes.post("/models/{owner}/{name}/pipeline/{task}")
async def run_task(call: Call) -> Response:
    return await _run(call, call.params["task"])


@task_routes.post("/models/{owner}/{name}/v1/chat/completions")
async def chat(call: Call) -> Response:
    return await forward(call, "chat", "/v1/chat/completions", call.repo_id)


@task_routes.get("/models/{owner}/{name}/info")
def info(session: Session, call: Call) -> Response:
    """What can be known of a model before it is called, as far as the client's servers tell it."""
    found = compute.visible_deployment(session, call.repo_id, call.actor(session))
    return json_response({
        "model_id": found.name, "model_sha": found.commit, "max_total_tokens": found.context_tokens,
        "answers": found.answers,
    })  # fmt: skip


@task_routes.get("/models/{owner}/{name}/health")
def health(session: Session, call: Call) -> Response:
    compute.callable_deployment(session, call.repo_id, call.actor(session))
    return Response()


async def _run(call: Call, name: str | None) -> Response:
    body = await read_body(call, MAX_BODY)
    deployment = await call.look(_deployment, call)
    task = wire.read_task(name, body, deployment)
    request = read_request(task.kind, msgspec.json.encode(task.fields), deployment.name)
    given = await answer(call, request, wire.PATHS[task.kind])
    if isinstance(given, StreamAnswer):
        return TokenStream(given, task.echo)
    if given.status_code != 200:
        return given
    headers = {name: value for name, value in given.headers.items() if name.startswith("x-yungu-")}
    return Response(task.said(bytes(given.body)), headers=headers, media_type="application/json")


def _deployment(session: Session, call: Call) -> compute.Deployment:
    return compute.callable_deployment(session, call.repo_id, call.actor(session))


class TokenStream(Response):
    """A stream of completions, in the frames of text-generation-inference."""

    def __init__(self, answer: StreamAnswer, echo: str) -> None:
        super().__init__()
        self.raw_headers = answer.raw_headers
        self._answer, self._tokens = answer, wire.Tokens(echo)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def pass_on(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["body"] = self._tokens.feed(message.get("body", b""))
            await send(message)

        await self._answer(scope, receive, pass_on)
