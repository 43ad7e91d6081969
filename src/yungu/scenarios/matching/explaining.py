"""Why a pair was proposed, in facts that a page can say in any language; and what would have to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from yungu.scenarios.errors import ItemNotFound
from yungu.scenarios.matching import texts
from yungu.scenarios.matching.keeping import Snapshot
from yungu.scenarios.matching.market import Judged, Listed, Market, unmet
from yungu.scenarios.models import CapabilityContent
from yungu.scenarios.rules import coverage, eligibility, fusion
from yungu.scenarios.rules.coverage import Covered
from yungu.scenarios.rules.eligibility import Finding, Verdict
from yungu.scenarios.rules.explanation import Span, shared_spans

_LOOKED_AT = 200
"""Ranks are told among so many."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the capability could show, and where it would then stand. ``finding`` or ``covered``: what it is about;
    ``rank`` None: below the first two hundred."""

    finding: Finding | None
    covered: Covered | None
    rank: int | None
    probability: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Explanation:
    """``rank`` None: it is excluded, or far below. ``wanted`` and ``offered``: where the shared words stand in either
    text, fields as in ``texts.fields_of``; ``demand`` and ``provider``: what each feature adds to either side's
    log-odds; ``is_by_words``: no vectors took part. ``changes``: the most helpful first."""

    judged: Judged
    rank: int | None
    verdict: Verdict
    findings: Sequence[Finding]
    covered: Sequence[Covered]
    wanted: Sequence[Span]
    offered: Sequence[Span]
    demand: Mapping[str, float]
    provider: Mapping[str, float]
    changes: Sequence[Change]
    is_by_words: bool


def explain(snapshot: Snapshot, opportunity_id: int, capability_id: int) -> Explanation:
    """Raises ItemNotFound for what does not take part now."""
    market = snapshot.market
    wanted, offered = _get(market.opportunities, opportunity_id), _get(market.capabilities, capability_id)
    others = [one for one in market.shortlist(wanted, limit=_LOOKED_AT) if one.capability_id != capability_id]
    judged = market.judge_pair(wanted, offered)
    findings = market.findings(wanted, offered)
    verdict = eligibility.overall(findings)
    covered = coverage.compare(wanted.wanted.indicators, offered.offered.measurements)
    terms = market.shared_terms(wanted, offered)
    weights = market.weights
    return Explanation(
        judged=judged,
        rank=_rank(judged, others) if verdict != "fail" else None,
        verdict=verdict,
        findings=findings,
        covered=covered,
        wanted=shared_spans(texts.fields_of(wanted.content), terms),
        offered=shared_spans(texts.fields_of(offered.content), terms),
        demand=fusion.contributions(_features(judged), weights.demand),
        provider=fusion.contributions(_features(judged), weights.provider),
        changes=sorted(
            _changes(market, judged, wanted, offered, findings, covered, others),
            key=lambda one: (one.rank or _LOOKED_AT + 1, -one.probability),
        ),
        is_by_words=not market.has_meaning,
    )


def _changes(
    market: Market,
    judged: Judged,
    wanted: Listed,
    offered: Listed,
    findings: Sequence[Finding],
    covered: Sequence[Covered],
    others: Sequence[Judged],
) -> Iterator[Change]:
    """Each thing that is not as it should be, put right alone and judged again."""
    for finding in findings:
        if finding.verdict != "pass":
            changed = eligibility.satisfying(offered.offered, finding)
            if changed is not None:
                yield _change(market, judged, wanted, offered, changed, others, finding=finding)
    for one in covered:
        if one.state != "met":
            yield _change(market, judged, wanted, offered, unmet(offered.offered, one), others, covered=one)


def _change(
    market: Market,
    judged: Judged,
    wanted: Listed,
    offered: Listed,
    changed: CapabilityContent,
    others: Sequence[Judged],
    *,
    finding: Finding | None = None,
    covered: Covered | None = None,
) -> Change:
    again = market.judge_changed(judged, wanted, offered, changed)
    verdict = eligibility.overall(eligibility.check(wanted.wanted, changed, market.today, free=offered.free))
    rank = _rank(again, others) if verdict != "fail" else None
    return Change(finding, covered, rank, again.probability, verdict)


def _rank(judged: Judged, others: Sequence[Judged]) -> int | None:
    rank = 1 + sum(one.score > judged.score for one in others)
    return rank if rank <= _LOOKED_AT else None


def _features(judged: Judged) -> fusion.Floats:
    return np.asarray(judged.features)


def _get(listed: Sequence[Listed], number: int) -> Listed:
    for one in listed:
        if one.id == number:
            return one
    raise ItemNotFound(f"#{number}")
