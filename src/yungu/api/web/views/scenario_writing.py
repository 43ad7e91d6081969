"""Writing an item: a guided form that says what is missing, beside what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from yungu import accounts, hub, scenarios
from yungu.api.http import Call, json_response
from yungu.api.http.call import whole_number
from yungu.api.web import scenario_forms, scenario_words, urls
from yungu.api.web.forms import FieldInvalid, Form, read_form, shown_again
from yungu.api.web.language import marked
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.scenarios import side_of, tabs_for, value_text, words_for
from yungu.api.web.visit import Visit, begin
from yungu.kernel.db import Session
from yungu.scenarios import (
    CapabilityContent,
    Content,
    ContentInvalid,
    Item,
    OpportunityContent,
    Side,
    Words,
)
from yungu.scenarios.rules import contents, domains, lint, workflow

_MAX_CARD_BYTES = 1 << 16
_SUMMARY_LENGTH = 600


def get_new(session: Session, call: Call) -> Response:
    """An empty form, or one that begins from a repo's card: ``?repo=owner/name``."""
    visit, side = begin(session, call), side_of(call)
    visit.person()
    content: Content = OpportunityContent() if side == "opportunity" else CapabilityContent(provider=_own_name(visit))
    if side == "capability" and call.query_params.get("repo"):
        content = _from_repo(session, visit, call.query_params["repo"])
    return _form_page(session, visit, side, content, {}, None)


def post_new(session: Session, call: Call) -> Response:
    visit, side = begin(session, call), side_of(call)
    user, form = visit.person(), read_form(visit, most=scenario_forms.MOST_FIELDS)
    typed = _Typed(visit, side, form)
    with shown_again(visit, lambda errors: _form_page(session, visit, side, typed.content, errors, None, form)):
        content = typed.read()
        owner = accounts.get_owner(session, form["owner"] or user.name)
        item = scenarios.create_item(session, side, content, visit.actor, owner)
    return _saved(session, visit, item, form)


def get_edit(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    item = _editable(session, visit, call)
    return _form_page(session, visit, item.side, item.content, {}, item)


def post_edit(session: Session, call: Call) -> Response:
    """A conflict shows what the other one wrote, beside what was typed."""
    visit = begin(session, call)
    visit.person()
    item, form = _editable(session, visit, call), read_form(visit, most=scenario_forms.MOST_FIELDS)
    typed = _Typed(visit, item.side, form)
    with shown_again(visit, lambda errors: _form_page(session, visit, item.side, typed.content, errors, item, form)):
        content = typed.read()
        based_on = whole_number(form["based_on"]) or 0
        item = scenarios.edit_item(session, item.code, content, visit.actor, based_on=based_on)
    return _saved(session, visit, item, form)


def post_lint(session: Session, call: Call) -> Response:
    """What is missing in what is typed so far, for scripts; nothing is kept."""
    visit, side = begin(session, call), side_of(call)
    visit.person()
    form = read_form(visit, most=scenario_forms.MOST_FIELDS)
    try:
        content = contents.check(scenario_forms.read(visit, side, form))
    except (ContentInvalid, FieldInvalid) as error:
        return json_response({"score": None, "findings": [{"field": "", "weight": "error", "text": error.message}]})
    found = lint.lint(content)
    told = [{"field": one.field, "weight": one.weight, "text": _finding_text(visit, one)} for one in found]
    return json_response({"score": lint.score(found), "findings": told})


def _finding_text(visit: Visit, one: lint.Finding) -> str:
    text = scenario_words.say(visit.language, "lint", one.code)
    return f"{text} ({one.found})" if one.found else text


class _Typed:
    """What was typed, as far as it can be read: also for showing it again."""

    def __init__(self, visit: Visit, side: Side, form: Form) -> None:
        self._visit, self._side, self._form = visit, side, form
        self.content: Content = contents.CLASSES[side]()

    def read(self) -> Content:
        self.content = scenario_forms.read(self._visit, self._side, self._form)
        return self.content


def _saved(session: Session, visit: Visit, item: Item, form: Form) -> Response:
    """Handed in at once where that was asked for and nothing is missing."""
    if form["do"] == "submit" and item.status in ("draft", "returned"):
        missing = lint.errors(item.content)
        if missing:
            text = visit.gettext(marked("Kept as a draft: something is missing before it can be handed in."))
            return see_other(visit, f"{urls.scenario(item)}/edit", told=text)
        item = scenarios.move_item(session, item.code, "submit", visit.actor)
    return see_other(visit, urls.scenario(item), told=visit.gettext(marked("Saved.")))


def _editable(session: Session, visit: Visit, call: Call) -> Item:
    """Raises ItemNotFound, ItemDenied."""
    viewed = scenarios.visible_item(session, call.params["code"], visit.actor, side=side_of(call))
    if not workflow.may_edit(viewed.item, viewed.parts):
        raise scenarios.ItemDenied(viewed.item.code, "edit")
    return viewed.item


def _own_name(visit: Visit) -> str:
    return visit.actor.user.full_name or visit.actor.user.name if visit.actor.user else ""


def _from_repo(session: Session, visit: Visit, repo_id: str) -> CapabilityContent:
    """What a model's card says, as the beginning of a capability. Raises RepoNotFound."""
    repo = hub.readable_repo(session, "model", repo_id, visit.actor)
    git = visit.call.site.git.open(repo.id)
    text = hub.read_text(git, repo.head, "README.md", limit=_MAX_CARD_BYTES) if repo.head else ""
    card = hub.parse_card("model", text or "")
    title, summary = _first_words(card_body(text or ""))
    said = Words(zh=summary) if contents.is_chinese(summary) else Words(en=summary)
    name = title or repo.name
    is_chinese = contents.is_chinese(name)
    licence = card.data.get("license")
    return CapabilityContent(
        title=Words(zh=name if is_chinese else "", en="" if is_chinese else name),
        provider=_own_name(visit),
        problem=said,
        route=said,
        repos=[repo.repo_id, *_strings(card.data.get("datasets"))][:10],
        licence=licence if isinstance(licence, str) else "",
        forms=["api"],
        domains=[code for code in domains.codes(list(card.tags)) if code in domains.FIELDS],
        source=repo.repo_id,
    )


def card_body(text: str) -> str:
    """The card without its front matter."""
    if text.startswith("---"):
        return text.partition("\n---")[2].partition("\n")[2]
    return text


def _first_words(body: str) -> tuple[str, str]:
    """The first heading and the first paragraph."""
    title, paragraph = "", ""
    for line in body.splitlines():
        plain = line.strip()
        if plain.startswith("#") and not title:
            title = plain.lstrip("# ")
        elif plain and not plain.startswith(("#", "|", "`", "!", "<", "-")) and not paragraph:
            paragraph = plain
    return title[:200], paragraph[:_SUMMARY_LENGTH]


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _form_page(
    session: Session,
    visit: Visit,
    side: Side,
    content: Content,
    errors: Mapping[str, str],
    item: Item | None,
    form: Form | None = None,
) -> Response:
    now = scenarios.get_item_by_id(session, item.id) if item else None
    based_on = form["based_on"] if form and form["based_on"] else str(now.version if now else 0)
    is_outdated = now is not None and form is not None and whole_number(based_on) != now.version
    context: dict[str, Any] = {
        "item": item,
        "current": now if is_outdated else None,
        "differing": contents.differences(now.content, content) if now and is_outdated else [],
        "value_text": value_text(visit),
        "based_on": str(now.version) if now and is_outdated else based_on,
        "filled": scenario_forms.as_typed(side, form) if form else scenario_forms.fill(content),
        "content": content,
        "findings": lint.lint(content) if item or form else [],
        "score": lint.score(lint.lint(content)),
        "errors": errors,
        "fields": domains.FIELDS,
        "owners": _owners(session, visit) if item is None else [],
        "finding_text": lambda one: _finding_text(visit, one),
        "choices": scenario_words.choices,
    }
    return page(
        visit, "scenarios/form.html", side=side, tab=side, **context, **tabs_for(session, visit), **words_for(visit)
    )


def _owners(session: Session, visit: Visit) -> list[str]:
    """Under whose name the visitor may write."""
    if visit.actor.user is None:
        return []
    shared = accounts.list_memberships(session, visit.actor.user.id)
    return [visit.actor.user.name, *(one.organization for one in shared if one.role in ("write", "admin"))]
