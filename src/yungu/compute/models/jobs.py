"""Jobs: work on the hub's machines that takes longer than a request and is paid by the second, or by its calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from yungu.hub import Kind
from yungu.kernel.db import BigId, Json, Moment, metadata

JobKind = Literal["batch", "evaluation", "task"]
JobState = Literal["waiting", "running", "succeeded", "failed", "cancelled"]
JOB_KINDS: tuple[JobKind, ...] = ("batch", "evaluation", "task")
OPEN_JOBS: tuple[JobState, ...] = ("waiting", "running")


class RepoPlace(msgspec.Struct, frozen=True):
    """A commit of a repo, and a file of it ("" for all of it). ``name``: what the repo was called then, with its kind:
    ``datasets/lin/tea``."""

    repo_id: int
    name: str
    commit: str
    path: str = ""


class BatchSpec(msgspec.Struct, frozen=True):
    """Each line of the file ``source`` is one request to the deployment. ``into``: the dataset that gets the answers,
    None to keep them with the job; ``into_path``: the file there."""

    deployment_id: int
    model: str
    source: RepoPlace
    into_repo_id: int | None = None
    into_name: str = ""
    into_path: str = ""


class EvaluationSpec(msgspec.Struct, frozen=True):
    """The inputs of ``dataset`` are answered by ``program`` (a repo with a ``predict.py``) or by a deployment, and the
    answers are scored by ``metric``, one of `METRICS`, or by ``scorer`` (a repo with a ``score.py``).

    ``options``: fields of each call to a deployment; ``resamples``: of the bootstrap that gives the interval; ``seed``:
    of all that is drawn."""

    dataset: RepoPlace
    program: RepoPlace | None = None
    deployment_id: int | None = None
    model: str = ""
    metric: str = ""
    scorer: RepoPlace | None = None
    input_field: str = "input"
    label_field: str = "label"
    options: dict[str, Any] = {}
    seed: int = 0
    resamples: int = 1000


class TaskSpec(msgspec.Struct, frozen=True):
    """Work of the hub itself, by the ``name`` under which the workshop knows it. It is free."""

    name: str
    options: dict[str, Any] = {}


JobSpec = BatchSpec | EvaluationSpec | TaskSpec


@dataclass(frozen=True, slots=True)
class BatchAsk:
    """A batch as somebody asks for it. ``model``: a deployment; ``dataset``: the repo of the requests; ``path``: their
    file; ``into``: the dataset that the answers go to, None for none; ``into_path`` None: ``<path>.answers.jsonl``."""

    model: str
    dataset: str
    path: str
    revision: str | None = None
    into: str | None = None
    into_path: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluationAsk:
    """An evaluation as somebody asks for it; see `EvaluationSpec`. ``dataset``, ``program``, ``scorer``: repo ids; of
    the last two ``..._kind`` is the kind; ``model``: a deployment."""

    dataset: str
    path: str
    revision: str | None = None
    program: str | None = None
    program_kind: Kind = "model"
    program_revision: str | None = None
    model: str | None = None
    metric: str = ""
    scorer: str | None = None
    scorer_kind: Kind = "model"
    scorer_revision: str | None = None
    input_field: str = "input"
    label_field: str = "label"
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    resamples: int = 1000


@dataclass(frozen=True, slots=True)
class JobTerms:
    """What jobs cost and may use. ``second_price``: micro-credits for a second of a program; ``seconds``: that one
    program may take; ``memory_bytes``: that it may use; ``kept_days``: for which its log, items and answers are kept
    when it has ended, 0 for ever."""

    second_price: int = 0
    seconds: int = 3600
    memory_bytes: int = 2 << 30
    disk_bytes: int = 256 << 20
    output_bytes: int = 256 << 20
    kept_days: int = 90


@dataclass(frozen=True, slots=True)
class Job:
    """One job. ``owner_id``: who pays; ``dataset_id``: the repo whose rulers alone see items and log, None where the
    asker and the payer do. ``message``: what it is doing, or how it ended; ``checkpoint``: what is needed to go on
    after a stop; ``attempts``: how often it was begun; ``lease``: the name of the worker that does it, until
    ``lease_until``; ``is_unwanted``: somebody has cancelled it.

    Micro-credits: ``budget``, the most that it may cost; ``second_price``; ``calls_amount``, paid for single calls;
    ``cost``, all in all. ``hold_id``: what seconds are paid from; ``event_id``: the last fact about it;
    ``cleared_at``: since when its files are deleted."""

    id: int
    kind: JobKind
    spec: Mapping[str, Any]
    state: JobState
    owner_id: int
    created_by: int | None
    dataset_id: int | None
    priority: int
    turn: int
    attempts: int
    lease: str | None
    lease_until: datetime | None
    is_unwanted: bool
    done_count: int
    total_count: int
    message: str
    checkpoint: Mapping[str, Any]
    result: Mapping[str, Any] | None
    budget: int
    second_price: int
    hold_id: int | None
    used_seconds: float
    calls_amount: int
    cost: int
    event_id: int
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cleared_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a worker is with a job: what it writes with each heartbeat."""

    done_count: int
    total_count: int
    message: str
    used_seconds: float
    calls_amount: int
    checkpoint: Mapping[str, Any]


jobs = sa.Table(
    "compute_jobs",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("spec", Json, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("owner_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created_by", BigId),
    sa.Column("dataset_id", BigId, index=True),
    sa.Column("priority", sa.Integer, nullable=False, comment="smaller goes first"),
    sa.Column("turn", sa.BigInteger, nullable=False, comment="fair order between owners"),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("lease", sa.String(64)),
    sa.Column("lease_until", Moment),
    sa.Column("is_unwanted", sa.Boolean, nullable=False, default=False),
    sa.Column("done_count", sa.BigInteger, nullable=False, default=0),
    sa.Column("total_count", sa.BigInteger, nullable=False, default=0),
    sa.Column("message", sa.String(1000), nullable=False, default=""),
    sa.Column("checkpoint", Json, nullable=False, default=dict),
    sa.Column("result", Json),
    sa.Column("budget", sa.BigInteger, nullable=False),
    sa.Column("second_price", sa.BigInteger, nullable=False),
    sa.Column("hold_id", BigId),
    sa.Column("used_seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("calls_amount", sa.BigInteger, nullable=False, default=0),
    sa.Column("cost", sa.BigInteger, nullable=False, default=0),
    sa.Column("event_id", BigId, nullable=False, default=0),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("cleared_at", Moment),
    sa.Index("ix_compute_jobs_queue", "state", "priority", "turn", "id"),
    sa.Index("ix_compute_jobs_owner_id_id", "owner_id", "id"),
    sa.Index("ix_compute_jobs_created_by_id", "created_by", "id"),
)
