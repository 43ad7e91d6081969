"""Collections of repos and of other collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from starlette.responses import Response

from yungu import hub
from yungu.accounts.models import Actor
from yungu.api.hf import wire
from yungu.api.hf.ids import number_of, object_id
from yungu.api.hf.links import next_link
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.clock import iso
from yungu.kernel.db import Session

_PER_PAGE = 50
_SHOWN_IN_LISTS = 4
_KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
_BASE = "/api/collections/{owner}/{slug}"


@routes.get("/api/collections")
def list_collections(session: Session, call: Call) -> Response:
    """Collections by ``owner`` and ``item`` ("models/ns/name"), the latest changed first whatever ``sort`` says:
    neither upvotes nor trends of collections are counted. Each shows its first items."""
    query, actor = call.query_params, call.actor(session)
    items = query.getlist("item")
    page = hub.list_collections(
        session,
        actor,
        namespaces=query.getlist("owner"),
        holding=_numbers(session, items, actor) if items else None,
        search=query.get("q") or query.get("search") or "",
        limit=_limit(query.get("limit")),
        cursor=query.get("cursor"),
    )
    found = hub.list_collection_items(session, page.items, actor, first=_SHOWN_IN_LISTS)
    shown = [_collection_json(item, found[item.id]) for item in page.items]
    return json_response(shown, headers=next_link(call, page.next_cursor))


@routes.post("/api/collections")
def create_collection(session: Session, call: Call) -> Response:
    body, actor = call.body_as(wire.CollectionCreate), call.actor(session)
    made = hub.create_collection(
        session, body.namespace, body.title, actor, description=body.description or "", is_private=body.private
    )
    return _answer(session, made, actor)


@routes.get(_BASE)
def get_collection(session: Session, call: Call) -> Response:
    actor = call.actor(session)
    return _answer(session, hub.visible_collection(session, _slug(call), actor), actor)


@routes.patch(_BASE)
def change_collection(session: Session, call: Call) -> Response:
    body, collection, actor = call.body_as(wire.CollectionChange), *_curated(session, call)
    changed = hub.change_collection(
        session,
        collection,
        actor,
        title=body.title,
        description=body.description,
        is_private=body.private,
        theme=body.theme,
        position=body.position,
    )
    return json_response({"success": True, "data": _full_json(session, changed, actor)})


@routes.delete(_BASE)
def delete_collection(session: Session, call: Call) -> Response:
    hub.delete_collection(session, *_curated(session, call))
    return json_response({"success": True})


@routes.post(_BASE + "/items")
def add_item(session: Session, call: Call) -> Response:
    body, collection, actor = call.body_as(wire.CollectionItemAdd), *_curated(session, call)
    target = _target(session, body.item, actor)
    hub.add_collection_item(session, collection, target, actor, note=body.note or "")
    return _answer(session, collection, actor)


@routes.patch(_BASE + "/items/{item}")
def change_item(session: Session, call: Call) -> Response:
    body, collection, actor = call.body_as(wire.CollectionItemChange), *_curated(session, call)
    item = hub.get_collection_item(session, collection, number_of(call.params["item"]), actor)
    hub.change_collection_item(session, collection, item, note=body.note, position=body.position)
    return json_response({"success": True})


@routes.delete(_BASE + "/items/{item}")
def remove_item(session: Session, call: Call) -> Response:
    collection, actor = _curated(session, call)
    item = hub.get_collection_item(session, collection, number_of(call.params["item"]), actor)
    hub.remove_collection_item(session, collection, item)
    return json_response({"success": True})


def _slug(call: Call) -> str:
    return f"{call.params['owner']}/{call.params['slug']}"


def _curated(session: Session, call: Call) -> tuple[hub.Collection, Actor]:
    actor = call.actor(session)
    return hub.curated_collection(session, _slug(call), actor), actor


def _target(session: Session, item: wire.CollectionItemName, actor: Actor) -> hub.Repo | hub.Collection:
    if item.type == "collection":
        return hub.visible_collection(session, item.id, actor)
    if item.type not in hub.KINDS:
        raise hub.CollectionItemInvalid(f"A {item.type} cannot be put into a collection here.")
    return hub.visible_repo(session, item.type, item.id, actor)


def _numbers(session: Session, items: Sequence[str], actor: Actor) -> list[int]:
    """The numbers of the named repos that the actor may know of."""
    found = []
    for item in items:
        kinds, _, repo_id = item.partition("/")
        if kinds in _KINDS:
            try:
                found.append(hub.visible_repo(session, cast(hub.Kind, _KINDS[kinds]), repo_id, actor).id)
            except hub.RepoNotFound:
                continue
    return found


def _limit(value: str | None) -> int:
    return min(int(value), _PER_PAGE) if value is not None and value.isdigit() and int(value) > 0 else _PER_PAGE


def _answer(session: Session, collection: hub.Collection, actor: Actor) -> Response:
    return json_response(_full_json(session, collection, actor))


def _full_json(session: Session, collection: hub.Collection, actor: Actor) -> wire.Json:
    items = hub.list_collection_items(session, [collection], actor)[collection.id]
    return _collection_json(collection, items) | {"position": collection.position}


def _collection_json(collection: hub.Collection, items: Sequence[hub.CollectionItem]) -> wire.Json:
    shown = [_item_json(item) for item in items if not isinstance(item.target, hub.Skill)]  # the clients know none
    body: wire.Json = {
        "_id": object_id(collection.id), "slug": collection.slug, "title": collection.title, "owner": collection.owner,
        "items": shown, "lastUpdated": iso(collection.updated_at), "gating": False,
        "private": collection.is_private, "theme": collection.theme, "upvotes": 0, "isUpvotedByUser": False,
    }  # fmt: skip
    return body | ({"description": collection.description} if collection.description else {})


def _item_json(item: hub.CollectionItem) -> wire.Json:
    body: wire.Json = {"_id": object_id(item.id), "position": item.position}
    if item.note:
        body["note"] = {"text": item.note, "html": wire.escape(item.note)}
    target = item.target
    if isinstance(target, hub.Collection):
        inner = {"type": "collection", "id": object_id(target.id), "slug": target.slug, "title": target.title}
        return body | inner | {"lastUpdated": iso(target.updated_at), "theme": target.theme, "owner": target.owner}
    assert isinstance(target, hub.Repo)
    return body | {
        "type": target.kind, "repoType": target.kind, "id": target.repo_id, "author": target.namespace,
        "likes": target.likes_count, "downloads": target.downloads_count, "lastModified": iso(target.modified_at),
        "private": target.visibility != "public", "gated": target.gated or False,
    }  # fmt: skip
