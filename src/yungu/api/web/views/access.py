"""Gated repos: asking to be let in, and deciding about who asks."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.gates import questions
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.repos import frame
from yungu.api.web.visit import Visit, begin
from yungu.hub import AccessRequest, AccessStatus, Repo
from yungu.kernel.clock import iso
from yungu.kernel.db import Session

STATUSES: tuple[AccessStatus, ...] = ("pending", "accepted", "rejected")
_PER_PAGE = 50


def post_ask(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    repo, form = hub.visible_repo(session, call.kind, call.repo_id, visit.actor), read_form(visit)
    answers = {asked.name: form[f"q-{number}"][:1000] for number, asked in enumerate(questions(repo))}
    asked = hub.ask_access(session, repo, visit.actor, answers)
    let_in = asked.status == "accepted"
    told = visit.gettext("You may read it now.") if let_in else visit.gettext("Your request waits for an answer.")
    return see_other(visit, urls.repo(repo), told=told)


def get_requests(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    repo = hub.ruled_repo(session, call.kind, call.repo_id, visit.actor)
    if call.query_params.get("format") == "csv":
        return _report(session, repo)
    return _requests_page(session, visit, repo, EMPTY, {})


def post_decision(session: Session, call: Call) -> Response:
    """Accept, reject or put back a request, or let somebody in who has not asked."""
    visit = begin(session, call)
    visit.person()
    repo = hub.ruled_repo(session, call.kind, call.repo_id, visit.actor)
    form = read_form(visit)
    with shown_again(
        visit, lambda errors: _requests_page(session, visit, repo, form, errors), user=accounts.UserNotFound
    ):
        if form["do"] == "grant":
            hub.grant_access(session, repo, accounts.get_user(session, form["user"]), visit.actor)
        else:
            _decide(session, visit, repo, form)
    return see_other(visit, urls.access(repo), told=visit.gettext("Saved."))


def _decide(session: Session, visit: Visit, repo: Repo, form: Form) -> None:
    if form["do"] not in STATUSES:
        raise FieldInvalid("", visit.gettext("Choose one of these."))
    asked = hub.get_access_request(session, repo, whole_number(form["request"]) or 0)
    hub.decide_access(session, repo, asked, form["do"], visit.actor, reason=form["reason"])


def _requests_page(session: Session, visit: Visit, repo: Repo, form: Form, errors: Mapping[str, str]) -> Response:
    asked = visit.call.query_params
    status = cast(AccessStatus, asked["status"]) if asked.get("status") in STATUSES else "pending"
    context: dict[str, Any] = {
        "repo": repo,
        "frame": frame(session, visit, repo, "settings"),
        "wanted_status": status,
        "found": hub.list_access_requests(session, repo, status, limit=_PER_PAGE, cursor=asked.get("cursor") or None),
        "form": form,
        "errors": errors,
    }
    return page(visit, "access.html", **context)


def _report(session: Session, repo: Repo) -> Response:
    """All requests as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["user", "full_name", "email", "status", "asked_at", "answers"])
    for request in _all_requests(session, repo):
        answers = "; ".join(f"{name}: {value}" for name, value in request.answers.items())
        row = [request.user, request.user_full_name, request.user_email or "", request.status, iso(request.asked_at)]
        writer.writerow([_plain_cell(cell) for cell in [*row, answers]])
    name = f"access-{repo.namespace}-{repo.name}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _all_requests(session: Session, repo: Repo) -> Sequence[AccessRequest]:
    found: list[AccessRequest] = []
    for status in STATUSES:
        cursor: str | None = ""
        while cursor is not None:
            part = hub.list_access_requests(session, repo, status, limit=500, cursor=cursor or None)
            found += part.items
            cursor = part.next_cursor
    return found


def _plain_cell(text: str) -> str:
    """Spreadsheets run what begins like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
