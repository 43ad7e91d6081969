"""Rows and values of the two lists: what industry needs, and what developers offer.

The fields are the union of what published lists of Chinese cities print. Money is in whole yuan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

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
    """What an opportunity asks for: ``metric`` ``op`` ``value`` ``unit``, shown by ``method``."""

    metric: str
    op: Operator
    value: float
    unit: str = ""
    method: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a capability was measured at. ``evidence``: addresses, or repo ids with a commit."""

    metric: str
    value: float
    unit: str = ""
    evidence: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a provider must satisfy before anything is compared. ``value``: of which certificate, region, licence ...,
    "" where the kind says it all."""

    kind: ConstraintKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One item of the opportunity list (场景机会). ``code``: what it is called in public ("O-2026-0007"); ``version``
    counts from 1. ``capacity``: how many pilots it takes; ``payer``: who pays a pilot."""

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
    confidentiality: Literal["public", "internal", "restricted"]
    batch: str
    source: str
    created_at: datetime
    changed_at: datetime
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Capability:
    """One item of the capability list (场景能力). ``maturity``: technology readiness, 1 to 9. ``repos``: models and
    datasets of the hub; ``capacity``: pilots at the same time."""

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
