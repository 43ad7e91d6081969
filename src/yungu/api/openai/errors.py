"""How the OpenAI dialect says no: the statuses, types and codes by which its clients raise their own errors.

Clients repeat requests on 409, 429 and 5xx by themselves; ``x-should-retry: false`` keeps them from it where the next
answer would be the same."""

from __future__ import annotations

import re

import msgspec
from starlette.responses import Response

from yungu import accounts, compute, credits
from yungu.api.http import Call, json_response
from yungu.api.http.app import MethodNotAllowed, RouteNotFound
from yungu.api.http.rates import TooManyRequests
from yungu.api.http.uploads import BodyTooLarge
from yungu.api.openai.wire import Error, ErrorBody
from yungu.compute.errors import CallInvalid, CallRepeated
from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable, YunguError

_INVALID = "invalid_request_error"
_KINDS: tuple[tuple[type[YunguError], int, str, str | None], ...] = (
    (accounts.TokenInvalid, 401, _INVALID, "invalid_api_key"),
    (accounts.SignInRequired, 401, _INVALID, "missing_api_key"),
    (compute.DeploymentNotFound, 404, _INVALID, "model_not_found"),
    (compute.DeploymentOff, 503, "server_error", "model_off"),
    (credits.CreditsShort, 429, "insufficient_quota", "insufficient_quota"),
    (CallRepeated, 409, _INVALID, "request_id_used"),
    (compute.CallTooLong, 504, "server_error", "timeout"),
    (compute.ReplicaStalled, 504, "server_error", "timeout"),
    (compute.ReplicaFailed, 502, "server_error", "model_failed"),
    (BodyTooLarge, 413, _INVALID, "body_too_large"),
    (MethodNotAllowed, 405, _INVALID, "method_not_supported"),
    (RouteNotFound, 404, _INVALID, "unknown_url"),
    (TooManyRequests, 429, "rate_limit_exceeded", "rate_limit_exceeded"),
    (NotFound, 404, _INVALID, "not_found"),
    (Denied, 403, "permission_error", "permission_denied"),
    (Conflict, 409, _INVALID, "conflict"),
    (Exhausted, 429, "rate_limit_exceeded", "overloaded"),
    (Unavailable, 503, "server_error", "unavailable"),
    (Invalid, 400, _INVALID, None),
)
_UNKNOWN = (500, "server_error", "internal_error")
_NUMBER = re.compile(r"[0-9a-f]{12}")
_FINAL = (credits.CreditsShort, CallRepeated, compute.DeploymentOff)


class ServerRefused(compute.ReplicaFailed):
    """A model server said no: ``status`` and ``error`` are what the client gets to see of it."""

    def __init__(self, status: int, error: Error) -> None:
        super().__init__(error.message)
        self.status, self.error = status, error


def render_error(_call: Call, error: YunguError) -> Response:
    """The answer for a refusal."""
    status, body = describe(error)
    headers = {"x-should-retry": "false"} if isinstance(error, _FINAL) else {}
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    if isinstance(error, CallRepeated) and error.call_id is not None:
        headers["x-yungu-call"] = str(error.call_id)
    return json_response(ErrorBody(body), status, headers)


def describe(error: YunguError) -> tuple[int, Error]:
    """The status of a refusal, and the error object of its body."""
    if isinstance(error, ServerRefused):
        return error.status, error.error
    found = next(((status, kind, code) for cls, status, kind, code in _KINDS if isinstance(error, cls)), _UNKNOWN)
    status, kind, code = found
    return status, Error(_message(error), kind, _param(error), code)


def refusal(status: int, body: bytes) -> ServerRefused:
    """What a client gets to see when the model server said no. What is wrong with the request is passed on; what is
    wrong between the hub and the server is not the client's."""
    said = _said(body)
    if status in (400, 404, 413, 415, 422):
        status = 400 if status == 404 else status
        return ServerRefused(status, said)
    if status == 429:
        return ServerRefused(429, Error(said.message, "rate_limit_exceeded", None, "rate_limit_exceeded"))
    status = 503 if status == 503 else 502
    return ServerRefused(status, Error(failure(body), "server_error", None, "model_failed"))


def failure(body: bytes) -> str:
    """What is said of a model that failed: the number of the error, where ours gave one, and nothing of an error that
    is not the client's."""
    try:
        found = msgspec.json.decode(body, type=_Said).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = None
    number = found.get("id") if isinstance(found, dict) and found.get("code") == "model_failed" else None
    if isinstance(number, str) and _NUMBER.fullmatch(number):
        return f"The model failed on this call (error {number}). Its owner finds the reason in the log of the model."
    return "The model server refused the call."


class _Said(msgspec.Struct):
    """OpenAI's shape, and those of servers that put a sentence there."""

    error: dict[str, object] | str | None = None
    message: str | None = None
    detail: object = None


def _said(body: bytes) -> Error:
    try:
        found = msgspec.json.decode(body, type=_Said)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Error("The model server refused the call.", _INVALID)
    inner = found.error if isinstance(found.error, dict) else {}
    message = inner.get("message") or (found.error if isinstance(found.error, str) else found.message or found.detail)
    param = inner.get("param")
    code = inner.get("code")
    text = str(message or "The model server refused the call.")[:2000]
    return Error(text, _INVALID, param if isinstance(param, str) else None, code if isinstance(code, str) else None)


def _message(error: YunguError) -> str:
    if isinstance(error, credits.CreditsShort):
        short = credits.credits_text(error.needed), credits.credits_text(error.available)
        return (
            f"This call can cost up to {short[0]} credits, and {short[1]} can be spent on it. "
            "Lower max_tokens, or ask for a voucher."
        )
    return f"{error.message} {error.hint}".strip()


def _param(error: YunguError) -> str | None:
    if isinstance(error, CallInvalid):
        return error.param
    return "model" if isinstance(error, compute.DeploymentNotFound) else None
