"""Vouchers that a policy grants: decided, granted, and kept with the proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec

from yungu.credits.errors import PolicyNotMet
from yungu.credits.models import CREDIT, Policy, Terms, Value, Verdict, Voucher
from yungu.credits.rules.policies import decide
from yungu.credits.service.vouchers import grant
from yungu.kernel.db import Session


def grant_by_policy(
    session: Session,
    owner_id: int,
    policy: Policy,
    facts: Mapping[str, Value],
    on: date,
    *,
    budget: str,
    key: str,
    unit_price: int = CREDIT,
    most: int | None = None,
    terms: Terms | None = None,
    by: int | None,
    caused_by: int | None = None,
) -> Voucher:
    """Grant what a policy awards for these facts on a day, and keep the decision and its proof with the voucher.

    ``unit_price``: micro-credits for one unit of the award; ``most``: micro-credits at most. With a ``key`` that was
    used for the same grant, that voucher. Raises PolicyNotMet with the verdict when the answer is not yes, and what
    `grant` raises."""
    verdict = decide(policy, facts, on)
    if not verdict.is_met or not verdict.award:
        raise PolicyNotMet(verdict)
    amount = min(verdict.award * unit_price, most) if most is not None else verdict.award * unit_price
    decided = replace(terms or Terms(), policy=policy.id, decision=decision_of(verdict, facts, policy.unit))
    return grant(session, owner_id, amount, budget=budget, key=key, terms=decided, by=by, caused_by=caused_by)


def decision_of(verdict: Verdict, facts: Mapping[str, Value], unit: str) -> dict[str, Any]:
    """A verdict as it is kept: what was known, what follows, and why."""
    return {**msgspec.to_builtins(verdict), "facts": dict(facts), "unit": unit}
