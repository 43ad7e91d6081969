"""What calls used: one row each, and what a call may use before it is refused or cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import sqlalchemy as sa

from yungu.compute.models.deployments import Deployment, Prices, Usage
from yungu.credits import Hold
from yungu.kernel.db import BigId, Json, Moment, metadata

CallKind = Literal["chat", "completion", "embedding", "rerank", "predict"]
Outcome = Literal["done", "left", "failed", "stalled", "too_long"]
"""``left``: the client went away, or did not take what it was sent; ``failed``: the model server refused or died;
``stalled``: it sent nothing for too long; ``too_long``: the whole call took longer than calls may."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How long to wait, in seconds: for the next bytes of a model server, and for the end of a call."""

    stall_seconds: float = 120.0
    most_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as its client asked for it. ``size_bytes``: of the body; ``most_tokens``: of one completion, None where
    the client left it open; ``choices``: how many completions; ``organization``: who pays, None for whoever calls."""

    kind: CallKind
    size_bytes: int
    request_id: str
    most_tokens: int | None = None
    choices: int = 1
    organization: str | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that may begin. ``most``: what is held is enough for this much; ``most_tokens``: what to tell the model
    server when the credits do not suffice for all that it could write, else None."""

    deployment: Deployment
    asked: Asked
    payer_id: int
    user_id: int
    token_id: int | None
    most: Usage
    hold: Hold | None
    most_tokens: int | None
    started_at: datetime


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What came of one call. ``is_estimated``: the tokens were counted here, not told by the model server; ``amount``:
    micro-credits that were paid; ``prices``: as they were; ``provider_id``: who earned it, None for the house."""

    id: int
    request_id: str
    deployment_id: int
    model: str
    payer_id: int
    user_id: int
    token_id: int | None
    provider_id: int | None
    kind: CallKind
    outcome: Outcome
    prompt_tokens: int
    completion_tokens: int
    is_estimated: bool
    device_seconds: float
    amount: int
    prices: Prices
    hold_id: int | None
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Paid:
    """The share of a voucher, or of the cash balance (None), in what a call cost: micro-credits."""

    voucher_id: int | None
    amount: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A call, what was held for it and who paid it. ``held``: micro-credits, 0 of a free call."""

    call: CallRecord
    held: int
    paid: Sequence[Paid]


@dataclass(frozen=True, slots=True)
class Total:
    """What calls of one day (UTC), or of one model, used and cost together."""

    day: date | None
    model: str | None
    calls: int
    prompt_tokens: int
    completion_tokens: int
    device_seconds: float
    amount: int


usages = sa.Table(
    "usages",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("request_id", sa.String(100), nullable=False),
    sa.Column("deployment_id", BigId, nullable=False),
    sa.Column("model", sa.String(200), nullable=False, comment="the deployment's name then"),
    sa.Column("payer_id", BigId, nullable=False),
    sa.Column("user_id", BigId, nullable=False),
    sa.Column("token_id", BigId),
    sa.Column("provider_id", BigId),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
    sa.Column("completion_tokens", sa.BigInteger, nullable=False),
    sa.Column("is_estimated", sa.Boolean, nullable=False),
    sa.Column("device_seconds", sa.Float, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("prices", Json, nullable=False),
    sa.Column("hold_id", BigId, unique=True),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment, nullable=False),
    sa.CheckConstraint("amount >= 0 AND (amount = 0 OR hold_id IS NOT NULL)", name="paid_by_hold"),
    sa.Index("ix_usages_payer_id_id", "payer_id", "id"),
    sa.Index("ix_usages_user_id_id", "user_id", "id"),
    sa.Index("ix_usages_deployment_id_id", "deployment_id", "id"),
)
