"""Webhooks of the user who asks. They can be set up here; nothing is delivered yet."""

from __future__ import annotations

from starlette.responses import Response

from yungu import hub
from yungu.api.hf import wire
from yungu.api.hf.ids import number_of, object_id
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.db import Session

_BASE = "/api/settings/webhooks"


@routes.get(_BASE)
def list_webhooks(session: Session, call: Call) -> Response:
    owner_id = hub.check_configuring(call.actor(session))
    return json_response([_webhook_json(webhook) for webhook in hub.list_webhooks(session, owner_id)])


@routes.post(_BASE)
def create_webhook(session: Session, call: Call) -> Response:
    body = call.body_as(wire.WebhookCreate)
    if body.job_source_id is not None or body.url is None:
        raise hub.WebhookInvalid("A webhook needs a url. There are no jobs here that it could start.")
    made = hub.create_webhook(
        session,
        call.actor(session),
        url=body.url,
        watched=[hub.Watched(item.type, item.name) for item in body.watched],
        domains=body.domains,
        secret=body.secret,
    )
    return _answer(made)


@routes.get(_BASE + "/{webhook}")
def get_webhook(session: Session, call: Call) -> Response:
    return _answer(_own(session, call))


@routes.post(_BASE + "/{webhook}")
def change_webhook(session: Session, call: Call) -> Response:
    body, webhook = call.body_as(wire.WebhookChange), _own(session, call)
    if body.job_source_id is not None:
        raise hub.WebhookInvalid("There are no jobs here that a webhook could start.")
    watched = None if not body.watched else [hub.Watched(item.type, item.name) for item in body.watched]
    changed = hub.change_webhook(
        session, webhook, url=body.url, watched=watched, domains=body.domains, secret=body.secret
    )
    return _answer(changed)


@routes.post(_BASE + "/{webhook}/enable")
def enable_webhook(session: Session, call: Call) -> Response:
    return _answer(hub.change_webhook(session, _own(session, call), is_disabled=False))


@routes.post(_BASE + "/{webhook}/disable")
def disable_webhook(session: Session, call: Call) -> Response:
    return _answer(hub.change_webhook(session, _own(session, call), is_disabled=True))


@routes.delete(_BASE + "/{webhook}")
def delete_webhook(session: Session, call: Call) -> Response:
    hub.delete_webhook(session, _own(session, call))
    return json_response({"success": True})


def _own(session: Session, call: Call) -> hub.Webhook:
    owner_id = hub.check_configuring(call.actor(session))
    return hub.get_webhook(session, owner_id, number_of(call.params["webhook"]))


def _answer(webhook: hub.Webhook) -> Response:
    return json_response({"webhook": _webhook_json(webhook)})


def _webhook_json(webhook: hub.Webhook) -> wire.Json:
    return {
        "id": object_id(webhook.id), "url": webhook.url, "job": None, "secret": webhook.secret,
        "watched": [{"type": item.type, "name": item.name} for item in webhook.watched],
        "domains": list(webhook.domains), "disabled": webhook.is_disabled,
    }  # fmt: skip
