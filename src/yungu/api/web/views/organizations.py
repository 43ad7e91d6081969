"""New organizations, and who is in them."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from yungu import accounts
from yungu.accounts import LinkInvalid, NameInvalid, NameTaken, NotMember, UserNotFound
from yungu.accounts.errors import LastAdmin
from yungu.accounts.models import ROLES, Owner
from yungu.api.http import Call
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.settings import checked_profile
from yungu.api.web.visit import Visit, begin
from yungu.kernel.db import Session


def get_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    return _new_page(visit, EMPTY, {})


def post_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    with shown_again(visit, lambda errors: _new_page(visit, form, errors), name=(NameInvalid, NameTaken)):
        made = accounts.create_organization(session, form["name"], creator=user, full_name=form["full_name"][:200])
    return see_other(visit, urls.owner(made.name))


def get_settings(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    organization = accounts.ruled_organization(session, call.params["owner"], visit.actor)
    return _settings_page(visit, organization, EMPTY, {})


def post_settings(session: Session, call: Call) -> Response:
    """What the organization says of itself."""
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    organization = accounts.ruled_organization(session, call.params["owner"], visit.actor)
    with shown_again(visit, lambda errors: _settings_page(visit, organization, form, errors), links=LinkInvalid):
        said = checked_profile(visit, form)
    full_name = form["full_name"][:200] or organization.name
    accounts.update_owner(session, organization.id, full_name=full_name, **said)
    return see_other(visit, urls.organization_settings(organization.name), told=visit.gettext("Saved."))


def get_members(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    organization = accounts.ruled_organization(session, call.params["owner"], visit.actor)
    return _members_page(session, visit, organization, EMPTY, {})


def post_member(session: Session, call: Call) -> Response:
    """Add a member, or give one another role."""
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    organization = accounts.ruled_organization(session, call.params["owner"], visit.actor)
    with shown_again(
        visit, lambda errors: _members_page(session, visit, organization, form, errors), user=UserNotFound
    ):
        if form["role"] not in ROLES:
            raise FieldInvalid("role", visit.gettext("Choose a role."))
        member = accounts.get_user(session, form["user"])
        accounts.add_member(session, organization, member, form["role"], by=user.id)
    told = visit.gettext("Saved: %(name)s") % {"name": member.name}
    return see_other(visit, urls.members(organization.name), told=told)


def post_remove(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    organization = accounts.ruled_organization(session, call.params["owner"], visit.actor)
    again = lambda errors: _members_page(session, visit, organization, EMPTY, errors)  # noqa: E731
    with shown_again(visit, again, **{"": (LastAdmin, NotMember, UserNotFound)}):
        accounts.remove_member(session, organization, accounts.get_user(session, form["user"]), by=user.id)
    is_gone = form["user"].casefold() == user.name.casefold()
    return see_other(visit, urls.owner(organization.name) if is_gone else urls.members(organization.name))


def _new_page(visit: Visit, form: Form, errors: Mapping[str, str]) -> Response:
    return page(visit, "organization_new.html", form=form, errors=errors)


def _settings_page(visit: Visit, organization: Owner, form: Form, errors: Mapping[str, str]) -> Response:
    return page(visit, "organization_settings.html", organization=organization, form=form, errors=errors)


def _members_page(
    session: Session, visit: Visit, organization: Owner, form: Form, errors: Mapping[str, str]
) -> Response:
    members = accounts.list_members(session, organization.id)
    return page(
        visit, "members.html", organization=organization, members=members, roles=ROLES, form=form, errors=errors
    )
