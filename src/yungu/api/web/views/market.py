"""The operator's view of both lists: how the market fares, who is proposed to whom, and matchmaking days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from starlette.responses import Response

from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.scenarios import tabs_for, words_for
from yungu.api.web.visit import Visit, begin
from yungu.kernel.db import Session
from yungu.scenarios import RoleNeeded, matching
from yungu.scenarios.matching import Day, Proposal, Replay, Run
from yungu.scenarios.rules import workflow

METHODS = ("flow", "greedy", "deferred", "separate")
_MEASURES = (
    "proposals", "expected_matches", "mean_probability", "coverage", "gini", "most", "unseen_share", "newcomer_share",
    "floor_missed", "blocking_pairs", "envious_share",
)  # fmt: skip
_PAIRS_SHOWN = 60
_FIELDS_MOST = 3000


def get_market(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    _operator(session, visit)
    return _market_page(session, visit, EMPTY, {})


def post_market(session: Session, call: Call) -> Response:
    """Let a draft for the whole market be worked out, as a job."""
    visit = begin(session, call)
    _operator(session, visit)
    form = read_form(visit)
    with shown_again(visit, lambda errors: _market_page(session, visit, form, errors)):
        rules = matching.Rules(
            shortlist=_within(visit, form, "shortlist", 1, 50, 5),
            per_place=_within(visit, form, "per_place", 1, 50, 3),
            floor=_within(visit, form, "floor", 0, 10, 1),
            method=cast(Any, form["method"] if form["method"] in METHODS else "flow"),
        )
        matching.ask_market(session, rules, visit.actor, call.site.job_terms)
    return see_other(visit, urls.market(), told=visit.gettext("The draft is being worked out"))


def get_run(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    _operator(session, visit)
    run = matching.get_run(session, _number(call))
    return _run_page(session, visit, run, EMPTY, {})


def post_run(session: Session, call: Call) -> Response:
    """Publish the draft."""
    visit = begin(session, call)
    _operator(session, visit)
    form, run = read_form(visit), matching.get_run(session, _number(call))
    with shown_again(visit, lambda errors: _run_page(session, visit, run, form, errors)):
        matching.publish(session, run.id, visit.actor)
    return see_other(visit, urls.market(f"runs/{run.id}"), told=visit.gettext("Proposed to both sides"))


def get_replay(session: Session, call: Call) -> Response:
    """The run again, from what was kept of it."""
    visit = begin(session, call)
    _operator(session, visit)
    run = matching.get_run(session, _number(call))
    return _run_page(session, visit, run, EMPTY, {}, replayed=matching.replay(session, run.id))


def post_day(session: Session, call: Call) -> Response:
    """Plan a matchmaking day of the matches that were ticked, or of a whole run."""
    visit = begin(session, call)
    _operator(session, visit)
    form = read_form(visit, most=_FIELDS_MOST)
    run = matching.get_run(session, whole_number(form["run"]) or 0)
    with shown_again(visit, lambda errors: _run_page(session, visit, run, form, errors)):
        chosen = [number for text in form.all("match") if (number := whole_number(text)) is not None]
        day = matching.plan_day(
            session,
            form["title"],
            chosen or [one.id for one in matching.list_matches(session, run.id)],
            visit.actor,
            starts_at=_moment(visit, form["starts_at"]),
            tables=_within(visit, form, "tables", 1, 500, 10),
            minutes=_within(visit, form, "minutes", 1, 240, 8),
            pause=_within(visit, form, "pause", 0, 120, 2),
            breaks=_breaks(visit, form),
        )
    return see_other(visit, urls.market(f"days/{day.id}"))


def get_day(session: Session, call: Call) -> Response:
    """All of it to operators, to others the meetings of their own."""
    visit = begin(session, call)
    visit.person()
    day = matching.get_day(session, _number(call))
    seats = matching.list_seats(session, day)
    if not matching.is_operator(session, visit.actor):
        seats = [one for one in seats if matching.sides_of(session, one.proposal, visit.actor)]
        if not seats:
            raise matching.DayNotFound(day.id)
    rounds: dict[int, list[Any]] = {}
    for seat in seats:
        rounds.setdefault(seat.round, []).append(seat)
    context: dict[str, Any] = {"day": day, "rounds": rounds, "local": _local}
    return page(visit, "matching/day.html", tab="market", **context, **tabs_for(session, visit), **words_for(visit))


def _market_page(session: Session, visit: Visit, form: Form, errors: Mapping[str, str]) -> Response:
    snapshot, job = visit.call.site.markets.current(session), matching.find_market_job(session)
    days: Sequence[Day] = matching.list_days(session)
    context: dict[str, Any] = {
        "snapshot": snapshot,
        "job": job,
        "may_see_job": job is not None and (visit.actor.is_site_admin or job.created_by == visit.actor.id),
        "deeds": matching.count_deeds(session),
        "away": visit.call.site.markets.away,
        "runs": matching.list_runs(session, kind="market"),
        "days": days,
        "methods": METHODS,
        "local": _local,
        "form": form,
        "errors": errors,
    }
    return page(visit, "matching/market.html", tab="market", **context, **tabs_for(session, visit), **words_for(visit))


def _run_page(
    session: Session,
    visit: Visit,
    run: Run,
    form: Form,
    errors: Mapping[str, str],
    *,
    replayed: Replay | None = None,
) -> Response:
    proposals = matching.list_proposals(session, run_id=run.id)
    method = run.inputs["rules"]["method"]
    compared = {method: run.measures, **run.measures.get("others", {})}
    context: dict[str, Any] = {
        "run": run,
        "proposals": proposals[:_PAIRS_SHOWN],
        "total": len(proposals),
        "compared": {name: compared[name] for name in METHODS if name in compared},
        "measures": [name for name in _MEASURES if name in run.measures],
        "congestion": _congestion(run, proposals),
        "replayed": replayed,
        "form": form,
        "errors": errors,
    }
    return page(visit, "matching/run.html", tab="market", **context, **tabs_for(session, visit), **words_for(visit))


def _congestion(run: Run, proposals: Sequence[Proposal]) -> Sequence[tuple[int, int]]:
    """How many capabilities get how many proposals, from none on."""
    shown = Counter(Counter(one.match.capability_id for one in proposals).values())
    asked = int(run.inputs.get("capabilities", 0))
    shown[0] = max(0, asked - sum(shown.values()))
    return [(count, shown.get(count, 0)) for count in range(max(shown, default=0) + 1)]


def _operator(session: Session, visit: Visit) -> None:
    visit.person()
    if not matching.is_operator(session, visit.actor):
        raise RoleNeeded("operator")


def _within(visit: Visit, form: Form, name: str, least: int, most: int, usual: int) -> int:
    if not form[name]:
        return usual
    number = whole_number(form[name])
    if number is None or not least <= number <= most:
        text = visit.gettext("A whole number from %(least)s to %(most)s.")
        raise FieldInvalid(name, text % {"least": least, "most": most})
    return number


def _moment(visit: Visit, text: str) -> datetime:
    """What was typed means time in China."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=workflow.CHINA).astimezone(UTC)
    except ValueError as error:
        raise FieldInvalid("starts_at", visit.gettext("This is no day and time.")) from error


def _breaks(visit: Visit, form: Form) -> Sequence[tuple[datetime, datetime]]:
    if not form["break_from"] or not form["break_to"]:
        return []
    day = form["starts_at"][:10]
    return [(_moment(visit, f"{day}T{form['break_from']}"), _moment(visit, f"{day}T{form['break_to']}"))]


def _local(moment: datetime) -> datetime:
    return moment.astimezone(workflow.CHINA)


def _number(call: Call) -> int:
    return whole_number(call.params["number"]) or 0
