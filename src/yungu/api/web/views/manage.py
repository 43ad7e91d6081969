"""New repos, and the settings of a repo: visibility, gate, name, end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from yungu import accounts, hub
from yungu.accounts.models import Owner
from yungu.api.http import Call
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.repos import frame
from yungu.api.web.visit import Visit, begin
from yungu.hub import KINDS, VISIBILITIES, Gate, Kind, NamespaceDenied, Repo, RepoExists, RepoNameInvalid, Visibility
from yungu.kernel.db import Session

_GATES: tuple[Gate, ...] = ("", "auto", "manual")
_SDKS = ("gradio", "docker", "static")


def get_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    return _new_page(session, visit, EMPTY, {})


def post_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    with shown_again(
        visit,
        lambda errors: _new_page(session, visit, form, errors),
        name=(RepoNameInvalid, RepoExists),
        owner=NamespaceDenied,
    ):
        kind, visibility = _kind(visit, form), _visibility(visit, form)
        sdk = form["sdk"] if form["sdk"] in _SDKS else "gradio"
        repo = hub.create_repo(
            session, call.site.git, kind, f"{form['owner']}/{form['name']}", visit.actor, visibility=visibility, sdk=sdk
        )
    return see_other(visit, urls.repo(repo))


def get_settings(session: Session, call: Call) -> Response:
    visit, repo = _ruled(session, call)
    return _settings_page(session, visit, repo, EMPTY, {})


def post_settings(session: Session, call: Call) -> Response:
    """Visibility and gate."""
    visit, repo = _ruled(session, call)
    form = read_form(visit)
    with shown_again(visit, lambda errors: _settings_page(session, visit, repo, form, errors)):
        visibility = _visibility(visit, form)
        if form["gated"] not in _GATES:
            raise FieldInvalid("gated", visit.gettext("Choose one of these."))
    hub.change_settings(session, repo, visit.actor, visibility=visibility, gated=form["gated"])
    return see_other(visit, urls.repo_settings(repo), told=visit.gettext("Saved."))


def post_move(session: Session, call: Call) -> Response:
    visit, repo = _ruled(session, call)
    form = read_form(visit)
    with shown_again(
        visit,
        lambda errors: _settings_page(session, visit, repo, form, errors),
        name=(RepoNameInvalid, RepoExists),
        owner=NamespaceDenied,
    ):
        moved = hub.move_repo(session, repo, f"{form['owner']}/{form['name']}", visit.actor)
    told = visit.gettext("This repository is now %(name)s.") % {"name": moved.repo_id}
    return see_other(visit, urls.repo_settings(moved), told=told)


def post_delete(session: Session, call: Call) -> Response:
    visit, repo = _ruled(session, call)
    form = read_form(visit)
    with shown_again(visit, lambda errors: _settings_page(session, visit, repo, form, errors)):
        if form["confirm"] != repo.repo_id:
            raise FieldInvalid("confirm", visit.gettext("Type the full name exactly to delete the repository."))
    hub.delete_repo(session, repo, visit.actor)
    told = visit.gettext("The repository %(name)s is deleted.") % {"name": repo.repo_id}
    return see_other(visit, urls.owner(repo.namespace), told=told)


def _ruled(session: Session, call: Call) -> tuple[Visit, Repo]:
    visit = begin(session, call)
    repo = hub.ruled_repo(session, call.kind, call.repo_id, visit.actor)
    visit.person()
    return visit, repo


def _kind(visit: Visit, form: Form) -> Kind:
    if form["kind"] not in KINDS:
        raise FieldInvalid("kind", visit.gettext("Choose one of these."))
    return form["kind"]


def _visibility(visit: Visit, form: Form) -> Visibility:
    if form["visibility"] not in VISIBILITIES:
        raise FieldInvalid("visibility", visit.gettext("Choose one of these."))
    return form["visibility"]


def _owners(session: Session, visit: Visit) -> list[Owner]:
    """Under whom the visitor may create repos, the visitor first."""
    user = visit.person()
    shared = [
        accounts.get_owner(session, member.organization) for member in accounts.list_memberships(session, user.id)
    ]
    return [user, *(owner for owner in shared if hub.can_create_in(visit.actor, owner))]


def _new_page(session: Session, visit: Visit, form: Form, errors: Mapping[str, str]) -> Response:
    asked = visit.call.query_params
    context: dict[str, Any] = {
        "owners": _owners(session, visit),
        "kinds": KINDS,
        "visibilities": VISIBILITIES,
        "sdks": _SDKS,
        "kind": form["kind"] or asked.get("kind", "model"),
        "owner": form["owner"] or asked.get("owner", visit.person().name),
    }
    return page(visit, "repo_new.html", form=form, errors=errors, **context)


def _settings_page(session: Session, visit: Visit, repo: Repo, form: Form, errors: Mapping[str, str]) -> Response:
    context: dict[str, Any] = {
        "frame": frame(session, visit, repo, "settings"),
        "owners": _owners(session, visit),
        "visibilities": VISIBILITIES,
        "gates": _GATES,
    }
    return page(visit, "repo_settings.html", repo=repo, form=form, errors=errors, **context)
