"""What is missing in an item, what is vague in it, and how good it is: from its content alone.

Lists went wrong where wishes, investment promotion and prestige projects stood in them. So an opportunity says what
hurts, how success is measured and who pays, or it is not handed in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from yungu.scenarios.models import CapabilityContent, Content, OpportunityContent, Words

Weight = Literal["error", "warning"]
_LEAST_PAIN = 12
_COST = {"error": 25, "warning": 6}
_VAGUE = re.compile(
    r"(先进|领先|一流|智能化水平|大幅|显著|全面提升|赋能|打造|标杆|高质量|有效提升|进一步|若干|等等|"
    r"\b(?:world[- ]class|cutting[- ]edge|state[- ]of[- ]the[- ]art|significant(?:ly)?|synergy|empower\w*|leading|"
    r"as soon as possible|and so on|etc)\b)",
    re.IGNORECASE,
)
_PROMOTION = re.compile(
    r"(招商|引资|投资强度|落户企业|税收贡献|固定资产投资|产业基地建设|亿元|总投资|示范评选|评奖|申报奖项|供地|"
    r"\b(?:attract(?:ing)? investment|investment promotion|mega[- ]project|land supply|billion (?:yuan|rmb))\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d")
_MEGA_YUAN = 100_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """``code``: what it is, for words in the reader's language; ``message``: the same in English; ``found``: the
    words that led to it."""

    field: str
    weight: Weight
    code: str
    found: str = ""

    @property
    def message(self) -> str:
        return MESSAGES[self.code]


MESSAGES = {
    "title-missing": "It has no title.",
    "pain-missing": "Say what hurts today: who loses time, money or safety, and how much.",
    "pain-short": "The pain point is very short: say who is affected, how often, and what it costs.",
    "indicator-missing": "Give at least one indicator: what is measured, which value is needed, and how it is tested.",
    "indicator-unit": "An indicator has no unit.",
    "indicator-method": "An indicator does not say how it is tested.",
    "payer-missing": "Say who pays for the pilot.",
    "unit-missing": "Say which unit needs it.",
    "baseline-missing": "Say where things stand today, in numbers: without it nobody can see the gain.",
    "baseline-number": "The baseline has no number in it.",
    "budget-missing": "Give a budget, even a rough one.",
    "deadline-missing": "Set a deadline for answers.",
    "offered-missing": "Say which data, site or equipment a provider can use.",
    "one-language": "Write the title and the pain point in Chinese and in English: more providers will find it.",
    "vague": "These words cannot be measured.",
    "promotion": "This reads like investment promotion, not like a need.",
    "mega-project": "The budget is that of a large construction project: cut out the part that one pilot can prove.",
    "source-missing": "Say where the budget comes from.",
    "domain-missing": "Choose at least one field.",
    "contact-missing": "Leave a contact; only partners and operators see it.",
    "problem-missing": "Say which problem it solves.",
    "provider-missing": "Say who provides it.",
    "route-missing": "Say how it works.",
    "maturity-missing": "Give its maturity, from 1 (idea) to 9 (proven in use).",
    "evidence-missing": "A measured value has no evidence: link a repository, a report or a page.",
    "measurement-missing": "Give at least one measured value with its evidence.",
    "form-missing": "Say how it is delivered: as an API, on premises, on a device, on site.",
    "repo-missing": "Link a model or dataset of this hub: it can then be tried and validated here.",
    "cases-missing": "Name a place where it has been used, or say that it is new.",
}


def lint(content: Content) -> Sequence[Finding]:
    """Errors keep an item from being handed in, warnings do not. Errors first."""
    found = list(_opportunity(content) if isinstance(content, OpportunityContent) else _capability(content))
    found += _common(content)
    return sorted(found, key=lambda one: one.weight != "error")


def errors(content: Content) -> Sequence[Finding]:
    return [one for one in lint(content) if one.weight == "error"]


def score(found: Sequence[Finding]) -> int:
    """0 to 100: what each finding costs, taken off."""
    return max(0, 100 - sum(_COST[one.weight] for one in found))


def _opportunity(content: OpportunityContent) -> Iterator[Finding]:
    if not _is_said(content.pain):
        yield Finding("pain", "error", "pain-missing")
    elif max(len(content.pain.zh) * 2, len(content.pain.en)) < 2 * _LEAST_PAIN:
        yield Finding("pain", "warning", "pain-short")
    yield from _indicators(content)
    if not content.payer:
        yield Finding("payer", "error", "payer-missing")
    if not content.unit:
        yield Finding("unit", "error", "unit-missing")
    yield from _setting(content)
    if (content.budget_most or 0) >= _MEGA_YUAN:
        yield Finding("budget_most", "warning", "mega-project")


def _indicators(content: OpportunityContent) -> Iterator[Finding]:
    if not any(one.metric for one in content.indicators):
        yield Finding("indicators", "error", "indicator-missing")
    for one in content.indicators:
        if not one.method:
            yield Finding("indicators", "error", "indicator-method", one.metric)
        if not one.unit:
            yield Finding("indicators", "warning", "indicator-unit", one.metric)


def _setting(content: OpportunityContent) -> Iterator[Finding]:
    if not _is_said(content.baseline):
        yield Finding("baseline", "warning", "baseline-missing")
    elif not _NUMBER.search(content.baseline.zh + content.baseline.en):
        yield Finding("baseline", "warning", "baseline-number")
    if content.budget_least is None and content.budget_most is None:
        yield Finding("budget_most", "warning", "budget-missing")
    elif not content.budget_source:
        yield Finding("budget_source", "warning", "source-missing")
    if content.deadline is None:
        yield Finding("deadline", "warning", "deadline-missing")
    if not _is_said(content.offered):
        yield Finding("offered", "warning", "offered-missing")


def _capability(content: CapabilityContent) -> Iterator[Finding]:
    if not content.provider:
        yield Finding("provider", "error", "provider-missing")
    if not _is_said(content.problem):
        yield Finding("problem", "error", "problem-missing")
    if not _is_said(content.route):
        yield Finding("route", "warning", "route-missing")
    if content.maturity is None:
        yield Finding("maturity", "warning", "maturity-missing")
    if not content.measurements:
        yield Finding("measurements", "warning", "measurement-missing")
    for one in content.measurements:
        if not one.evidence:
            yield Finding("measurements", "warning", "evidence-missing", one.metric)
    if not content.forms:
        yield Finding("forms", "warning", "form-missing")
    if not content.repos:
        yield Finding("repos", "warning", "repo-missing")
    if not _is_said(content.cases):
        yield Finding("cases", "warning", "cases-missing")


def _common(content: Content) -> Iterator[Finding]:
    need = content.pain if isinstance(content, OpportunityContent) else content.problem
    if not _is_said(content.title):
        yield Finding("title", "error", "title-missing")
    if not (content.title.zh and content.title.en and need.zh and need.en):
        yield Finding("title", "warning", "one-language")
    if not content.domains:
        yield Finding("domains", "warning", "domain-missing")
    if not content.contact:
        yield Finding("contact", "warning", "contact-missing")
    written = {"title": content.title, "pain" if isinstance(content, OpportunityContent) else "problem": need}
    for field, words in written.items():
        for code, pattern in (("vague", _VAGUE), ("promotion", _PROMOTION)):
            if met := {match[0] for match in pattern.finditer(f"{words.zh} {words.en}")}:
                yield Finding(field, "warning", code, ", ".join(sorted(met)))


def _is_said(words: Words) -> bool:
    return bool(words.zh.strip() or words.en.strip())
