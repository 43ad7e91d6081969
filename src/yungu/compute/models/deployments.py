"""Deployments: a model of the hub, or of another server, that answers calls at a price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from yungu.kernel.db import BigId, Json, Moment, metadata

Place = Literal["local", "ray", "upstream"]
Wanted = Literal["on", "off"]
Visibility = Literal["public", "internal", "private"]


@dataclass(frozen=True, slots=True)
class Prices:
    """What a call costs, in micro-credits: each request, a million prompt tokens, a million completion tokens, and a
    second that it keeps the device busy."""

    request: int = 0
    prompt_million: int = 0
    completion_million: int = 0
    second: int = 0


NO_PRICES = Prices()


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used. ``device_seconds``: of the time that the runtime worked on it."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    device_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """One callable model. ``name``: what clients put into ``model``, "namespace/name" like the repo that it serves.

    ``repo_id``, ``commit``: what it serves of the hub, None of an upstream; ``runtime``: which runtime serves it, as
    `compute.runtimes` names them; ``answers``: which calls it takes ("chat", "completion", "embedding", "rerank",
    "predict"); ``options``: of the runtime; ``address``, ``upstream_model``: of an upstream server, whose sealed key
    is ``upstream_key``. ``memory_bytes``: what one replica is expected to use. ``idle_seconds``: after which the last
    replica stops, None for never; it starts again with the next call."""

    id: int
    name: str
    owner_id: int
    repo_id: int | None
    commit: str | None
    runtime: str
    place: Place
    answers: tuple[str, ...]
    visibility: Visibility
    wanted: Wanted
    prices: Prices
    context_tokens: int
    memory_bytes: int
    least_replicas: int
    most_replicas: int
    idle_seconds: int | None
    created_by: int | None
    created_at: datetime
    changed_at: datetime
    options: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    upstream_model: str = ""
    upstream_key: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes: ``url`` is the base to which "/v1/chat/completions" and the like are appended, ``headers`` go
    along, ``model`` is what the server there calls the model. ``may_be_private``: whether it may lie in the hub's own
    network."""

    url: str
    headers: Mapping[str, str]
    model: str
    may_be_private: bool = True


deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("key", sa.String(200), nullable=False, unique=True, comment="the name in lower case"),
    sa.Column("owner_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), index=True),
    sa.Column("commit", sa.String(40)),
    sa.Column("runtime", sa.String(64), nullable=False),
    sa.Column("place", sa.String(16), nullable=False),
    sa.Column("answers", Json, nullable=False),
    sa.Column("visibility", sa.String(16), nullable=False),
    sa.Column("wanted", sa.String(8), nullable=False),
    sa.Column("prices", Json, nullable=False),
    sa.Column("context_tokens", sa.Integer, nullable=False),
    sa.Column("memory_bytes", sa.BigInteger, nullable=False),
    sa.Column("least_replicas", sa.Integer, nullable=False),
    sa.Column("most_replicas", sa.Integer, nullable=False),
    sa.Column("idle_seconds", sa.Integer),
    sa.Column("options", Json, nullable=False),
    sa.Column("address", sa.String(500), nullable=False),
    sa.Column("upstream_model", sa.String(200), nullable=False),
    sa.Column("upstream_key", sa.Text, nullable=False, comment="sealed"),
    sa.Column("created_by", BigId),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
)
