"""How this dialect says no: ``application/problem+json`` (RFC 9457), the class of the error as its type."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from yungu.accounts import SignInRequired
from yungu.api.http import Call
from yungu.api.http.app import MethodNotAllowed, Unexpected
from yungu.api.http.uploads import BodyTooLarge
from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable, YunguError
from yungu.scenarios import ContentInvalid, Unready, VersionOutdated
from yungu.scenarios.rules import contents

_STATUS: tuple[tuple[type[YunguError], int], ...] = (
    (SignInRequired, 401),
    (MethodNotAllowed, 405),
    (BodyTooLarge, 413),
    (Unexpected, 500),
    (Invalid, 400),
    (NotFound, 404),
    (Denied, 403),
    (Conflict, 409),
    (Exhausted, 429),
    (Unavailable, 503),
)


def render_error(_call: Call, error: YunguError) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    told: dict[str, Any] = {"type": f"about:blank#{type(error).__name__}", "status": status, "title": error.message}
    if error.hint:
        told["detail"] = error.hint
    headers = {"allow": ", ".join(error.allowed)} if isinstance(error, MethodNotAllowed) else {}
    body = msgspec.json.encode(told | _facts(error))
    return Response(body, status, headers, media_type="application/problem+json")


def _facts(error: YunguError) -> dict[str, Any]:
    """What a program needs to go on."""
    match error:
        case VersionOutdated():
            current = contents.pack(error.current)
            return {"version": error.version, "current": current, "differing": list(error.fields)}
        case Unready():
            return {"missing": list(error.codes)}
        case ContentInvalid():
            return {"field": error.field}
        case _:
            return {}
