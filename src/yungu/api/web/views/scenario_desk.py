"""One's own items, the reviewers' queue, and the operator's view of how the lists are doing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from statistics import median
from typing import Any

from starlette.responses import Response

from yungu import accounts, scenarios
from yungu.api.http import Call
from yungu.api.web.forms import EMPTY, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.scenarios import tabs_for, words_for
from yungu.api.web.visit import Visit, begin
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.scenarios import ROLES, SIDES, RoleName, RoleNeeded
from yungu.scenarios.rules import workflow

_ENDING_DAYS = 30


def get_mine(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    own = scenarios.list_owned(session, visit.actor)
    stale = {item.id for item in own if workflow.is_stale(item, clock.now())}
    context: dict[str, Any] = {"own": own, "stale": stale}
    return page(visit, "scenarios/mine.html", tab="mine", **context, **tabs_for(session, visit), **words_for(visit))


def get_queue(session: Session, call: Call) -> Response:
    """What waits for a reviewer, the longest first, with its likely doubles."""
    visit = begin(session, call)
    visit.person()
    tabs = tabs_for(session, visit)
    if not tabs["is_reviewer"]:
        raise RoleNeeded("expert")
    waiting = scenarios.list_waiting(session, ["submitted", "reviewing"])
    doubles: dict[int, int] = {}
    for side in SIDES:
        of_side = [item.id for item in waiting if item.side == side]
        doubles |= scenarios.count_alike(session, side, of_side) if of_side else {}
    own = {item.id for item in waiting if workflow.is_applicant(visit.actor, item)}
    context: dict[str, Any] = {"waiting": waiting, "doubles": doubles, "own": own}
    return page(visit, "scenarios/queue.html", tab="queue", **context, **tabs, **words_for(visit))


def get_desk(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    return _desk_page(session, visit, EMPTY, {})


def post_role(session: Session, call: Call) -> Response:
    """Give somebody a role, or take it. Only administrators of the site do."""
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    with shown_again(visit, lambda errors: _desk_page(session, visit, form, errors), user=accounts.UserNotFound):
        user = accounts.get_user(session, form["user"])
        role: RoleName = next((role for role in ROLES if role == form["role"]), "expert")
        change = scenarios.revoke_role if form["do"] == "revoke" else scenarios.grant_role
        change(session, user, role, visit.actor)
    return see_other(visit, "/-/scenarios/desk", told=visit.gettext("Saved."))


def post_alias(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    with shown_again(visit, lambda errors: _desk_page(session, visit, form, errors)):
        scenarios.name_firm(session, form["alias"], form["name"], visit.actor)
    return see_other(visit, "/-/scenarios/desk", told=visit.gettext("Saved."))


def _desk_page(session: Session, visit: Visit, form: Form, errors: Any) -> Response:
    """Raises RoleNeeded."""
    tabs = tabs_for(session, visit)
    if not tabs["is_reviewer"]:
        raise RoleNeeded("operator")
    now = clock.now()
    context: dict[str, Any] = {
        "counts": scenarios.count_by_status(session),
        "stale_items": scenarios.list_stale(session, now),
        "ending": scenarios.list_ending(session, now + timedelta(days=_ENDING_DAYS)),
        "waiting": scenarios.list_waiting(session, ["submitted", "reviewing"]),
        "review_days": _days(list(scenarios.time_in_review(session).values())),
        "holders": scenarios.list_role_holders(session),
        "aliases": sorted(scenarios.list_aliases(session).items())[:200],
        "role_names": ROLES,
        "form": form,
        "errors": errors,
    }
    return page(visit, "scenarios/desk.html", tab="desk", **context, **tabs, **words_for(visit))


def _days(seconds: Sequence[float]) -> float | None:
    """The median."""
    return median(seconds) / 86400 if seconds else None
