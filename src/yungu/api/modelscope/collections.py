"""Collections of repos and skills: as ``download --collection`` reads them, and by the newer API, to change them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.open_api import open_page
from yungu.api.modelscope.routes import legacy, open_routes
from yungu.hub import Collection, CollectionItem, Repo, Skill
from yungu.kernel.db import Session

_MOST_PER_PAGE = 500
_OF = "/openapi/v1/collections/{collection}"
_TYPES = {"model": "model", "dataset": "dataset", "space": "studio"}
_KINDS: dict[str, hub.Kind] = {"model": "model", "dataset": "dataset", "studio": "space"}


class CollectionCreate(msgspec.Struct):
    title: str
    owner: str = ""
    description: str = ""
    private: bool = True


class CollectionChange(msgspec.Struct):
    title: str | None = None
    description: str | None = None
    private: bool | None = None


class ItemAdd(msgspec.Struct):
    """``item_id``: "owner/name"."""

    item_type: Literal["model", "dataset", "studio", "skill"]
    item_id: str
    note: str = ""


@legacy.get("/api/v1/collections")
def show_elements(session: Session, call: Call) -> Response:
    """The collection ``Fid`` (its slug, or the number at the end of that) and what it has of the type asked for."""
    actor, wanted = call.actor(session), call.query_params.get("ElementType", "").lower()
    found = hub.visible_collection(session, call.query_params.get("Fid", ""), actor)
    items = [item for item in _items(session, found, actor) if not wanted or _type(item) == wanted]
    number, size = places.page(call, default=50, most=_MOST_PER_PAGE)
    elements = [_element(item) for item in items[(number - 1) * size : number * size]]
    data = {
        "Fid": found.slug, "Id": found.id, "Title": found.title, "Name": found.title, "Owner": found.owner,
        "Description": found.description, "LastUpdatedTime": wire.seconds(found.updated_at),
        "CollectionElements": {"CollectionElementVoList": elements, "TotalCount": len(items)}, "TotalCount": len(items),
    }  # fmt: skip
    return wire.answer(call, data, TotalCount=len(items), PageNumber=number, PageSize=size)


# --- the newer API: a collection is named by the number at the end of its slug


@open_routes.get("/openapi/v1/collections")
def list_collections(session: Session, call: Call) -> Response:
    number, size = open_page(call)
    query, actor = call.query_params, call.actor(session)
    owner = query.get("owner")
    found, total = hub.search_collections(
        session,
        actor,
        namespaces=[owner] if owner else [],
        search=query.get("search") or "",
        skip=(number - 1) * size,
        limit=size,
    )
    body = {"collections": [_collection(item) for item in found], "total_count": total}
    return wire.open_answer(call, body | {"page_number": number, "page_size": size})


@open_routes.post("/openapi/v1/collections")
def create_collection(session: Session, call: Call) -> Response:
    """Without a word on who may see it, it is private."""
    asked, actor = call.body_as(CollectionCreate), call.actor(session)
    owner = asked.owner or actor.name or ""
    made = hub.create_collection(
        session, owner, asked.title, actor, description=asked.description, is_private=asked.private
    )
    return wire.open_answer(call, _full(session, made, actor))


@open_routes.get(_OF)
def show_collection(session: Session, call: Call) -> Response:
    actor = call.actor(session)
    return wire.open_answer(call, _full(session, hub.visible_collection(session, _number(call), actor), actor))


@open_routes.patch(_OF)
def change_collection(session: Session, call: Call) -> Response:
    asked, (found, actor) = call.body_as(CollectionChange), _curated(session, call)
    changed = hub.change_collection(
        session, found, actor, title=asked.title, description=asked.description, is_private=asked.private
    )
    return wire.open_answer(call, _full(session, changed, actor))


@open_routes.delete(_OF)
def delete_collection(session: Session, call: Call) -> Response:
    hub.delete_collection(session, *_curated(session, call))
    return wire.open_answer(call, {})


@open_routes.get(f"{_OF}/items")
def list_items(session: Session, call: Call) -> Response:
    actor = call.actor(session)
    items = _items(session, hub.visible_collection(session, _number(call), actor), actor)
    number, size = open_page(call)
    shown = [_item(item) for item in items[(number - 1) * size : number * size]]
    body = {"items": shown, "total_count": len(items), "page_number": number, "page_size": size}
    return wire.open_answer(call, body)


@open_routes.post(f"{_OF}/items")
def add_item(session: Session, call: Call) -> Response:
    asked, (found, actor) = call.body_as(ItemAdd), _curated(session, call)
    target: Repo | Skill
    if asked.item_type == "skill":
        target = hub.visible_skill(session, asked.item_id, actor)
    else:
        target = hub.visible_repo(session, _KINDS[asked.item_type], asked.item_id, actor)
    hub.add_collection_item(session, found, target, actor, note=asked.note)
    return wire.open_answer(call, _full(session, found, actor))


@open_routes.delete(f"{_OF}/items/{{item}}")
def remove_item(session: Session, call: Call) -> Response:
    found, actor = _curated(session, call)
    number = whole_number(call.params["item"])
    if number is None:
        raise hub.CollectionItemNotFound(call.params["item"])
    hub.remove_collection_item(session, found, hub.get_collection_item(session, found, number, actor))
    return wire.open_answer(call, {})


def _curated(session: Session, call: Call) -> tuple[Collection, Actor]:
    actor = call.actor(session)
    return hub.curated_collection(session, _number(call), actor), actor


def _number(call: Call) -> str:
    return call.params["collection"]


def _items(session: Session, found: Collection, actor: Actor) -> Sequence[CollectionItem]:
    """What is in the collection and can be shown here: other collections cannot."""
    items = hub.list_collection_items(session, [found], actor)[found.id]
    return [item for item in items if not isinstance(item.target, Collection)]


def _type(item: CollectionItem) -> str:
    return _TYPES[item.target.kind] if isinstance(item.target, Repo) else "skill"


def _element(item: CollectionItem) -> wire.Json:
    owner, _, name = _name(item).partition("/")
    return {
        "ElementPath": owner, "ElementName": name, "ElementType": _type(item), "ElementId": _name(item),
        "Description": _description(item),
    }  # fmt: skip


def _item(item: CollectionItem) -> wire.Json:
    return {
        "id": item.id, "item_type": _type(item), "item_id": _name(item), "note": item.note,
        "description": _description(item), "position": item.position,
    }  # fmt: skip


def _name(item: CollectionItem) -> str:
    target = item.target
    return target.repo_id if isinstance(target, Repo) else target.slug


def _description(item: CollectionItem) -> str:
    if isinstance(item.target, Repo):
        return wire.card_text(item.target, "description")
    return str(item.target.values.get("description") or "") if isinstance(item.target, Skill) else ""


def _full(session: Session, found: Collection, actor: Actor) -> wire.Json:
    items = _items(session, found, actor)
    return _collection(found) | {"items": [_item(item) for item in items], "items_count": len(items)}


def _collection(found: Collection) -> wire.Json:
    return {
        "id": found.slug.rpartition("-")[2].rpartition("/")[2], "slug": found.slug, "title": found.title,
        "owner": found.owner, "description": found.description, "private": found.is_private,
        "last_modified": wire.stamp(found.updated_at),
    }  # fmt: skip
