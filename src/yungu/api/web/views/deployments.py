"""Models that can be called: the catalogue, each one's page, and the forms that make and change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, cast

from starlette.responses import Response

from yungu import accounts, compute, credits, hub
from yungu.api.http import Call
from yungu.api.http.blobs import read_blob
from yungu.api.http.call import whole_number
from yungu.api.web import snippets, urls
from yungu.api.web.errors import explain
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.visit import Visit, begin
from yungu.compute import (
    Deployment,
    DeploymentDenied,
    DeploymentInvalid,
    DeploymentTaken,
    Prices,
    RuntimePlan,
)
from yungu.hub import Repo
from yungu.kernel import clock
from yungu.kernel.db import Session

_DAYS = 30
_CALLS_SHOWN = 8
_LOG_SHOWN = 16_000
_KINDS = ("chat", "completion", "embedding", "rerank", "predict")
_VISIBILITIES: tuple[compute.Visibility, ...] = ("public", "internal", "private")
_MB = 1_000_000
_PRICES = ("prompt_million", "completion_million", "request", "second")


@dataclass(frozen=True, slots=True)
class Estimate:
    """How a repo would be served, and what it would need: see `compute.RuntimePlan` and `compute.needs`."""

    plan: RuntimePlan | None
    problem: str
    need: compute.Need | None


# --- looking


def get_list(session: Session, call: Call) -> Response:
    """All that the visitor may call; ``?mine=1``: those that they may change."""
    visit = begin(session, call)
    asked = call.query_params
    found = compute.list_deployments(session, visit.actor)
    kind = asked.get("kind", "")
    is_mine = bool(asked.get("mine")) and visit.actor.user is not None
    own = [one for one in found if may_change(visit, one)]
    shown = [one for one in (own if is_mine else found) if is_mine or one.wanted == "on"]
    context: dict[str, Any] = {
        "tab": "models",
        "found": [one for one in shown if kind not in _KINDS or kind in one.answers],
        "own_count": len(own),
        "is_mine": is_mine,
        "kinds": [name for name in _KINDS if any(name in one.answers for one in shown)],
        "kind": kind,
    }
    return page(visit, "compute/deployments.html", **context)


def get_deployment(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    found = compute.visible_deployment(session, _name(call), visit.actor)
    return _deployment_page(session, visit, found, EMPTY, {})


def may_change(visit: Visit, deployment: Deployment) -> bool:
    """Whether the visitor is here in person and may change this deployment."""
    actor = visit.actor
    in_person = actor.user is not None and actor.scope is None
    return in_person and hub.may_curate(actor, deployment.owner_id, deployment.name.partition("/")[0])


# --- changing


def post_switch(session: Session, call: Call) -> Response:
    """On, or off."""
    visit, found, form = _ruled(session, call)
    wanted: compute.Wanted = "on" if form["wanted"] == "on" else "off"
    compute.switch_deployment(session, found, visit.actor, wanted)
    told = visit.gettext("Switched on.") if wanted == "on" else visit.gettext("Switched off.")
    return see_other(visit, urls.deployment(found.name), told=told)


def post_change(session: Session, call: Call) -> Response:
    visit, found, form = _ruled(session, call)
    with shown_again(visit, lambda errors: _deployment_page(session, visit, found, form, errors)):
        changes = _limits(visit, form) if found.repo_id is not None else {}
        compute.change_deployment(
            session,
            call.site.git,
            call.site.secret,
            found,
            visit.actor,
            prices=_prices(visit, form),
            visibility=_visibility(visit, form),
            context_tokens=_number(visit, form, "context_tokens"),
            revision=form["revision"] or None,
            limit_bytes=call.site.replica_bytes,
            **changes,
        )
    return see_other(visit, urls.deployment(found.name), told=visit.gettext("Saved."))


def post_remove(session: Session, call: Call) -> Response:
    """For good; its name is typed to confirm."""
    visit, found, form = _ruled(session, call)
    with shown_again(visit, lambda errors: _deployment_page(session, visit, found, form, errors)):
        if form["confirm"].casefold() != found.name.casefold():
            raise FieldInvalid("confirm", visit.gettext("This is not its name."))
        compute.remove_deployment(session, found, visit.actor)
    told = visit.gettext("%(name)s cannot be called any more.") % {"name": found.name}
    return see_other(visit, "/-/deployments", told=told)


# --- making


def get_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    repo = hub.readable_repo(session, "model", call.query_params.get("repo", ""), visit.actor)
    return _new_page(session, visit, repo, EMPTY, {})


def post_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    repo = hub.readable_repo(session, "model", form["repo"], visit.actor)
    with shown_again(
        visit, lambda errors: _new_page(session, visit, repo, form, errors), name=(DeploymentTaken, DeploymentDenied)
    ):
        _check_fit(session, visit, repo, form)
        made = compute.deploy(
            session,
            call.site.git,
            repo.repo_id,
            visit.actor,
            _prices(visit, form),
            name=form["name"] or None,
            revision=form["revision"] or None,
            visibility=_visibility(visit, form),
            context_tokens=_number(visit, form, "context_tokens"),
            limit_bytes=call.site.replica_bytes,
            **_limits(visit, form),
        )
    told = visit.gettext("%(name)s can be called now; it starts with the first call.")
    return see_other(visit, urls.deployment(made.name), told=told % {"name": made.name})


def get_upstream(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    return _upstream_page(visit, EMPTY, {})


def post_upstream(session: Session, call: Call) -> Response:
    """A model of another OpenAI-compatible server."""
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    with shown_again(
        visit, lambda errors: _upstream_page(visit, form, errors), name=(DeploymentTaken, DeploymentDenied)
    ):
        made = compute.deploy_upstream(
            session,
            call.site.secret,
            form["name"],
            visit.actor,
            form["address"],
            _prices(visit, form),
            upstream_model=form["upstream_model"],
            key=form["key"],
            visibility=_visibility(visit, form),
            answers=[kind for kind in form.all("answers") if kind in _KINDS],
            context_tokens=_number(visit, form, "context_tokens") or 8192,
        )
    told = visit.gettext("%(name)s can be called now.") % {"name": made.name}
    return see_other(visit, urls.deployment(made.name), told=told)


# --- the pages


def _deployment_page(
    session: Session, visit: Visit, found: Deployment, form: Form, errors: Mapping[str, str]
) -> Response:
    is_ruled, pool = may_change(visit, found), visit.call.site.pool
    since = datetime.combine(clock.now().date() - timedelta(days=_DAYS - 1), time(), UTC)
    days = compute.count_calls_by_day(session, found.id, since) if is_ruled else []
    context: dict[str, Any] = {
        "tab": "models",
        "one": found,
        "repo": _repo(session, visit, found),
        "owner": accounts.get_owner_by_id(session, found.owner_id),
        "is_ruled": is_ruled,
        "standing": pool.standing(found) if pool else None,
        "log": pool.log(found)[-_LOG_SHOWN:] if pool and is_ruled else "",
        "snippets": snippets.list_call_snippets(found.name, found.answers, visit.call.origin),
        "calls_by_day": every_day({day: count for day, count, _ in days}, since.date()),
        "earned_by_day": every_day({day: amount for day, _, amount in days}, since.date()),
        "calls": compute.list_calls(session, deployment_id=found.id, limit=_CALLS_SHOWN).items if is_ruled else [],
        "visibilities": _VISIBILITIES,
        "price_names": _PRICES,
        "form": form,
        "errors": errors,
        "days": _DAYS,
    }
    return page(visit, "compute/deployment.html", **context)


def _new_page(session: Session, visit: Visit, repo: Repo, form: Form, errors: Mapping[str, str]) -> Response:
    context: dict[str, Any] = {
        "tab": "models",
        "repo": repo,
        "estimate": _estimate(session, visit, repo, form),
        "limit_bytes": visit.call.site.replica_bytes,
        "namespaces": _namespaces(session, visit),
        "visibilities": _VISIBILITIES[_VISIBILITIES.index(repo.visibility) :],
        "price_names": _PRICES,
        "form": form,
        "errors": errors,
    }
    return page(visit, "compute/deploy.html", **context)


def _upstream_page(visit: Visit, form: Form, errors: Mapping[str, str]) -> Response:
    context: dict[str, Any] = {
        "tab": "models",
        "visibilities": _VISIBILITIES,
        "price_names": _PRICES,
        "kinds": _KINDS[:4],
        "form": form,
        "errors": errors,
    }
    return page(visit, "compute/upstream.html", **context)


def _estimate(session: Session, visit: Visit, repo: Repo, form: Form) -> Estimate:
    """What the repo would need if it were deployed now, as far as its files tell."""
    git = visit.call.site.git
    try:
        commit = hub.resolve_revision(session, git, repo, None)
        plan = compute.plan_runtime(compute.read_content(git, repo, commit))
    except (DeploymentInvalid, hub.RevisionNotFound) as error:
        return Estimate(None, explain(error, visit.language), None)
    file = cast(str | None, plan.options.get("file"))
    weights = file if file and file.endswith(".gguf") else None
    model = compute.find_anatomy(session, partial(read_blob, visit.call.site), repo, git.open(repo.id), commit, weights)
    context = whole_number(form["context_tokens"]) or plan.context_tokens
    needs = compute.needs(model, context_tokens=min(context, 1 << 22), batch=1) if model else []
    return Estimate(plan, "", needs[0] if needs else None)


def _check_fit(session: Session, visit: Visit, repo: Repo, form: Form) -> None:
    """Raises ModelTooLarge when the weights and the cache of one context of that length cannot fit on this machine."""
    limit, need = visit.call.site.replica_bytes, _estimate(session, visit, repo, form).need
    if limit is not None and need is not None:
        compute.check_fit(need.total_bytes, limit, what=repo.repo_id)


def _namespaces(session: Session, visit: Visit) -> list[str]:
    """Under which names the visitor may deploy: their own, and organizations that they may write to."""
    user = visit.person()
    found = accounts.list_memberships(session, user.id)
    return [user.name, *(one.organization for one in found if one.role in ("write", "admin"))]


def _repo(session: Session, visit: Visit, found: Deployment) -> Repo | None:
    repo = hub.find_repo_by_id(session, found.repo_id) if found.repo_id is not None else None
    return repo if repo is not None and hub.may_read(visit.actor, repo) else None


def every_day(known: Mapping[date, int], first: date) -> list[tuple[date, int]]:
    days = [first + timedelta(days=number) for number in range(_DAYS)]
    return [(day, known.get(day, 0)) for day in days]


# --- what was typed


def _ruled(session: Session, call: Call) -> tuple[Visit, Deployment, Form]:
    """Raises SignInRequired, DeploymentNotFound, DeploymentDenied."""
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    return visit, compute.ruled_deployment(session, _name(call), visit.actor), form


def _name(call: Call) -> str:
    return f"{call.params['namespace']}/{call.params['model']}"


def _prices(visit: Visit, form: Form) -> Prices:
    """Raises FieldInvalid."""
    return Prices(**{name: _price(visit, form, name) for name in _PRICES})


def _price(visit: Visit, form: Form, name: str) -> int:
    text = form[name].replace(",", "")
    if not text.strip("0.") and text.count(".") <= 1:
        return 0
    try:
        return credits.parse_credits(text)
    except credits.AmountInvalid:
        raise FieldInvalid(name, visit.gettext("Write a number of credits, with up to six decimals.")) from None


def _visibility(visit: Visit, form: Form) -> compute.Visibility:
    for name in _VISIBILITIES:
        if form["visibility"] == name:
            return name
    raise FieldInvalid("visibility", visit.gettext("Choose one of these."))


def _limits(visit: Visit, form: Form) -> dict[str, Any]:
    """Raises FieldInvalid."""
    memory = _number(visit, form, "memory")
    found: dict[str, Any] = {
        "memory_bytes": memory * _MB if memory is not None else None,
        "least_replicas": _number(visit, form, "least_replicas"),
        "most_replicas": _number(visit, form, "most_replicas"),
        "idle_seconds": _number(visit, form, "idle_seconds"),
    }
    return found


def _number(visit: Visit, form: Form, name: str) -> int | None:
    """Raises FieldInvalid."""
    if not form[name]:
        return None
    number = whole_number(form[name].replace(",", ""))
    if number is None:
        raise FieldInvalid(name, visit.gettext("Write a whole number."))
    return number
