"""Which programmes grant credits, what they would say of somebody, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.responses import Response

from yungu import credits
from yungu.api.http import Call
from yungu.api.web.forms import FieldInvalid
from yungu.api.web.rendering import page
from yungu.api.web.visit import Visit, begin
from yungu.credits import Policy, Proof, Verdict
from yungu.credits.models import MOST, FactSpec, Value
from yungu.kernel import clock
from yungu.kernel.db import Session


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a proof as it is shown. ``answer``: "yes", "no", "unknown", or "value" with the value as text.
    ``said``: what was asked, in words; where there are none ``formula``, the expression."""

    answer: str
    value: str
    said: str
    formula: str
    missing: tuple[str, ...]
    parts: tuple[Step, ...]


def get_policies(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    found = [credits.get_policy(name) for name in credits.list_policies()]
    today = clock.now().date()
    return page(visit, "compute/policies.html", tab="policies", policies=found, today=today)


def get_policy(session: Session, call: Call) -> Response:
    """What the policy asks, and what it says of the facts in the address."""
    visit = begin(session, call)
    policy = credits.get_policy(call.params["policy"])
    asked = call.query_params
    typed = {name: asked.get(name, "").strip() for name in (*policy.facts, "on")}
    errors: dict[str, str] = {}
    verdict = None
    if asked.get("ask"):
        try:
            verdict = credits.decide(policy, read_facts(visit, policy, typed), read_day(visit, typed["on"]))
        except FieldInvalid as error:
            errors = {error.field: error.message}
    context: dict[str, Any] = {
        "tab": "policies",
        "policy": policy,
        "typed": typed,
        "errors": errors,
        "verdict": verdict,
        "proof": show_proof(visit, policy, verdict.proof) if verdict else None,
        "missing": missing_questions(visit, policy, verdict) if verdict else [],
        "today": clock.now().date(),
    }
    return page(visit, "compute/policy.html", 400 if errors else 200, **context)


def read_facts(visit: Visit, policy: Policy, typed: Mapping[str, str]) -> dict[str, Value]:
    """The facts that were typed; nothing typed is not known. Raises FieldInvalid."""
    found = {name: _fact(visit, name, spec, typed.get(name, "")) for name, spec in policy.facts.items()}
    return {name: value for name, value in found.items() if value is not None}


def read_day(visit: Visit, text: str) -> date:
    """Today when nothing was typed. Raises FieldInvalid."""
    if not text:
        return clock.now().date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FieldInvalid("on", visit.gettext("Write a day like 2026-11-22.")) from None


def missing_questions(visit: Visit, policy: Policy, verdict: Verdict) -> list[str]:
    """What would have to be known, as it is asked in the form."""
    specs = [policy.facts[name] for name in verdict.missing if name in policy.facts]
    return [spec.ask.zh if visit.language == "zh" else spec.ask.en for spec in specs]


def show_proof(visit: Visit, policy: Policy, proof: Proof) -> Step:
    """A proof in the visitor's language."""
    said = {one.say.en: one.say.zh if visit.language == "zh" else one.say.en for one in policy.conditions}
    said["eligible"] = visit.gettext("All conditions are met")
    for name, spec in policy.facts.items():
        said[name] = spec.ask.zh if visit.language == "zh" else spec.ask.en
    return _step(visit, proof, said, policy)


def _step(visit: Visit, proof: Proof, said: Mapping[str, str], policy: Policy) -> Step:
    words = said.get(proof.text, "")
    if proof.text.startswith(f"{policy.id} on "):
        words = visit.gettext("The policy as a whole")
    elif proof.text.startswith("in force since"):
        words = visit.gettext("The policy is in force")
    elif proof.text in policy.tables:
        words = visit.gettext("The table %(name)s") % {"name": proof.text}
    parts = tuple(_step(visit, part, said, policy) for part in proof.parts if part.parts or not _is_literal(part.text))
    return Step(_answer(proof.value), _text(proof.value), words, "" if words else proof.text, proof.missing, parts)


def _answer(value: Value) -> str:
    if value is None:
        return "unknown"
    return ("no", "yes")[value] if isinstance(value, bool) else "value"


def _text(value: Value) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _is_literal(text: str) -> bool:
    return text in ("true", "false") or text[:1].isdigit() or text[:1] in "'\""


def _fact(visit: Visit, name: str, spec: FactSpec, text: str) -> Value:
    if not text:
        return None
    if spec.type == "truth" and text in ("yes", "no"):
        return text == "yes"
    if spec.type == "text" and (not spec.one_of or text in spec.one_of):
        return text[:200]
    number = text.replace(",", "").replace("，", "")
    if spec.type == "whole" and number.isascii() and number.isdigit() and len(number) < 19 and int(number) <= MOST:
        return int(number)
    raise FieldInvalid(name, visit.gettext("This is no answer to that question."))
