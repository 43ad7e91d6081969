"""Webhooks of the user who asks, and what they are told: payloads of version 3, as ``huggingface_hub.WebhookPayload``
reads them."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.api.hf import wire
from yungu.api.hf.ids import number_of, object_id
from yungu.api.hf.routes import routes
from yungu.api.http import Call, Site, json_response
from yungu.kernel.db import Session
from yungu.kernel.events import Fact

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
        call.site.secret,
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
        session, call.site.secret, webhook, url=body.url, watched=watched, domains=body.domains, secret=body.secret
    )
    return _answer(changed)


@routes.post(_BASE + "/{webhook}/enable")
def enable_webhook(session: Session, call: Call) -> Response:
    return _answer(hub.change_webhook(session, call.site.secret, _own(session, call), is_disabled=False))


@routes.post(_BASE + "/{webhook}/disable")
def disable_webhook(session: Session, call: Call) -> Response:
    return _answer(hub.change_webhook(session, call.site.secret, _own(session, call), is_disabled=True))


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
    """The secret is never shown again."""
    return {
        "id": object_id(webhook.id), "url": webhook.url, "job": None, "secret": None,
        "watched": [{"type": item.type, "name": item.name} for item in webhook.watched],
        "domains": list(webhook.domains), "disabled": webhook.is_disabled,
    }  # fmt: skip


# --- what webhooks are told

_TOLD = {
    "RepoCreated": ("create", "repo"),
    "RepoDeleted": ("delete", "repo"),
    "RepoMoved": ("move", "repo"),
    "RepoSettingsChanged": ("update", "repo.config"),
    "CommitPushed": ("update", "repo.content"),
    "RefDeleted": ("update", "repo.content"),
    "DiscussionOpened": ("create", "discussion"),
    "DiscussionCommented": ("create", "discussion.comment"),
    "DiscussionStatusChanged": ("update", "discussion"),
}
"""Action and scope of each kind of fact."""


def describe_to_webhook(
    site: Site, session: Session, fact: Fact, repo: hub.Repo | None, webhook: hub.Webhook
) -> str | None:
    """The payload as JSON; None for what is not in the webhook's domains. ``repo`` None: it is gone."""
    action, scope = _TOLD[fact.kind]
    if scope.partition(".")[0] not in webhook.domains:
        return None
    body: dict[str, Any] = {
        "event": {"action": action, "scope": scope},
        "repo": _gone_json(site, fact) if repo is None else _repo_json(site, repo, fact),
        "webhook": {"id": object_id(webhook.id), "version": 3},
    }
    if repo is not None:
        body |= _details(site, session, fact, repo)
    return msgspec.json.encode(body).decode()


def _details(site: Site, session: Session, fact: Fact, repo: hub.Repo) -> dict[str, Any]:
    told = fact.payload
    match fact.kind:
        case "CommitPushed" | "RefDeleted":
            return {"updatedRefs": [{"ref": told["ref"], "oldSha": told["before"], "newSha": told.get("after")}]}
        case "RepoMoved":
            return {"movedTo": {"name": repo.repo_id, "owner": {"id": object_id(repo.owner_id)}}}
        case "DiscussionOpened" | "DiscussionCommented" | "DiscussionStatusChanged":
            return _discussion_details(site, session, fact, repo)
    return {}


def _discussion_details(site: Site, session: Session, fact: Fact, repo: hub.Repo) -> dict[str, Any]:
    found = hub.get_discussion(session, repo, fact.payload["number"])
    web = f"{_web(site, repo.kind, repo.repo_id)}/discussions/{found.number}"
    api = f"{site.address}/api/{repo.kind}s/{repo.repo_id}/discussions/{found.number}"
    body: dict[str, Any] = {"discussion": _discussion_json(found, web, api)}
    if comment := _comment(session, fact, found):
        body["comment"] = {
            "id": object_id(comment.id), "author": {"id": object_id(comment.author_id or 0)},
            "hidden": comment.payload.get("hidden", False), "content": comment.payload["text"],
            "url": {"web": f"{web}#comment-{comment.id}"},
        }  # fmt: skip
    return body


def _comment(session: Session, fact: Fact, found: hub.Discussion) -> hub.DiscussionEvent | None:
    if fact.kind == "DiscussionOpened":
        return hub.get_description(session, found)
    return hub.get_comment(session, found, fact.payload["comment_id"]) if "comment_id" in fact.payload else None


def _discussion_json(found: hub.Discussion, web: str, api: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": object_id(found.id), "num": found.number, "title": found.title, "status": found.status,
        "isPullRequest": found.is_pull, "author": {"id": object_id(found.author_id or 0)}, "pinned": False,
        "url": {"web": web, "api": api},
    }  # fmt: skip
    if found.is_pull:
        body["changes"] = {"base": found.into, "mergeCommitId": found.merged_as}
    return body


def _repo_json(site: Site, repo: hub.Repo, fact: Fact) -> dict[str, Any]:
    name = fact.payload["before"] if fact.kind == "RepoMoved" else repo.repo_id
    return _named_json(site, repo.kind, name, repo.id, repo.owner_id) | {
        "private": repo.visibility != "public", "headSha": repo.head, "tags": list(repo.tags),
    }  # fmt: skip


def _gone_json(site: Site, fact: Fact) -> dict[str, Any]:
    told = fact.payload
    return _named_json(site, told["kind"], told["repo"], fact.repo_id or 0, told["owner_id"]) | {"private": True}


def _named_json(site: Site, kind: hub.Kind, name: str, number: int, owner_id: int) -> dict[str, Any]:
    return {
        "type": kind, "name": name, "id": object_id(number), "owner": {"id": object_id(owner_id)},
        "url": {"web": _web(site, kind, name), "api": f"{site.address}/api/{kind}s/{name}"},
    }  # fmt: skip


def _web(site: Site, kind: hub.Kind, name: str) -> str:
    return f"{site.address}/{name}" if kind == "model" else f"{site.address}/{kind}s/{name}"
