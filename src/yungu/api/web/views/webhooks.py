"""Webhooks of a user, and what became of each delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from starlette.responses import Response

from yungu import hub
from yungu.accounts.models import Owner
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.visit import Visit, begin
from yungu.hub import Watched, Webhook
from yungu.kernel.db import Session

_DOMAINS = ("repo", "discussion")
_TYPES: tuple[str, ...] = ("user", "org", "model", "dataset", "space")
_LIST = "/settings/webhooks"


def get_webhooks(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    return _list_page(session, visit, visit.person(), EMPTY, {})


def post_webhook(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    with shown_again(visit, lambda errors: _list_page(session, visit, user, form, errors), url=hub.WebhookInvalid):
        watched = _watched(visit, form)
        made = hub.create_webhook(
            session,
            call.site.secret,
            visit.actor,
            url=form["url"],
            watched=watched,
            domains=_domains(visit, form),
            secret=form["secret"] or None,
        )
    return see_other(visit, f"{_LIST}/{made.id}", told=visit.gettext("The webhook is set up."))


def get_webhook(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    webhook = _own(session, call, visit)
    context: dict[str, Any] = {"webhook": webhook, "deliveries": hub.list_deliveries(session, webhook)}
    return page(visit, "settings/webhook.html", tab="webhooks", **context)


def post_change(session: Session, call: Call) -> Response:
    """Pause, go on, delete, or deliver something again."""
    visit = begin(session, call)
    webhook, form = _own(session, call, visit), read_form(visit)
    address = f"{_LIST}/{webhook.id}"
    match form["do"]:
        case "delete":
            hub.delete_webhook(session, webhook)
            return see_other(visit, _LIST, told=visit.gettext("The webhook is deleted."))
        case "pause" | "resume" as wish:
            hub.change_webhook(session, call.site.secret, webhook, is_disabled=wish == "pause")
            return see_other(visit, address, told=visit.gettext("Saved."))
        case _:
            hub.redeliver(session, webhook, whole_number(form["delivery"]) or 0)
            return see_other(visit, address, told=visit.gettext("It is being delivered again."))


def _own(session: Session, call: Call, visit: Visit) -> Webhook:
    return hub.get_webhook(session, visit.person().id, whole_number(call.params["webhook"]) or 0)


def _list_page(session: Session, visit: Visit, user: Owner, form: Form, errors: Mapping[str, str]) -> Response:
    context: dict[str, Any] = {"webhooks": hub.list_webhooks(session, user.id), "form": form, "errors": errors}
    return page(visit, "settings/webhooks.html", tab="webhooks", user=user, **context)


def _watched(visit: Visit, form: Form) -> list[Watched]:
    """What the lines name: ``user lin``, ``model lin/tea``. Raises FieldInvalid."""
    found = []
    for line in form["watched"].splitlines():
        kind, _, name = line.strip().partition(" ")
        if not name.strip() or kind not in _TYPES or ("/" in name) != (kind not in ("user", "org")):
            message = visit.gettext("'%(line)s' is not understood. Write for example: user lin, or model lin/tea.")
            raise FieldInvalid("watched", message % {"line": line[:100]})
        found.append(Watched(cast(Any, kind), name.strip()))
    return found


def _domains(visit: Visit, form: Form) -> list[str]:
    chosen = [name for name in _DOMAINS if form[f"about_{name}"]]
    if not chosen:
        raise FieldInvalid("domains", visit.gettext("Choose at least one."))
    return chosen
