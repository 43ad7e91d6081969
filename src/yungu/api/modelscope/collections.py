"""Collections, as ``download --collection`` reads them."""

from __future__ import annotations

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.routes import legacy
from yungu.hub import Collection, Repo
from yungu.kernel.db import Session

_MOST_PER_PAGE = 500
_TYPES = {"model": "model", "dataset": "dataset", "space": "studio"}


@legacy.get("/api/v1/collections")
def show_collection(session: Session, call: Call) -> Response:
    """The collection ``Fid`` (its slug, or the number at the end of that) and its repos of the type asked for."""
    actor, wanted = call.actor(session), call.query_params.get("ElementType", "").lower()
    found = hub.visible_collection(session, call.query_params.get("Fid", ""), actor)
    items = hub.list_collection_items(session, [found], actor)[found.id]
    repos = [item.target for item in items if isinstance(item.target, Repo)]
    shown = [repo for repo in repos if not wanted or _TYPES[repo.kind] == wanted]
    number, size = places.page(call, default=50, most=_MOST_PER_PAGE)
    elements = [_element(repo) for repo in shown[(number - 1) * size : number * size]]
    data = _collection(found) | {
        "CollectionElements": {"CollectionElementVoList": elements, "TotalCount": len(shown)}, "TotalCount": len(shown),
    }  # fmt: skip
    return wire.answer(call, data, TotalCount=len(shown), PageNumber=number, PageSize=size)


def _collection(found: Collection) -> wire.Json:
    return {
        "Fid": found.slug, "Id": found.id, "Title": found.title, "Name": found.title, "Owner": found.owner,
        "Description": found.description, "LastUpdatedTime": wire.seconds(found.updated_at),
    }  # fmt: skip


def _element(repo: Repo) -> wire.Json:
    kind = _TYPES[repo.kind]
    return {
        "ElementPath": repo.namespace, "ElementName": repo.name, "ElementType": kind, "ElementId": repo.repo_id,
        "Description": wire.card_text(repo, "description"),
    }  # fmt: skip
