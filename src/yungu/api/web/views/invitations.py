"""Invitations: administrators make them for the hub, those of an organization for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from yungu import accounts
from yungu.accounts import Invitation, InvitationInvalid, OwnerNotFound
from yungu.accounts.models import ROLES, Owner
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.admin import admin_page, administrator
from yungu.api.web.visit import Visit, begin
from yungu.kernel import clock
from yungu.kernel.db import Session

_LIFETIMES = {days: timedelta(days=int(days)) for days in ("1", "7", "30")}


# --- for the hub


def get_all(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    return _all_page(session, visit, EMPTY, {})


def post_all(session: Session, call: Call) -> Response:
    """Shows the link in the answer itself: it is kept nowhere."""
    visit = begin(session, call)
    administrator(visit)
    form = read_form(visit)
    with shown_again(visit, lambda errors: _all_page(session, visit, form, errors), organization=OwnerNotFound):
        place = accounts.get_organization(session, form["organization"]) if form["organization"] else None
        link = _make(session, visit, form, place)
    return _all_page(session, visit, EMPTY, {}, link=link)


def post_all_revoke(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    accounts.revoke_invitation(session, _named(session, form), by=by.id)
    return see_other(visit, urls.admin("invitations"), told=visit.gettext("The invitation was withdrawn."))


# --- for one organization


def get_own(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    organization = accounts.ruled_organization(session, call.params["owner"], visit.actor)
    return _own_page(session, visit, organization, EMPTY, {})


def post_own(session: Session, call: Call) -> Response:
    """Shows the link in the answer itself: it is kept nowhere."""
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    organization = accounts.ruled_organization(session, call.params["owner"], visit.actor)
    with shown_again(visit, lambda errors: _own_page(session, visit, organization, form, errors)):
        link = _make(session, visit, form, organization)
    return _own_page(session, visit, organization, EMPTY, {}, link=link)


def post_own_revoke(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    by, form = visit.person(), read_form(visit)
    organization = accounts.ruled_organization(session, call.params["owner"], visit.actor)
    found = _named(session, form)
    if found.organization_id != organization.id:
        raise InvitationInvalid
    accounts.revoke_invitation(session, found, by=by.id)
    told = visit.gettext("The invitation was withdrawn.")
    return see_other(visit, urls.invitations(organization.name), told=told)


def _make(session: Session, visit: Visit, form: Form, organization: Owner | None) -> str:
    """The link of a new invitation. Raises FieldInvalid."""
    if organization is not None and form["role"] not in ROLES:
        raise FieldInvalid("role", visit.gettext("Choose a role."))
    _, value = accounts.create_invitation(
        session,
        visit.call.site.secret,
        by=visit.actor,
        organization=organization,
        role=form["role"] if organization else None,  # type: ignore[arg-type]  # one of ROLES
        note=form["note"],
        lifetime=_LIFETIMES.get(form["days"], accounts.INVITATION_LIFETIME),
    )
    return visit.call.origin + urls.with_query("/join", invitation=value)


def _named(session: Session, form: Form) -> Invitation:
    """Raises InvitationInvalid."""
    number = whole_number(form["invitation"])
    if number is None:
        raise InvitationInvalid
    return accounts.get_invitation(session, number)


def _all_page(session: Session, visit: Visit, form: Form, errors: Mapping[str, str], *, link: str = "") -> Response:
    return admin_page(visit, "invitations.html", "invitations", **_context(session, form, errors, link, None))


def _own_page(
    session: Session, visit: Visit, organization: Owner, form: Form, errors: Mapping[str, str], *, link: str = ""
) -> Response:
    context = _context(session, form, errors, link, organization)
    response = page(visit, "invitations.html", tab="invitations", **context)
    response.headers["cache-control"] = "no-store"
    return response


def _context(
    session: Session, form: Form, errors: Mapping[str, str], link: str, organization: Owner | None
) -> dict[str, Any]:
    found = accounts.list_invitations(session, organization_id=organization.id if organization else None)
    return {
        "organization": organization,
        "invitations": found,
        "now": clock.now(),
        "roles": ROLES,
        "form": form,
        "errors": errors,
        "link": link,
    }
