"""Jobs: asking for a batch or an evaluation, watching it, and what came of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any

import msgspec
from starlette.responses import Response

from yungu import accounts, compute, credits, hub
from yungu.api.http import Call
from yungu.api.http.app import read_body
from yungu.api.http.call import whole_number
from yungu.api.http.router import DEFAULT_MAX_BODY
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.visit import Visit, begin
from yungu.compute import BatchAsk, DeploymentNotFound, EvaluationAsk, Job, JobDenied, JobNotFound
from yungu.kernel.db import Session
from yungu.scenarios import validation

_PER_PAGE = 30
_LINES_SHOWN = 200
_ITEMS_SHOWN = 50
_MOST_EXPORTED = 100_000


def get_jobs(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    found = compute.list_jobs(session, visit.actor, limit=_PER_PAGE, cursor=call.query_params.get("cursor"))
    names = accounts.list_owner_names(session, {job.owner_id for job in found.items})
    return page(visit, "compute/jobs.html", tab="jobs", found=found, names=names)


def get_job(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    return _job_page(session, visit, compute.get_job(session, _number(call), visit.actor), {})


def _job_page(session: Session, visit: Visit, job: Job, errors: Mapping[str, str]) -> Response:
    is_open = _may_look_inside(session, visit, job)
    store = visit.call.site.store
    answers = compute.iter_answers(store, job) if is_open else iter(())
    context: dict[str, Any] = {
        "tab": "jobs",
        "job": job,
        "spec": compute.read_spec(job),
        "result": job.result or {},
        "is_open": is_open,
        "log": "\n".join(deque(compute.iter_log(store, job), _LINES_SHOWN)) if is_open else "",
        "items": list(islice(compute.iter_items(store, job), _ITEMS_SHOWN)) if is_open else [],
        "answers": [_answer(line) for line in islice(answers, _ITEMS_SHOWN)],
        "is_evidence": job.id in validation.list_evaluated(session),
        "errors": errors,
        "names": accounts.list_owner_names(session, {job.owner_id, job.created_by or 0}),
    }
    response = page(visit, "compute/job.html", **context)
    response.headers["cache-control"] = "no-store"
    return response


def get_result(session: Session, call: Call) -> Response:
    """The answers of a batch, or what became of each input of an evaluation, as lines of JSON."""
    visit = begin(session, call)
    visit.person()
    job, store = compute.get_open_job(session, _number(call), visit.actor), call.site.store
    lines = compute.iter_answers(store, job)
    if job.kind == "evaluation":
        lines = (msgspec.json.encode(item) + b"\n" for item in compute.iter_items(store, job))
    headers = {"content-disposition": f'attachment; filename="job-{job.id}.jsonl"', "cache-control": "no-store"}
    return Response(b"".join(islice(lines, _MOST_EXPORTED)), headers=headers, media_type="application/jsonl")


def post_cancel(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    read_form(visit)
    job = compute.cancel_job(session, _number(call), visit.actor)
    return see_other(visit, urls.job(job.id), told=visit.gettext("The job is cancelled."))


async def post_delete(call: Call) -> Response:
    """What the job made, for good; its row stays. First the row says so, then the files go."""
    call.body_bytes = await read_body(call, DEFAULT_MAX_BODY)
    response = await call.write(_clear, call)
    if response.status_code == 303:
        await call.in_thread(lambda: compute.drop_job_files(call.site.store, _number(call)))
    return response


def _clear(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    job = compute.get_job(session, _number(call), visit.actor)
    form = read_form(visit)
    with shown_again(visit, lambda errors: _job_page(session, visit, job, errors)):
        if form["confirm"].strip() != str(job.id):
            raise FieldInvalid("confirm", visit.gettext("This is not its number."))
        if job.id in validation.list_evaluated(session):
            raise FieldInvalid("confirm", visit.gettext("It is evidence of a pilot, and stays."))
        compute.clear_job(session, job.id, visit.actor)
    return see_other(visit, urls.job(job.id), told=visit.gettext("What the job made is deleted."))


def get_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    return _new_page(session, visit, EMPTY, {})


def post_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    user = visit.person()
    form = read_form(visit)
    again = lambda errors: _new_page(session, visit, form, errors)  # noqa: E731
    with shown_again(visit, again, model=DeploymentNotFound, dataset=(hub.RepoNotFound,), path=hub.EntryNotFound):
        options: dict[str, Any] = {"budget": _budget(visit, form)}
        options["payer"] = form["payer"] if form["payer"] not in ("", user.name) else None
        git, terms = call.site.git, call.site.job_terms
        if form["kind"] == "evaluation":
            made = compute.ask_evaluation(session, git, _evaluation(visit, form), visit.actor, terms, **options)
        else:
            asked = BatchAsk(
                form["model"],
                form["dataset"],
                form["path"],
                form["revision"] or None,
                form["into"] or None,
            )
            made = compute.ask_batch(session, git, asked, visit.actor, terms, **options)
    return see_other(visit, urls.job(made.id), told=visit.gettext("The job waits for its turn."))


def _evaluation(visit: Visit, form: Form) -> EvaluationAsk:
    """Raises FieldInvalid."""
    seed = whole_number(form["seed"] or "0")
    if seed is None or seed >= 2**32:
        raise FieldInvalid("seed", visit.gettext("Write a whole number."))
    return EvaluationAsk(
        form["dataset"],
        form["path"],
        revision=form["revision"] or None,
        program=form["program"] or None,
        model=form["model"] or None,
        metric=form["metric"],
        scorer=form["scorer"] or None,
        input_field=form["input_field"] or "input",
        label_field=form["label_field"] or "label",
        seed=seed,
    )


def _new_page(session: Session, visit: Visit, form: Form, errors: Mapping[str, str]) -> Response:
    asked = visit.call.query_params
    user = visit.person()
    kind = form["kind"] or asked.get("kind", "")
    organizations = [one for one in accounts.list_memberships(session, user.id) if one.role in ("write", "admin")]
    context: dict[str, Any] = {
        "tab": "jobs",
        "kind": kind if kind in ("batch", "evaluation") else "batch",
        "models": compute.list_deployments(session, visit.actor, only_on=True),
        "metrics": sorted(compute.METRICS),
        "payers": [user.name, *(one.organization for one in organizations)],
        "terms": visit.call.site.job_terms,
        "dataset": asked.get("dataset", "")[:200],
        "form": form,
        "errors": errors,
    }
    return page(visit, "compute/job_new.html", **context)


def _budget(visit: Visit, form: Form) -> int:
    text = form["budget"].replace(",", "")
    if not text.strip("0."):
        return 0
    try:
        return credits.parse_credits(text)
    except credits.AmountInvalid:
        raise FieldInvalid("budget", visit.gettext("Write a number of credits, with up to six decimals.")) from None


def _may_look_inside(session: Session, visit: Visit, job: Job) -> bool:
    try:
        compute.get_open_job(session, job.id, visit.actor)
    except JobDenied:
        return False
    return True


def _answer(line: bytes) -> tuple[str, str]:
    """The id that a request of a batch had, and its answer as text."""
    try:
        found = msgspec.json.decode(line)
        text = msgspec.json.encode(found.get("response") or found.get("error")).decode()
        return str(found.get("custom_id", "")), text[:500]
    except (msgspec.MsgspecError, AttributeError):
        return "", line.decode("utf-8", "replace")[:500]


def _number(call: Call) -> int:
    number = whole_number(call.params["number"])
    if number is None:
        raise JobNotFound(0)
    return number
