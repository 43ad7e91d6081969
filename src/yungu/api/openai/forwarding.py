"""From a request to the answer of a model server, for every address that is metered."""

from __future__ import annotations

import re

from starlette.responses import Response

from yungu import compute
from yungu.api.http import Call
from yungu.api.http.app import read_body
from yungu.api.openai import metering, wire
from yungu.compute import CallKind

MAX_BODY = 32 << 20
_UNSAFE = re.compile(r"[^A-Za-z0-9._:@/+-]")


async def forward(call: Call, kind: CallKind, path: str, model: str | None = None) -> Response:
    """Let a model server answer at ``path``. ``model``: where the address names it."""
    return await answer(call, wire.read_request(kind, await read_body(call, MAX_BODY), model), path)


async def answer(call: Call, request: wire.Request, path: str) -> Response:
    """The same for a request that was read already."""
    asked = request.asked(_request_id(call), _organization(call))
    ticket = await metering.begin(call, request, asked)
    return await metering.answer(call, request, ticket, path)


def _request_id(call: Call) -> str:
    """Of the client's choice, under which a call is paid once; else a fresh one."""
    given = call.headers.get("idempotency-key") or call.headers.get("x-request-id")
    if not given:
        return call.number
    if len(given) > 100 or _UNSAFE.search(given):
        raise compute.CallInvalid("A request id has 1 to 100 of the characters A-Z a-z 0-9 . _ : @ / + -")
    return given


def _organization(call: Call) -> str | None:
    """Who pays besides the caller, as OpenAI's clients and Hugging Face's (``bill_to``) name it."""
    return call.headers.get("openai-organization") or call.headers.get("x-hf-bill-to")
