"""The two lists for programs."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from yungu import accounts, scenarios
from yungu.api.http import Call, Routes, json_response
from yungu.api.http.call import whole_number
from yungu.api.v1.errors import render_error
from yungu.api.v1.wire import Draft, Edit, Intent, Opinion, Step, Told
from yungu.kernel.db import Session
from yungu.scenarios import Asked, Item, Side, Viewed, exports
from yungu.scenarios.rules import contents, lint, workflow

routes = Routes(on_error=render_error)
_MOST = 200
_FACETS = ("domain", "region", "mode", "unit_kind", "budget", "provider_kind", "form", "maturity")


def _of_lists(path: str = "") -> tuple[str, str]:
    return f"/api/v1/opportunities{path}", f"/api/v1/capabilities{path}"


@routes.get(*_of_lists())
def get_list(session: Session, call: Call) -> Response:
    """A page of the list: ``?search=&domain=&region=&status=&batch=&limit=&cursor=`` and the other facets."""
    query, actor, side = call.query_params, call.actor(session), _side(call)
    facets = {name: query[name][:100] for name in _FACETS if query.get(name)}
    statuses = [one for one in workflow.SHOWN if one == query.get("status")]
    asked = Asked(side, query.get("search", "")[:200], facets, statuses, query.get("batch", "")[:100])
    limit = min(max(whole_number(query.get("limit", "")) or 50, 1), _MOST)
    found = scenarios.list_items(session, asked, actor, limit=limit, cursor=query.get("cursor") or None)
    total = scenarios.count_items(session, asked, actor)
    return json_response(Told([exports.public(item) for item in found.items], total, found.next_cursor))


@routes.post(*_of_lists())
def post_item(session: Session, call: Call) -> Response:
    """Write a draft: ``{"content": {...}, "owner": "name"}``."""
    actor, side, sent = _member(session, call), _side(call), call.body_as(Draft)
    owner = accounts.get_owner(session, sent.owner) if sent.owner else actor.user
    assert owner is not None
    item = scenarios.create_item(session, side, contents.unpack(side, sent.content), actor, owner)
    return _answer(session, call, item, status=201)


@routes.get(*_of_lists("/{code}"))
def get_item(session: Session, call: Call) -> Response:
    """An item; those who may change it also get what is missing in it."""
    return json_response(_told(session, _viewed(session, call)))


@routes.patch(*_of_lists("/{code}"))
def patch_item(session: Session, call: Call) -> Response:
    """Change fields: ``{"version": 3, "content": {...}}``; 409 with both when version 3 is not the last."""
    actor, sent, viewed = _member(session, call), call.body_as(Edit), _viewed(session, call)
    content = contents.unpack(viewed.item.side, contents.pack(viewed.item.content) | sent.content)
    item = scenarios.edit_item(session, viewed.item.code, content, actor, based_on=sent.version)
    return _answer(session, call, item)


@routes.get(*_of_lists("/{code}/history"))
def get_history(session: Session, call: Call) -> Response:
    """What happened to an item, oldest first; ``event_id`` is the fact of each line."""
    viewed = _viewed(session, call)
    is_public = not workflow.is_insider(viewed.parts)
    return json_response(scenarios.list_history(session, viewed.item.id, is_public=is_public))


@routes.post(*_of_lists("/{code}/steps"))
def post_step(session: Session, call: Call) -> Response:
    """Take a step of the workflow: ``{"step": "submit", "reason": ""}``."""
    actor, sent, viewed = _member(session, call), call.body_as(Step), _viewed(session, call)
    return _answer(session, call, scenarios.move_item(session, viewed.item.code, sent.step, actor, reason=sent.reason))


@routes.post(*_of_lists("/{code}/reviews"))
def post_review(session: Session, call: Call) -> Response:
    """Give an opinion: ``{"opinion": "approve" or "object", "text": ""}``."""
    actor, sent, viewed = _member(session, call), call.body_as(Opinion), _viewed(session, call)
    return _answer(session, call, scenarios.review_item(session, viewed.item.code, actor, sent.opinion, sent.text))


@routes.post("/api/v1/opportunities/{code}/claims")
def post_claim(session: Session, call: Call) -> Response:
    """Claim an opportunity: ``{"capability": "C-...", "statement": ""}``."""
    actor, sent, viewed = _member(session, call), call.body_as(Intent), _viewed(session, call)
    claim = scenarios.make_claim(session, viewed.item.code, sent.capability, actor, statement=sent.statement)
    return json_response(claim, 201)


def _side(call: Call) -> Side:
    return "capability" if call.scope["path"].startswith("/api/v1/capabilities") else "opportunity"


def _member(session: Session, call: Call) -> accounts.Actor:
    """Who asks, if they may write. Raises SignInRequired, TokenWeak."""
    actor = call.actor(session)
    workflow.check_may_act(actor)
    return actor


def _viewed(session: Session, call: Call) -> Viewed:
    return scenarios.visible_item(session, call.params["code"], call.actor(session), side=_side(call))


def _answer(session: Session, call: Call, item: Item, *, status: int = 200) -> Response:
    return json_response(_told(session, scenarios.view(session, item, call.actor(session))), status)


def _told(session: Session, viewed: Viewed) -> dict[str, Any]:
    """The item; those who may change it also get what is missing in it."""
    told = exports.public(viewed.item)
    if workflow.is_insider(viewed.parts):
        whole = scenarios.get_item_by_id(session, viewed.item.id)
        told["findings"] = msgspec.to_builtins(lint.lint(whole.content))
    return told
