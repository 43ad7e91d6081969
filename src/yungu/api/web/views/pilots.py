"""Pilots: the terms that two sides sign, what is measured, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import msgspec
from starlette.responses import Response

from yungu import compute, credits, scenarios
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, Refusals, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.scenarios import tabs_for, words_for
from yungu.api.web.visit import Visit, begin
from yungu.kernel.db import Session
from yungu.scenarios import validation
from yungu.scenarios.validation import Bench, Goal, Pilot, Seen, Terms

_MORE_GOALS = 2
_MOST_GOALS = 30
_GOAL_TEXTS = ("metric", "op", "value", "unit", "baseline", "method", "source")
_REFUSALS: Mapping[str, Refusals] = {"terms": (validation.TermsInvalid, validation.TermsMoved)}


def get_list(session: Session, call: Call) -> Response:
    """Those that the visitor takes part in."""
    visit = begin(session, call)
    visit.person()
    found = validation.list_pilots(session, visit.actor)
    return _shown(session, visit, "list", tab="pilots", pilots=_titled(session, found), is_cases=False)


def get_cases(session: Session, call: Call) -> Response:
    """What was accepted in the field, for everybody."""
    visit = begin(session, call)
    found = _titled(session, validation.list_cases(session))
    return _shown(session, visit, "list", tab="cases", pilots=found, is_cases=True)


def post_new(session: Session, call: Call) -> Response:
    """Begin the pilot of an accepted claim."""
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    pilot = validation.propose_pilot(session, whole_number(form["claim"]) or 0, visit.actor)
    return see_other(visit, urls.pilot(pilot.code))


def get_pilot(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    return _page(session, visit, validation.visible_pilot(session, call.params["code"], visit.actor), EMPTY, {})


def get_terms(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    seen = validation.visible_pilot(session, call.params["code"], visit.actor)
    return _terms_page(session, visit, seen, _typed(seen.pilot.terms), {})


def post_terms(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    seen, form = validation.visible_pilot(session, call.params["code"], visit.actor), read_form(visit, most=400)
    with shown_again(visit, lambda errors: _terms_page(session, visit, seen, _as_typed(form), errors), **_REFUSALS):
        terms = _read_terms(session, visit, form, seen.pilot.terms.bench)
        validation.change_terms(session, seen.pilot.code, terms, visit.actor, based_on=form["based_on"])
    return see_other(visit, urls.pilot(seen.pilot.code))


def post_step(session: Session, call: Call) -> Response:
    """Sign, evaluate, hand in, confirm, conclude or cancel."""
    visit = begin(session, call)
    visit.person()
    seen, form = validation.visible_pilot(session, call.params["code"], visit.actor), read_form(visit)
    with shown_again(visit, lambda errors: _page(session, visit, seen, form, errors)):
        _step(session, visit, seen.pilot, form)
    return see_other(visit, urls.pilot(seen.pilot.code))


def _step(session: Session, visit: Visit, pilot: Pilot, form: Form) -> None:
    actor = visit.actor
    match form["do"]:
        case "sign-demand":
            validation.sign_terms(session, pilot.code, "demand", actor, terms_hash=form["terms_hash"])
        case "sign-provider":
            validation.sign_terms(session, pilot.code, "provider", actor, terms_hash=form["terms_hash"])
        case "evaluate":
            git, terms = visit.call.site.git, visit.call.site.job_terms
            program = {"repo": form["repo"], "revision": form["revision"]}
            validation.evaluate(session, git, pilot.code, actor, terms, **program)
        case "evidence":
            value = _number(visit, "value", form["value"]) if form["value"] else None
            more = {"text": form["text"], "link": form["link"]}
            validation.add_evidence(session, pilot.code, actor, form["goal"], value=value, **more)
        case "confirm":
            validation.confirm_evidence(session, pilot.code, whole_number(form["evidence"]) or 0, actor)
        case "conclude":
            give_up = form["give_up"] == "1"
            validation.conclude(session, pilot.code, actor, give_up=give_up, reason=form["reason"])
        case "cancel":
            validation.cancel_pilot(session, pilot.code, actor, reason=form["reason"])


def _page(session: Session, visit: Visit, seen: Seen, form: Form, errors: Mapping[str, str]) -> Response:
    pilot = seen.pilot
    judged = validation.judge_pilot(session, pilot)
    context: dict[str, Any] = {
        "seen": seen,
        "pilot": pilot,
        "judged": judged,
        "verdict": validation.verdict(judged),
        "missing": validation.missing_papers(session, pilot),
        "evidence": validation.list_evidence(session, pilot.id),
        "attempts": validation.list_runs(session, pilot) if seen.is_insider else [],
        "chain": validation.list_chain(session, pilot) if seen.is_insider else [],
        "board": validation.leader_board(session, visit.call.site.store, seen.demand.id) if seen.is_insider else [],
        "form": form,
        "errors": errors,
    }
    return _shown(session, visit, "pilot", tab="pilots" if seen.is_insider else "cases", **context)


def _terms_page(
    session: Session, visit: Visit, seen: Seen, typed: Mapping[str, Any], errors: Mapping[str, str]
) -> Response:
    more: dict[str, Any] = {"typed": typed, "metrics": compute.METRICS, "errors": errors}
    return _shown(session, visit, "terms", tab="pilots", seen=seen, pilot=seen.pilot, **more)


def _shown(session: Session, visit: Visit, name: str, **context: Any) -> Response:
    return page(visit, f"pilots/{name}.html", **context, **tabs_for(session, visit), **words_for(visit))


def _titled(session: Session, found: Sequence[Pilot]) -> list[tuple[Pilot, scenarios.Item, scenarios.Item]]:
    """Each with its opportunity and its capability."""
    item = scenarios.get_item_by_id
    return [(one, item(session, one.opportunity_id), item(session, one.capability_id)) for one in found]


# --- the form of the terms


def _typed(terms: Terms) -> dict[str, Any]:
    """What stands in the form at first."""
    more = [msgspec.to_builtins(Goal("", ">=", 0.0)) | {"value": "", "baseline": ""}] * _MORE_GOALS
    bench = terms.bench or Bench("", "")
    return {
        "goals": [*map(_typed_goal, terms.goals), *more],
        "bench": msgspec.to_builtins(bench),
        "attempts": terms.attempts,
        "budget": credits.credits_text(terms.budget),
        "papers": "\n".join(terms.papers),
        "starts_on": terms.starts_on or "",
        "ends_on": terms.ends_on or "",
        "note": terms.note,
    }


def _typed_goal(goal: Goal) -> dict[str, Any]:
    baseline = "" if goal.baseline is None else f"{goal.baseline:g}"
    typed: dict[str, Any] = msgspec.to_builtins(goal)
    return typed | {"value": f"{goal.value:g}", "baseline": baseline}


def _as_typed(form: Form) -> dict[str, Any]:
    """What was typed, to be shown again."""
    plain = ("attempts", "budget", "papers", "starts_on", "ends_on", "note")
    bench = {name: form[f"bench_{name}"] for name in Bench.__struct_fields__}
    return {"goals": list(_goal_rows(form)), "bench": bench} | {name: form[name] for name in plain}


def _goal_rows(form: Form) -> list[dict[str, Any]]:
    rows = []
    for place in range(_MOST_GOALS):
        if f"metric_{place}" not in form:
            break
        texts = {name: form[f"{name}_{place}"] for name in _GOAL_TEXTS}
        marks = {name: form[f"{name}_{place}"] == "1" for name in ("is_mandatory", "is_confident")}
        rows.append(texts | marks)
    return rows


def _read_terms(session: Session, visit: Visit, form: Form, bench: Bench | None) -> Terms:
    """``bench``: what is agreed so far. Raises FieldInvalid, BudgetInvalid."""
    goals = [_read_goal(visit, row) for row in _goal_rows(form) if row["metric"]]
    return Terms(
        goals,
        bench=_read_bench(session, visit, form, bench),
        attempts=whole_number(form["attempts"]) or 0,
        budget=credits.parse_credits(form["budget"] or "0"),
        papers=[line.strip()[:200] for line in form["papers"].splitlines() if line.strip()],
        starts_on=_day(visit, "starts_on", form["starts_on"]),
        ends_on=_day(visit, "ends_on", form["ends_on"]),
        note=form["note"][:8000],
    )


def _read_goal(visit: Visit, row: Mapping[str, Any]) -> Goal:
    value = _number(visit, "terms", row["value"])
    baseline = _number(visit, "terms", row["baseline"]) if row["baseline"] else None
    try:
        return msgspec.convert(dict(row) | {"value": value, "baseline": baseline}, Goal)
    except msgspec.ValidationError as error:
        raise FieldInvalid("terms", str(error)) from error


def _read_bench(session: Session, visit: Visit, form: Form, known: Bench | None) -> Bench | None:
    """Pinned by who may read it; the provider, who may not, leaves it as it is."""
    if not form["bench_dataset"]:
        return None
    typed = {name: form[f"bench_{name}"] for name in Bench.__struct_fields__ if form[f"bench_{name}"]}
    seed = whole_number(form["bench_seed"] or "0") or 0
    bench = msgspec.convert(typed | {"commit": form["bench_commit"], "seed": seed}, Bench)
    return known if bench == known else validation.pin_bench(session, visit.call.site.git, bench, visit.actor)


def _number(visit: Visit, field: str, text: str) -> float:
    with suppress(ValueError):
        return float(text.replace("，", "").replace(",", ""))
    raise FieldInvalid(field, visit.gettext("This is not a number: %(text)s") % {"text": text[:40]})


def _day(visit: Visit, field: str, text: str) -> date | None:
    if not text:
        return None
    with suppress(ValueError):
        return date.fromisoformat(text)
    raise FieldInvalid(field, visit.gettext("A day looks like 2026-03-20."))
