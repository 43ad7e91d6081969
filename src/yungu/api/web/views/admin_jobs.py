"""Administrators ask for checks, sweeps and backups, and watch them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from yungu import accounts
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.forms import FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import see_other
from yungu.api.web.views.admin import admin_page, administrator
from yungu.api.web.visit import Visit, begin
from yungu.kernel import upkeep
from yungu.kernel.db import Session
from yungu.kernel.upkeep import KINDS, OPEN, Run, RunNotFound

_REFRESH_SECONDS = 3


def get_jobs(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    return _jobs_page(session, visit, {})


def post_job(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    with shown_again(visit, lambda errors: _jobs_page(session, visit, errors)):
        if form["kind"] not in KINDS:
            raise FieldInvalid("", visit.gettext("Choose one of these."))
        kind = form["kind"]
        number = upkeep.ask(session, kind, _options(kind, form), by=by.id)
    return see_other(visit, urls.admin(f"jobs/{number}"))


def get_job(session: Session, call: Call) -> Response:
    """Reloads itself while there is something to see."""
    visit = begin(session, call)
    administrator(visit)
    run = _run(session, call)
    names = accounts.list_owner_names(session, [run.asked_by] if run.asked_by else [])
    response = admin_page(visit, "job.html", "jobs", run=run, names=names, is_open=run.state in OPEN)
    if run.state in OPEN:
        response.headers["refresh"] = str(_REFRESH_SECONDS)
    return response


def post_cancel(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    by = administrator(visit)
    read_form(visit)
    run = _run(session, call)
    upkeep.cancel(session, run.id, by=by.id)
    return see_other(visit, urls.admin(f"jobs/{run.id}"))


def _run(session: Session, call: Call) -> Run:
    number = whole_number(call.params["number"])
    if number is None:
        raise RunNotFound
    return upkeep.get_run(session, number)


def _options(kind: upkeep.Kind, form: Form) -> dict[str, Any]:
    match kind:
        case "fsck":
            return {"fast": form["fast"] == "1"}
        case "gc":
            return {"dry_run": form["dry_run"] == "1"}
        case _:
            return {}


def _jobs_page(session: Session, visit: Visit, errors: Mapping[str, str]) -> Response:
    runs = upkeep.list_runs(session)
    names = accounts.list_owner_names(session, [run.asked_by for run in runs if run.asked_by])
    folder = visit.call.site.backups
    return admin_page(visit, "jobs.html", "jobs", runs=runs, names=names, errors=errors, folder=folder, open=OPEN)
