"""The dialect of the Hugging Face client: `huggingface_hub`, `transformers`, `datasets`, `hf`, and whoever speaks it.

Errors are told by the ``X-Error-Code`` header, pages by absolute ``Link`` headers, revisions are one path segment."""

from yungu.api.hf import (
    collections,
    commits,
    discussions,
    files,
    gates,
    info,
    lfs,
    likes,
    meta,
    people,
    refs,
    repos,
    tags,
    viewer,
    webhooks,
)
from yungu.api.hf.errors import render_error
from yungu.api.hf.routes import routes
from yungu.api.hf.webhooks import describe_to_webhook

__all__ = [
    "collections",
    "commits",
    "describe_to_webhook",
    "discussions",
    "files",
    "gates",
    "info",
    "lfs",
    "likes",
    "meta",
    "people",
    "refs",
    "render_error",
    "repos",
    "routes",
    "tags",
    "viewer",
    "webhooks",
]
