"""Collections: named lists of repos, made by people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, Form, Refusals, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.repos import frame
from yungu.api.web.visit import Visit, begin
from yungu.hub import Collection, Repo
from yungu.kernel.db import Session

_PER_PAGE = 30
_HELD_SHOWN = 4
_REFUSALS: Mapping[str, Refusals] = {"title": (hub.TextMissing, hub.CollectionExists), "description": hub.TextTooLong}


def get_list(session: Session, call: Call) -> Response:
    visit, asked = begin(session, call), call.query_params
    search = asked.get("search", "")[:200]
    found = hub.list_collections(
        session, visit.actor, search=search, limit=_PER_PAGE, cursor=asked.get("cursor") or None
    )
    held = hub.list_collection_items(session, found.items, visit.actor, first=_HELD_SHOWN)
    return page(visit, "collections.html", found=found, held=held, search=search)


def get_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    return _new_page(visit, EMPTY, {})


def post_new(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    with shown_again(visit, lambda errors: _new_page(visit, form, errors), **_REFUSALS):
        made = hub.create_collection(
            session,
            form["owner"] or user.name,
            form["title"],
            visit.actor,
            description=form["description"],
            is_private=form["is_private"] == "1",
        )
    return see_other(visit, urls.collection(made))


def get_collection(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    found = hub.visible_collection(session, _slug(call), visit.actor)
    if found.slug != _slug(call):
        return see_other(visit, urls.collection(found))
    return _page(session, visit, found, EMPTY, {})


def post_change(session: Session, call: Call) -> Response:
    """Its title and the like, its items one by one, or its end."""
    visit = begin(session, call)
    visit.person()
    found, form = hub.curated_collection(session, _slug(call), visit.actor), read_form(visit)
    with shown_again(visit, lambda errors: _page(session, visit, found, form, errors), **_REFUSALS):
        if form["do"] == "delete":
            hub.delete_collection(session, found, visit.actor)
            return see_other(visit, urls.owner(found.owner), told=visit.gettext("The collection is deleted."))
        found = _change(session, visit, found, form)
    return see_other(visit, urls.collection(found))


def get_collect(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    repo = hub.visible_repo(session, call.kind, call.repo_id, visit.actor)
    return _collect_page(session, visit, repo, EMPTY, {})


def post_collect(session: Session, call: Call) -> Response:
    """Put a repo into a collection that is there, or into a new one."""
    visit = begin(session, call)
    user = visit.person()
    repo, form = hub.visible_repo(session, call.kind, call.repo_id, visit.actor), read_form(visit)
    with shown_again(visit, lambda errors: _collect_page(session, visit, repo, form, errors), **_REFUSALS):
        if form["collection"]:
            into = hub.curated_collection(session, form["collection"], visit.actor)
        else:
            into = hub.create_collection(session, user.name, form["title"], visit.actor)
        hub.add_collection_item(session, into, repo, visit.actor, note=form["note"])
    return see_other(visit, urls.collection(into), told=visit.gettext("Added."))


def _slug(call: Call) -> str:
    return f"{call.params['owner']}/{call.params['slug']}"


def _change(session: Session, visit: Visit, found: Collection, form: Form) -> Collection:
    if form["item"]:
        _change_item(session, visit, found, form)
        return found
    return hub.change_collection(
        session,
        found,
        visit.actor,
        title=form["title"] if form["title"].casefold() != found.title.casefold() else None,
        description=form["description"],
        is_private=form["is_private"] == "1",
    )


def _change_item(session: Session, visit: Visit, found: Collection, form: Form) -> None:
    item = hub.get_collection_item(session, found, whole_number(form["item"]) or 0, visit.actor)
    match form["do"]:
        case "remove":
            hub.remove_collection_item(session, found, item)
        case "up" | "down" as way:
            position = item.position + (1 if way == "down" else -1)
            hub.change_collection_item(session, found, item, position=position)
        case _:
            hub.change_collection_item(session, found, item, note=form["note"])


def _new_page(visit: Visit, form: Form, errors: Mapping[str, str]) -> Response:
    return page(visit, "collection_new.html", form=form, errors=errors)


def _page(session: Session, visit: Visit, found: Collection, form: Form, errors: Mapping[str, str]) -> Response:
    context: dict[str, Any] = {
        "collection": found,
        "items": hub.list_collection_items(session, [found], visit.actor)[found.id],
        "may_curate": hub.may_curate(visit.actor, found.owner_id, found.owner),
        "form": form,
        "errors": errors,
    }
    return page(visit, "collection.html", **context)


def _collect_page(session: Session, visit: Visit, repo: Repo, form: Form, errors: Mapping[str, str]) -> Response:
    own = hub.list_collections(session, visit.actor, namespaces=[visit.actor.name or ""], limit=100)
    context: dict[str, Any] = {
        "repo": repo,
        "frame": frame(session, visit, repo, "card"),
        "own": own.items,
        "form": form,
        "errors": errors,
    }
    return page(visit, "collect.html", **context)
