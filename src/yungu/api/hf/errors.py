"""How the hf dialect says no: status, ``X-Error-Code`` (the client dispatches on it), ``X-Error-Message``, a body."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.http import Call, json_response
from yungu.api.http.app import MethodNotAllowed, RouteNotFound
from yungu.api.http.call import header_text
from yungu.api.http.uploads import BodyTooLarge
from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable, YunguError
from yungu.storage.errors import StorageFull

_STATUS: tuple[tuple[type[YunguError], int], ...] = (
    (accounts.TokenInvalid, 401),
    (accounts.SignInRequired, 401),
    (hub.DropMissing, 404),
    (hub.RefMoved, 412),
    (hub.PathInvalid, 422),
    (hub.LfsObjectMissing, 422),
    (hub.LfsSizeWrong, 422),
    (BodyTooLarge, 413),
    (hub.CommitTooBig, 413),
    (MethodNotAllowed, 405),
    (StorageFull, 507),
    (NotFound, 404),
    (Denied, 403),
    (Conflict, 409),
    (accounts.QuotaExceeded, 413),
    (Exhausted, 429),
    (Unavailable, 503),
    (Invalid, 400),
)
_CODES: tuple[tuple[type[YunguError], str], ...] = (
    (hub.RepoNotFound, "RepoNotFound"),
    (hub.RevisionNotFound, "RevisionNotFound"),
    (hub.EntryNotFound, "EntryNotFound"),
    (hub.DropMissing, "EntryNotFound"),
    (hub.RepoGated, "GatedRepo"),
)

_MESSAGES: tuple[tuple[type[YunguError], str], ...] = (
    (accounts.TokenInvalid, "Invalid credentials in Authorization header"),
    (hub.RepoNotFound, "Repository not found"),
)
"""Texts that the client compares with or appends to its own."""


class ErrorBody(msgspec.Struct, omit_defaults=True):
    error: str
    hint: str = ""
    url: str = ""
    slug: str = ""


def status_of(error: YunguError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def render_error(call: Call, error: YunguError) -> Response:
    """The answer for a refusal, in the shape that ``hf_raise_for_status`` of the client understands."""
    if isinstance(error, RouteNotFound) and _names_a_repo(call):
        error = hub.RepoNotFound(call.url.path)
    message = next((text for kind, text in _MESSAGES if isinstance(error, kind)), error.message)
    headers = {"X-Error-Message": header_text(message)}
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    if code is not None:
        headers["X-Error-Code"] = code
    if isinstance(error, hub.EntryNotFound):
        headers["X-Repo-Commit"] = error.commit
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    body = ErrorBody(message, error.hint)
    if isinstance(error, hub.RepoExists):
        body.url = repo_url(call, error.kind, error.repo_id)
    if isinstance(error, hub.CollectionExists):
        body.slug = error.slug
    return json_response(body, status_of(error), headers)


def repo_url(call: Call, kind: str, repo_id: str) -> str:
    """The page of a repo, absolute; the client reads the repo's id from it."""
    return f"{call.origin}/{repo_id}" if kind == "model" else f"{call.origin}/{kind}s/{repo_id}"


def _names_a_repo(call: Call) -> bool:
    """Whether an unknown address is an attempt at a repo without a namespace, as in ``/api/models/gpt2``."""
    return call.url.path.startswith(("/api/models/", "/api/datasets/", "/api/spaces/"))
