"""Administrators look after users and organizations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.responses import Response

from yungu import accounts, hub
from yungu.accounts import LastAdministrator, OwnerBusy, OwnerNotFound, QuotaExceeded
from yungu.accounts.models import Owner
from yungu.api.http import Call
from yungu.api.http.signing import sign
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import see_other
from yungu.api.web.views.admin import admin_page, administrator
from yungu.api.web.views.people import RESET_PURPOSE, RESET_SECONDS, Reset
from yungu.api.web.visit import Visit, begin
from yungu.hub import NamespaceDenied, RepoExists
from yungu.kernel.db import Session

_PER_PAGE = 50


def get_users(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    search, state = call.query_params.get("q", "").strip()[:100], call.query_params.get("state", "")
    cursor = call.query_params.get("cursor") or None
    found = accounts.page_owners(session, "user", search=search, state=state, limit=_PER_PAGE, cursor=cursor)
    more = urls.with_query(urls.admin("users"), q=search, state=state, cursor=found.next_cursor)
    return admin_page(
        visit, "users.html", "users", found=found.items, search=search, state=state,
        next=more if found.next_cursor else None, first=urls.admin("users") if cursor else None,
    )  # fmt: skip


def get_organizations(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    search, cursor = call.query_params.get("q", "").strip()[:100], call.query_params.get("cursor") or None
    found = accounts.page_owners(session, "organization", search=search, limit=_PER_PAGE, cursor=cursor)
    members = {place.id: len(accounts.list_members(session, place.id)) for place in found.items}
    more = urls.with_query(urls.admin("organizations"), q=search, cursor=found.next_cursor)
    return admin_page(
        visit, "organizations.html", "organizations", found=found.items, members=members, search=search,
        next=more if found.next_cursor else None, first=urls.admin("organizations") if cursor else None,
    )  # fmt: skip


def get_owner(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    return _owner_page(session, visit, accounts.get_owner(session, call.params["owner"]), EMPTY, {})


def post_suspend(session: Session, call: Call) -> Response:
    return _change(session, call, accounts.suspend_user)


def post_unsuspend(session: Session, call: Call) -> Response:
    return _change(session, call, accounts.unsuspend_user)


def post_promote(session: Session, call: Call) -> Response:
    return _change(session, call, accounts.make_administrator)


def post_demote(session: Session, call: Call) -> Response:
    return _change(session, call, accounts.unmake_administrator)


def post_sign_out(session: Session, call: Call) -> Response:
    """End all browser sessions of a user."""
    return _change(session, call, accounts.end_sessions)


def post_reset(session: Session, call: Call) -> Response:
    """Shows a link by which the user may choose a new password; it is kept nowhere."""
    visit = begin(session, call)
    by = administrator(visit)
    read_form(visit)
    user = accounts.get_user(session, call.params["owner"])
    mark = accounts.begin_reset(session, call.site.secret, user, by=by.id)
    key = sign(call.site.secret, RESET_PURPOSE, Reset(user.id, mark), lifetime_seconds=RESET_SECONDS)
    return _owner_page(session, visit, user, EMPTY, {}, link=call.origin + urls.with_query("/login/reset", key=key))


def post_delete(session: Session, call: Call) -> Response:
    """With the repos handed over or deleted, as the form says."""
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    owner = accounts.get_owner(session, call.params["owner"])
    with shown_again(
        visit,
        lambda errors: _owner_page(session, visit, owner, form, errors),
        heir=(OwnerNotFound, RepoExists, NamespaceDenied, QuotaExceeded),
        confirm=(OwnerBusy, LastAdministrator),
    ):
        if form["confirm"] != owner.name:
            raise FieldInvalid("confirm", visit.gettext("Type the name exactly as it is shown."))
        if owner.id == by.id:
            raise FieldInvalid("confirm", visit.gettext("You cannot delete yourself."))
        hub.clear_owner(session, owner, visit.actor, heir=_heir(session, visit, owner, form))
        accounts.delete_owner(session, owner, by=by.id)
    place = "users" if owner.kind == "user" else "organizations"
    return see_other(visit, urls.admin(place), told=visit.gettext("%(name)s was deleted.") % {"name": owner.name})


def _heir(session: Session, visit: Visit, owner: Owner, form: Form) -> Owner | None:
    """Who gets the repos; None: they are deleted. Raises FieldInvalid, OwnerNotFound."""
    if not hub.list_repos_of(session, owner.id) or form["repos"] == "delete":
        return None
    if form["repos"] != "transfer":
        raise FieldInvalid("repos", visit.gettext("Say what shall become of the repositories."))
    heir = accounts.get_owner(session, form["heir"])
    if heir.id == owner.id:
        raise FieldInvalid("heir", visit.gettext("Choose somebody else."))
    return heir


def _change(session: Session, call: Call, change: Callable[..., None]) -> Response:
    """One step that needs no more than the user's name."""
    visit = begin(session, call)
    by = administrator(visit)
    read_form(visit)
    user = accounts.get_user(session, call.params["owner"])
    with shown_again(visit, lambda errors: _owner_page(session, visit, user, EMPTY, errors)):
        change(session, user, by=by.id)
    return see_other(visit, urls.admin_owner(user.name), told=visit.gettext("Saved."))


def _owner_page(
    session: Session, visit: Visit, owner: Owner, form: Form, errors: Mapping[str, str], *, link: str = ""
) -> Response:
    is_user = owner.kind == "user"
    return admin_page(
        visit,
        "owner.html",
        "users" if is_user else "organizations",
        owner=owner,
        form=form,
        errors=errors,
        link=link,
        repos=hub.list_repos_of(session, owner.id),
        used_bytes=hub.used_bytes(session, owner.id),
        quota=accounts.get_quota(session, owner.id),
        members=(accounts.list_memberships if is_user else accounts.list_members)(session, owner.id),
        tokens=accounts.list_tokens(session, owner.id) if is_user else [],
        sessions=accounts.list_browser_sessions(session, owner.id) if is_user else [],
        identities=accounts.list_identities(session, owner.id) if is_user else [],
    )
