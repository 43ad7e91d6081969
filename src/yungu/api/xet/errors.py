"""How the xet dialect says no: JSON, and statuses by which the client decides whether to try again.

The client repeats 5xx for minutes, 4xx ends an upload at once; so a full disk is told as 413: waiting does not help."""

from __future__ import annotations

from starlette.responses import Response

from yungu.accounts import SignInRequired
from yungu.api.http import Call, json_response
from yungu.api.http.rates import TooManyRequests
from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable, YunguError
from yungu.storage.errors import StorageFull
from yungu.storage.xet import RangeNotSatisfiable


class XetTokenInvalid(SignInRequired):
    """The Xet token is missing, forged or expired."""


class ScopeTooSmall(Denied):
    """The Xet token only reads."""

    def __init__(self) -> None:
        super().__init__("This needs a Xet token with write scope.")


class RangeNotSigned(Denied):
    """The bytes asked for are not among those that the address was signed for."""


class ChunkUnknown(NotFound):
    """No chunk that the asker may know of has this hash."""

    def __init__(self) -> None:
        super().__init__("This chunk is not known.")


class GrantEmpty(NotFound):
    """Nothing was sent for this grant."""


_STATUS: tuple[tuple[type[YunguError], int], ...] = (
    (StorageFull, 413),
    (SignInRequired, 401),
    (RangeNotSatisfiable, 416),
    (Invalid, 400),
    (Denied, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooManyRequests, 429),
    (Exhausted, 413),
    (Unavailable, 503),
)


def status_of(error: YunguError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def is_retryable(error: YunguError) -> bool:
    return status_of(error) >= 500


def render_error(_call: Call, error: YunguError) -> Response:
    """``{"error": message, "hint": ...}`` with the status of the error's kind."""
    body = {"error": error.message} | ({"hint": error.hint} if error.hint else {})
    return json_response(body, status_of(error))
