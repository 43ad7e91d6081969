"""The dialect of the ModelScope clients, both generations: `modelscope` up to 1.37 (cookies), then `modelscope-hub`.

Two APIs in one: ``/api/v1`` with the envelope ``{Code, Success, Message, RequestId, Data}``, and ``/openapi/v1`` with
``{success, data, request_id}``. Whoever may not read a repo is told that there is none."""

from yungu.api.modelscope import (
    archives,
    collections,
    commits,
    files,
    open_api,
    people,
    registries,
    repos,
    revisions,
    skills,
    small_files,
    studios,
    uploads,
)
from yungu.api.modelscope.errors import render_legacy_error, render_open_error
from yungu.api.modelscope.routes import legacy, open_routes

__all__ = [
    "archives",
    "collections",
    "commits",
    "files",
    "legacy",
    "open_api",
    "open_routes",
    "people",
    "registries",
    "render_legacy_error",
    "render_open_error",
    "repos",
    "revisions",
    "skills",
    "small_files",
    "studios",
    "uploads",
]
