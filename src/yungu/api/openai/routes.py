"""Addresses of the OpenAI dialect."""

from __future__ import annotations

from starlette.responses import Response

from yungu import accounts, compute
from yungu.api.http import Call, Routes, json_response
from yungu.api.openai import metering, wire
from yungu.api.openai.errors import render_error
from yungu.api.openai.forwarding import MAX_BODY, forward
from yungu.kernel.db import Session

routes = Routes(on_error=render_error)


@routes.post("/v1/chat/completions")
async def chat(call: Call) -> Response:
    return await forward(call, "chat", "/v1/chat/completions")


@routes.post("/v1/completions")
async def completions(call: Call) -> Response:
    return await forward(call, "completion", "/v1/completions")


@routes.post("/v1/embeddings")
async def embeddings(call: Call) -> Response:
    return await forward(call, "embedding", "/v1/embeddings")


@routes.post("/v1/rerank")
async def rerank(call: Call) -> Response:
    return await forward(call, "rerank", "/v1/rerank")


@routes.post("/api/models/{owner}/{name}/predict")
async def predict(call: Call) -> Response:
    return await forward(call, "predict", "/predict", call.repo_id)


@routes.get("/api/models/{owner}/{name}/predict")
async def predict_schema(call: Call) -> Response:
    """What ``POST`` takes and answers, as JSON Schema."""
    deployment = await call.read(_predictor, call)
    async with metering.pool(call.site).reach(deployment) as target:
        reply = await call.site.servers.get(target, "/predict", stall_seconds=call.site.call_limits.stall_seconds)
        body = await reply.read_all(MAX_BODY)
    return Response(body, reply.status, media_type="application/json")


@routes.get("/v1/models")
def list_models(session: Session, call: Call) -> Response:
    found = compute.list_deployments(session, call.actor(session), only_on=True)
    return json_response(wire.ModelList([wire.model_entry(deployment) for deployment in found]))


@routes.get("/v1/models/{model*}")
def model(session: Session, call: Call) -> Response:
    found = compute.visible_deployment(session, call.params["model"], call.actor(session))
    return json_response(wire.model_entry(found))


def _predictor(session: Session, call: Call) -> compute.Deployment:
    found = compute.callable_deployment(session, call.repo_id, call.actor(session))
    if call.known_actor.user is None:
        raise accounts.SignInRequired
    if "predict" not in found.answers:
        raise compute.DeploymentNotFound(found.name)
    return found
