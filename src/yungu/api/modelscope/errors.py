"""How the ModelScope dialect says no: in one of two envelopes, with an HTTP status that agrees with it.

The clients branch on the status, on a few codes, and on words: "exist" for what is there already, "please retry" for a
commit that lost a race."""

from __future__ import annotations

from uuid import uuid4

from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.http import Call, json_response
from yungu.api.http.app import MethodNotAllowed, Unexpected
from yungu.api.http.uploads import BodyTooLarge
from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable, YunguError
from yungu.storage.errors import BytesNotFound, GitObjectMissing, StorageFull

MODEL_EXISTS = 10010101001
DATASET_EXISTS = 10020101001
TOKEN_REFUSED = 10010103009
BRANCH_MOVED = 10030000001


class LoginRefused(Invalid):
    """The token that was to be signed in with is not good; the clients want 400 here, not 401."""

    hint = "Create a token under Settings > Access tokens, and sign in with that."

    def __init__(self) -> None:
        super().__init__("The access token is not valid.")


class CommitTooLong(Invalid):
    """More actions in one commit than the clients may send."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A commit may have at most {limit} actions.", hint="Split it into several commits.")


_QUOTAS = (accounts.QuotaExceeded, hub.LooseFilesTooMany)
"""What waiting does not help against: the clients repeat what is answered with 429."""
_STATUS: tuple[tuple[type[YunguError], int], ...] = (
    *((quota, 403) for quota in _QUOTAS),
    (accounts.SignInRequired, 401),
    (hub.RepoExists, 400),
    (hub.DropMissing, 404),
    (CommitTooLong, 422),
    (hub.CommitTooBig, 422),
    (BodyTooLarge, 413),
    (MethodNotAllowed, 405),
    (StorageFull, 507),
    (BytesNotFound, 500),  # damage: a file that is in the tree, but not on the disk
    (GitObjectMissing, 500),
    (NotFound, 404),
    (Denied, 403),
    (Conflict, 409),
    (accounts.QuotaExceeded, 403),
    (Exhausted, 429),
    (Unavailable, 503),
    (Invalid, 400),
)
_OPEN_CODES = {
    400: "InputParameterError",
    401: "InvalidAuthentication",
    403: "OperationNotAllowed",
    404: "ResourceNotFound",
    405: "InputParameterError",
    409: "DuplicateEntity",
    413: "InputParameterError",
    422: "InputParameterError",
    429: "RateLimitExceed",
    503: "ServiceUnavailable",
    507: "ServiceUnavailable",
}


def status_of(error: YunguError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def render_legacy_error(call: Call, error: YunguError) -> Response:
    """The answer to a refusal under ``/api/v1``."""
    status, request = status_of(error), request_id(call)
    body = {
        "Code": _code(error, status),
        "Success": False,
        "Message": _message(error),
        "RequestId": request,
        "Data": None,
    }
    return json_response(body, status, _headers(error, request))


def render_open_error(call: Call, error: YunguError) -> Response:
    """The answer to a refusal under ``/openapi/v1``."""
    status, request = 409 if isinstance(error, hub.RepoExists) else status_of(error), request_id(call)
    code = "QuotaLimitExceed" if isinstance(error, _QUOTAS) else _OPEN_CODES.get(status, "InternalServerError")
    if isinstance(error, accounts.QuotaExceeded):
        code = "QuotaLimitExceed"
    body = {"success": False, "code": code, "message": _message(error), "request_id": request}
    return json_response(body, status, _headers(error, request))


def request_id(call: Call) -> str:
    """The id that the client gave its request, or a new one."""
    given = call.headers.get("x-request-id", "")
    return given if 0 < len(given) <= 200 and given.isprintable() and given.isascii() else uuid4().hex


def _code(error: YunguError, status: int) -> int:
    match error:
        case hub.RepoExists():
            return DATASET_EXISTS if error.kind == "dataset" else MODEL_EXISTS
        case LoginRefused():
            return TOKEN_REFUSED
        case hub.RefMoved():
            return BRANCH_MOVED
        case _:
            return status


def _message(error: YunguError) -> str:
    text = f"{error.message} {error.hint}".strip()
    return f"The branch changed meanwhile, please retry. {text}" if isinstance(error, hub.RefMoved) else text


def _headers(error: YunguError, request: str) -> dict[str, str]:
    headers = {} if isinstance(error, Unexpected) else {"X-Request-Id": request}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return headers
