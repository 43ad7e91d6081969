"""Rows and values of the two lists: what industry needs, and what developers offer.

The fields are the union of what published lists of Chinese cities print. Money is in whole yuan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from yungu.kernel.db import BigId, Json, Moment, metadata

Side = Literal["opportunity", "capability"]
Language = Literal["zh", "en"]
Operator = Literal[">=", "<=", ">", "<", "="]
UnitKind = Literal["government", "state_owned", "private", "hospital", "school", "other"]
ProviderKind = Literal["opc", "company", "laboratory", "university"]
Mode = Literal["purchase", "lease", "operation", "solution", "joint_development", "joint_operation", "trial"]
Form = Literal["api", "private", "edge", "on_site"]
Status = Literal[
    "draft",
    "submitted",
    "reviewing",
    "returned",
    "published",
    "claiming",
    "matched",
    "validating",
    "accepted",
    "promoted",
    "failed",
    "expired",
    "withdrawn",
    "superseded",
]
Confidentiality = Literal["public", "internal", "restricted"]
RoleName = Literal["operator", "expert", "compliance", "test_lab", "auditor"]
Part = Literal["owner", "operator", "expert", "compliance", "test_lab", "auditor", "reader"]
Opinion = Literal["approve", "object"]
ClaimStatus = Literal["declared", "accepted", "declined", "withdrawn"]
BatchState = Literal["preview", "confirmed", "dropped"]
Outcome = Literal["added", "changed", "same"]
SIDES: tuple[Side, ...] = get_args(Side)
STATUSES: tuple[Status, ...] = get_args(Status)
ROLES: tuple[RoleName, ...] = get_args(RoleName)
MODES: tuple[Mode, ...] = get_args(Mode)
FORMS: tuple[Form, ...] = get_args(Form)
UNIT_KINDS: tuple[UnitKind, ...] = get_args(UnitKind)
PROVIDER_KINDS: tuple[ProviderKind, ...] = get_args(ProviderKind)
CONFIDENTIALITIES: tuple[Confidentiality, ...] = get_args(Confidentiality)
ConstraintKind = Literal[
    "certificate",
    "filing",
    "domestic_chip",
    "data_stays",
    "on_site",
    "region",
    "not_affiliated",
    "licence",
    "maturity",
    "form",
    "provider_kind",
]


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages; one of them may be missing."""

    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Indicator:
    """What an opportunity asks for: ``metric`` ``op`` ``value`` ``unit``, shown by ``method``. Both texts are as they
    were first written; ``metric_en`` and ``method_en`` say the same in English, "" where it is not there."""

    metric: str
    op: Operator
    value: float
    unit: str = ""
    method: str = ""
    metric_en: str = ""
    method_en: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a capability was measured at. ``evidence``: addresses, or repo ids with a commit; ``metric_en``: ``metric``
    in English, "" where it is not there."""

    metric: str
    value: float
    unit: str = ""
    evidence: Sequence[str] = ()
    metric_en: str = ""


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a provider must satisfy before anything is compared. ``value``: of which certificate, region, licence ...,
    "" where the kind says it all."""

    kind: ConstraintKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One item of the opportunity list (场景机会). ``code``: what it is called in public ("O-2026-0007"); ``version``
    counts from 1. ``capacity``: how many pilots it takes, ``taken_count``: how many it has; ``payer``: who pays a
    pilot; ``contact``: "" to whoever may not see it."""

    id: int
    code: str
    version: int
    owner_id: int
    status: Status
    title: Words
    unit: str
    unit_kind: UnitKind
    domains: Sequence[str]
    region: str
    background: Words
    pain: Words
    baseline: Words
    indicators: Sequence[Indicator]
    offered: Words
    constraints: Sequence[Constraint]
    mode: Mode
    budget_least: int | None
    budget_most: int | None
    budget_source: str
    payer: str
    starts_on: date | None
    deadline: date | None
    capacity: int
    ownership: Words
    confidentiality: Confidentiality
    batch: str
    source: str
    created_at: datetime
    changed_at: datetime
    confirmed_at: datetime
    contact: str = ""
    taken_count: int = 0


@dataclass(frozen=True, slots=True)
class Capability:
    """One item of the capability list (场景能力). ``maturity``: technology readiness, 1 to 9. ``repos``: models and
    datasets of the hub; ``capacity``: pilots at the same time, ``taken_count``: those that are under way."""

    id: int
    code: str
    version: int
    owner_id: int
    status: Status
    title: Words
    provider: str
    provider_kind: ProviderKind
    domains: Sequence[str]
    region: str
    problem: Words
    route: Words
    maturity: int | None
    measurements: Sequence[Measurement]
    cases: Words
    forms: Sequence[Form]
    repos: Sequence[str]
    deployments: Sequence[str]
    licence: str
    filings: Sequence[str]
    certificates: Sequence[str]
    chips: Sequence[str]
    price: Words
    price_least: int | None
    price_most: int | None
    capacity: int
    is_newcomer: bool
    affiliations: Sequence[str]
    expires_on: date | None
    source: str
    created_at: datetime
    changed_at: datetime
    confirmed_at: datetime
    confidentiality: Confidentiality = "public"
    batch: str = ""
    contact: str = ""
    taken_count: int = 0


@dataclass(frozen=True, slots=True)
class OpportunityContent:
    """What the owner of an opportunity writes: the fields of `Opportunity` that a form, a file or an edit holds."""

    title: Words = Words()
    unit: str = ""
    unit_kind: UnitKind = "other"
    domains: Sequence[str] = ()
    region: str = ""
    background: Words = Words()
    pain: Words = Words()
    baseline: Words = Words()
    indicators: Sequence[Indicator] = ()
    offered: Words = Words()
    constraints: Sequence[Constraint] = ()
    mode: Mode = "trial"
    budget_least: int | None = None
    budget_most: int | None = None
    budget_source: str = ""
    payer: str = ""
    starts_on: date | None = None
    deadline: date | None = None
    capacity: int = 1
    ownership: Words = Words()
    confidentiality: Confidentiality = "public"
    source: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class CapabilityContent:
    """What the owner of a capability writes: the fields of `Capability` that a form, a file or an edit holds."""

    title: Words = Words()
    provider: str = ""
    provider_kind: ProviderKind = "company"
    domains: Sequence[str] = ()
    region: str = ""
    problem: Words = Words()
    route: Words = Words()
    maturity: int | None = None
    measurements: Sequence[Measurement] = ()
    cases: Words = Words()
    forms: Sequence[Form] = ()
    repos: Sequence[str] = ()
    deployments: Sequence[str] = ()
    licence: str = ""
    filings: Sequence[str] = ()
    certificates: Sequence[str] = ()
    chips: Sequence[str] = ()
    price: Words = Words()
    price_least: int | None = None
    price_most: int | None = None
    capacity: int = 1
    is_newcomer: bool = False
    affiliations: Sequence[str] = ()
    expires_on: date | None = None
    confidentiality: Confidentiality = "public"
    source: str = ""
    contact: str = ""


Content = OpportunityContent | CapabilityContent


@dataclass(frozen=True, slots=True)
class Item:
    """One item of either list, with its present content. ``batch``: the series that it was imported with;
    ``submitted_by``: who last handed it in; ``score``: of its quality, 0 to 100; ``last_event_id``: the fact that its
    next step will be caused by."""

    id: int
    side: Side
    code: str
    version: int
    owner_id: int
    owner: str
    status: Status
    content: Content
    batch: str
    submitted_by: int | None
    superseded_by: int | None
    taken_count: int
    score: int
    created_at: datetime
    changed_at: datetime
    confirmed_at: datetime
    moved_at: datetime
    last_event_id: int


@dataclass(frozen=True, slots=True)
class Version:
    """What an item said once. ``by``: the name of who wrote it."""

    version: int
    content: Content
    by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One thing that happened to an item. ``what``: the name of the step, or of what else was done."""

    what: str
    before: Status
    after: Status
    version: int
    by: str | None
    reason: str
    at: datetime
    event_id: int


@dataclass(frozen=True, slots=True)
class Review:
    """What one reviewer thinks of one version, in which role."""

    version: int
    reviewer: str
    role: RoleName
    opinion: Opinion
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A provider's intent to answer an opportunity with a capability (揭榜)."""

    id: int
    opportunity_id: int
    opportunity_code: str
    capability_id: int
    capability_code: str
    provider_id: int
    provider: str
    statement: str
    status: ClaimStatus
    reason: str
    at: datetime
    decided_at: datetime | None
    event_id: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One import of a file into a list. ``name``: the series, in which later files follow earlier ones; ``mapping``:
    sheet to column number to field; ``sheets``: what was in the file, see `yungu.scenarios.rules.sheets`."""

    id: int
    side: Side
    name: str
    file_name: str
    owner_id: int
    owner: str
    made_by: int
    state: BatchState
    sheets: Sequence[Mapping[str, Any]]
    mapping: Mapping[str, Mapping[str, str]]
    created_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One item as one batch had it. ``key``: what it is recognised by in the next one."""

    key: str
    item_id: int
    content: Content
    outcome: Outcome


items = sa.Table(
    "scenario_items",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("side", sa.String(12), nullable=False),
    sa.Column("code", sa.String(40), nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("owner_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("content", Json, nullable=False),
    sa.Column("title", sa.String(400), nullable=False, default=""),
    sa.Column("words", sa.Text, nullable=False, default=""),
    sa.Column("confidentiality", sa.String(12), nullable=False, default="public"),
    sa.Column("budget", sa.BigInteger),
    sa.Column("ends_on", sa.Date),
    sa.Column("batch", sa.String(100), nullable=False, default=""),
    sa.Column("submitted_by", BigId),
    sa.Column("superseded_by", BigId, sa.ForeignKey("scenario_items.id", ondelete="SET NULL"), index=True),
    sa.Column("taken_count", sa.Integer, nullable=False, default=0),
    sa.Column("score", sa.Integer, nullable=False, default=0),
    sa.Column("sketch_zh", sa.LargeBinary),
    sa.Column("sketch_en", sa.LargeBinary),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
    sa.Column("confirmed_at", Moment, nullable=False),
    sa.Column("moved_at", Moment, nullable=False),
    sa.Column("stale_told_at", Moment),
    sa.Column("last_event_id", sa.BigInteger, nullable=False, default=0),
    sa.CheckConstraint("taken_count >= 0", name="taken"),
    sa.Index("ix_scenario_items_side_status", "side", "status", "id"),
    sa.Index("ix_scenario_items_status_ends_on", "status", "ends_on"),
    sqlite_autoincrement=True,
    comment="both lists; content as rules.contents packs it; sketches as rules.likeness makes them",
)

versions = sa.Table(
    "scenario_versions",
    metadata,
    sa.Column("item_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("content", Json, nullable=False),
    sa.Column("by_id", BigId),
    sa.Column("at", Moment, nullable=False),
)

facets = sa.Table(
    "scenario_facets",
    metadata,
    sa.Column("item_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("value", sa.String(100), primary_key=True),
    sa.Index("ix_scenario_facets_name_value", "name", "value", "item_id"),
)

history = sa.Table(
    "scenario_history",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("item_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("what", sa.String(24), nullable=False),
    sa.Column("before", sa.String(12), nullable=False),
    sa.Column("after", sa.String(12), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("by_id", BigId),
    sa.Column("reason", sa.String(2000), nullable=False, default=""),
    sa.Column("at", Moment, nullable=False),
    sa.Column("event_id", sa.BigInteger, nullable=False),
)

reviews = sa.Table(
    "scenario_reviews",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("item_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("reviewer_id", BigId, nullable=False),
    sa.Column("role", sa.String(12), nullable=False),
    sa.Column("opinion", sa.String(8), nullable=False),
    sa.Column("text", sa.String(4000), nullable=False, default=""),
    sa.Column("at", Moment, nullable=False),
)

claims = sa.Table(
    "scenario_claims",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("opportunity_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "capability_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("provider_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("by_id", BigId),
    sa.Column("statement", sa.String(2000), nullable=False, default=""),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("reason", sa.String(2000), nullable=False, default=""),
    sa.Column("at", Moment, nullable=False),
    sa.Column("decided_at", Moment),
    sa.Column("event_id", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("opportunity_id", "provider_id"),
    comment="one claim of each provider on each opportunity",
)

roles = sa.Table(
    "scenario_roles",
    metadata,
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.String(12), primary_key=True),
    sa.Column("granted_by", BigId),
    sa.Column("granted_at", Moment, nullable=False),
)

batches = sa.Table(
    "scenario_batches",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("side", sa.String(12), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("file_name", sa.String(200), nullable=False),
    sa.Column("owner_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("made_by", BigId, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("sheets", Json, nullable=False),
    sa.Column("mapping", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("confirmed_at", Moment),
    sa.Index("ix_scenario_batches_side_name", "side", "name", "id"),
)

entries = sa.Table(
    "scenario_batch_entries",
    metadata,
    sa.Column("batch_id", BigId, sa.ForeignKey("scenario_batches.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("item_id", BigId, sa.ForeignKey("scenario_items.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("content", Json, nullable=False),
    sa.Column("outcome", sa.String(8), nullable=False),
)

firm_aliases = sa.Table(
    "scenario_firm_aliases",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    comment="key: a firm's name as rules.firms squeezes it; name: what it is called here",
)
