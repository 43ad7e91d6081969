"""Administrators see who keeps how much, and say how much that may be."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from yungu import accounts, hub
from yungu.accounts.models import OwnerKind
from yungu.api.http import Call
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import see_other
from yungu.api.web.views.admin import admin_page, administrator
from yungu.api.web.visit import Visit, begin
from yungu.kernel.db import Session

_PER_PAGE = 50
_GB = 1_000_000_000
_MOST_GB = 1_000_000_000
_KINDS: tuple[OwnerKind, ...] = ("user", "organization")


def get_storage(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    return _storage_page(session, visit, EMPTY, {})


def post_defaults(session: Session, call: Call) -> Response:
    """What holds for everybody without a limit of their own."""
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    with shown_again(visit, lambda errors: _storage_page(session, visit, form, errors)):
        wanted = {kind: read_gigabytes(visit, form, kind) for kind in _KINDS}
    held = accounts.get_default_quotas(session)
    for kind, limit_bytes in wanted.items():
        if held.get(kind) != limit_bytes:
            accounts.set_default_quota(session, kind, limit_bytes, by=by.id)
    return see_other(visit, urls.admin("storage"), told=visit.gettext("Saved."))


def post_quota(session: Session, call: Call) -> Response:
    """The limit of one owner."""
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    owner = accounts.get_owner(session, call.params["owner"])
    with shown_again(visit, lambda errors: _storage_page(session, visit, form, errors, owner.name)):
        match form["choice"]:
            case "default":
                accounts.reset_quota(session, owner, by=by.id)
            case "none":
                accounts.set_quota(session, owner, None, by=by.id)
            case "own":
                limit_bytes = read_gigabytes(visit, form, "gigabytes")
                if limit_bytes is None:
                    raise FieldInvalid("gigabytes", visit.gettext("Say how many gigabytes."))
                accounts.set_quota(session, owner, limit_bytes, by=by.id)
            case _:
                raise FieldInvalid("choice", visit.gettext("Choose one of these."))
    return see_other(visit, urls.admin_owner(owner.name), told=visit.gettext("Saved."))


def read_gigabytes(visit: Visit, form: Form, name: str) -> int | None:
    """Bytes for gigabytes (of 1000 MB) that were typed, None for an empty field. Raises FieldInvalid."""
    text = form[name].replace(",", ".")
    if not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount <= _MOST_GB:
        raise FieldInvalid(name, visit.gettext("This is not a number of gigabytes."))
    return round(amount * _GB)


def _storage_page(
    session: Session, visit: Visit, form: Form, errors: Mapping[str, str], owner_name: str = ""
) -> Response:
    asked = visit.call.query_params
    search = asked.get("q", "").strip()[:100]
    number = int(asked["page"]) if asked.get("page", "").isdecimal() and len(asked["page"]) < 6 else 1
    rows = hub.list_usage(session, search=search, limit=_PER_PAGE + 1, offset=(max(number, 1) - 1) * _PER_PAGE)

    def address(page: int) -> str:
        return urls.with_query(urls.admin("storage"), q=search, page=str(page))

    return admin_page(
        visit,
        "storage.html",
        "storage",
        sizes=hub.store_sizes(session),
        defaults=accounts.get_default_quotas(session),
        rows=rows[:_PER_PAGE],
        search=search,
        next=address(number + 1) if len(rows) > _PER_PAGE else None,
        first=address(1) if number > 1 else None,
        form=form,
        errors=errors,
        owner_name=owner_name,
    )
