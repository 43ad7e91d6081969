"""How the git dialect says no: a line of text for git, a JSON message for git-lfs.

git sends credentials only after a 401, so a visitor who sent none gets one for every repo that is not public, there or
not. Whoever has shown who they are gets the plain answer."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from yungu.accounts import SignInRequired
from yungu.api.http import Call
from yungu.api.http.call import BodyInvalid, header_text
from yungu.api.http.rates import TooManyRequests
from yungu.api.http.uploads import BodyTooLarge, BodyTruncated
from yungu.hub import RepoGated, RepoNotFound
from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable, YunguError
from yungu.storage.errors import StorageFull

LFS_JSON = "application/vnd.git-lfs+json"
_BASIC = 'Basic realm="yungu", charset="UTF-8"'
_STATUSES: tuple[tuple[type[YunguError], int], ...] = (
    (BodyTooLarge, 413),
    (BodyTruncated, 400),
    (BodyInvalid, 400),
    (StorageFull, 507),
    (SignInRequired, 401),
    (Denied, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooManyRequests, 429),
    (Exhausted, 413),
    (Unavailable, 503),
)
_HUB_CODES = {RepoNotFound: "RepoNotFound", RepoGated: "GatedRepo"}
"""Hugging Face clients speak to our git-lfs server too, and tell errors apart by the header ``X-Error-Code``."""


class LfsError(msgspec.Struct, omit_defaults=True):
    """https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md#response-errors"""

    message: str
    request_id: str = ""


def render_error(call: Call, error: YunguError) -> Response:
    """git shows the lines of a plain text answer as words of the remote."""
    status = _status(call, error, invalid=400)
    headers = {"www-authenticate": _BASIC} if status == 401 else None
    return Response(f"{_text(error)}\n", status, headers, media_type="text/plain")


def render_lfs_error(call: Call, error: YunguError) -> Response:
    status = _status(call, error, invalid=422)
    headers = {"x-error-message": header_text(error.message)}
    if status == 401:
        headers |= {"www-authenticate": _BASIC, "lfs-authenticate": _BASIC}
    if type(error) in _HUB_CODES:
        headers["x-error-code"] = _HUB_CODES[type(error)]
    body = LfsError(_text(error, " "), call.headers.get("x-request-id", ""))
    return lfs_response(body, status, headers)


def lfs_response(value: msgspec.Struct, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, media_type=LFS_JSON)


def _status(call: Call, error: YunguError, *, invalid: int) -> int:
    if isinstance(error, RepoNotFound | RepoGated) and "authorization" not in call.headers:
        return 401
    kinds: tuple[tuple[type[YunguError], int], ...] = (*_STATUSES, (Invalid, invalid))
    return next((status for kind, status in kinds if isinstance(error, kind)), 500)


def _text(error: YunguError, between: str = "\n") -> str:
    return f"{error.message}{between}{error.hint}" if error.hint else error.message
