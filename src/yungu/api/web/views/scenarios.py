"""The two lists, and the page of an item with everything that can be done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from yungu import hub, scenarios
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import scenario_words, urls
from yungu.api.web.forms import EMPTY, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.visit import Visit, begin
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.scenarios import Asked, CapabilityContent, Content, Item, Side, Status, Viewed, exports, validation
from yungu.scenarios.rules import contents, lint, workflow

FACETS: Mapping[Side, Sequence[str]] = {
    "opportunity": ("domain", "region", "status", "mode", "unit_kind", "budget"),
    "capability": ("domain", "region", "status", "provider_kind", "form", "maturity"),
}
_PER_PAGE = 24
_MOST_LINKED = 30
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list was asked for, and how its addresses change."""

    asked: Asked

    @property
    def place(self) -> str:
        return urls.scenario_list(self.asked.side)

    def address(self, to: str = "", **changed: str | None) -> str:
        query: dict[str, str | None] = {"search": self.asked.words, "batch": self.asked.batch, **self.asked.facets}
        query["status"] = self.asked.statuses[0] if self.asked.statuses else None
        return urls.with_query(f"{self.place}{to}", **(query | changed))

    @property
    def chosen(self) -> Mapping[str, str]:
        status = {"status": self.asked.statuses[0]} if self.asked.statuses else {}
        return {**self.asked.facets, **status}


def side_of(call: Call) -> Side:
    return "capability" if call.scope["path"].startswith("/-/capabilities") else "opportunity"


def words_for(visit: Visit) -> dict[str, Any]:
    """What every page of scenarios needs to speak: ``say(group, value)``, ``tell(words)``, ``metric(indicator)``."""
    language = visit.language
    return {
        "say": lambda group, value: scenario_words.say(language, group, value),
        "metric": lambda one: contents.metric_in(one, language),
        "method": lambda one: contents.method_in(one, language),
        "tell": lambda words: scenario_words.in_language(language, words),
        "title_of": lambda item: contents.title_of(item.content, language),
        "now": clock.now(),
    }


def tabs_for(session: Session, visit: Visit) -> dict[str, Any]:
    roles = scenarios.roles_of(session, visit.actor.id)
    is_operator = "operator" in roles or visit.actor.is_site_admin
    return {"roles": roles, "is_operator": is_operator, "is_reviewer": bool(roles) or visit.actor.is_site_admin}


def asked_of(call: Call, side: Side) -> Asked:
    query = call.query_params
    status = query.get("status", "")
    facets = {name: query[name][:100] for name in FACETS[side] if name != "status" and query.get(name)}
    statuses: Sequence[Status] = [one for one in workflow.SHOWN if one == status]
    return Asked(side, query.get("search", "").strip()[:200], facets, statuses, query.get("batch", "")[:100])


def get_list(session: Session, call: Call) -> Response:
    visit, side = begin(session, call), side_of(call)
    asked = asked_of(call, side)
    found = scenarios.list_items(
        session, asked, visit.actor, limit=_PER_PAGE, cursor=call.query_params.get("cursor") or None
    )
    counted = scenarios.count_facets(session, asked, visit.actor)
    listing = Listing(asked)
    context: dict[str, Any] = {
        "listing": listing,
        "found": found,
        "total": scenarios.count_items(session, asked, visit.actor),
        "facets": {name: counted[name][:14] for name in FACETS[side] if counted.get(name)},
        "next": listing.address(cursor=found.next_cursor) if found.next_cursor else None,
    }
    tabs = tabs_for(session, visit)
    return page(visit, "scenarios/list.html", tab=side, side=side, **context, **tabs, **words_for(visit))


def get_notice(session: Session, call: Call) -> Response:
    """The list as it is posted up: everything on one page, to be printed."""
    visit, side = begin(session, call), side_of(call)
    asked = asked_of(call, side)
    items = list(scenarios.iter_items(session, asked, visit.actor))
    return page(visit, "scenarios/notice.html", side=side, items=items, listing=Listing(asked), **words_for(visit))


def get_export(session: Session, call: Call) -> Response:
    visit, side, kind = begin(session, call), side_of(call), call.params["format"]
    if kind not in _TYPES:
        raise scenarios.ItemNotFound(kind)
    items = list(scenarios.iter_items(session, asked_of(call, side), visit.actor))
    match kind:
        case "csv":
            data = exports.to_csv(side, items)
        case "xlsx":
            data = exports.to_xlsx(side, items)
        case _:
            data = exports.to_json(items)
    name = f"{'opportunities' if side == 'opportunity' else 'capabilities'}-{clock.now():%Y%m%d}.{kind}"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "private, no-cache"}
    return Response(data, headers=headers | {"x-content-type-options": "nosniff"}, media_type=_TYPES[kind])


# --- one item


def get_item(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    viewed = scenarios.visible_item(session, call.params["code"], visit.actor, side=side_of(call))
    return _item_page(session, visit, viewed, EMPTY, {})


def get_versions(session: Session, call: Call) -> Response:
    """Two versions beside each other; the last two unless others are asked for."""
    visit = begin(session, call)
    viewed = scenarios.visible_item(session, call.params["code"], visit.actor, side=side_of(call))
    kept = _versions(session, visit, viewed)
    shown, query, last = {one.version: one for one in kept}, call.query_params, kept[-1].version
    asked_after, asked_before = whole_number(query.get("b", "")), whole_number(query.get("a", ""))
    after = asked_after if asked_after in shown else last
    earlier = [number for number in shown if number < after]
    before = asked_before if asked_before in shown else max(earlier, default=after)
    fields = contents.differences(shown[before].content, shown[after].content)
    context: dict[str, Any] = {
        "item": viewed.item,
        "versions": kept,
        "before": shown[before],
        "after": shown[after],
        "fields": fields,
    }
    return page(
        visit, "scenarios/versions.html", side=viewed.item.side, value_text=value_text(visit), **context,
        **tabs_for(session, visit), tab=viewed.item.side, **words_for(visit),
    )  # fmt: skip


def _versions(session: Session, visit: Visit, viewed: Viewed) -> Sequence[scenarios.Version]:
    if workflow.is_insider(viewed.parts):
        return scenarios.list_versions(session, viewed.item)
    is_signed_in = visit.actor.user is not None
    return scenarios.list_public_versions(session, viewed.item, viewed, is_signed_in=is_signed_in)


def post_step(session: Session, call: Call) -> Response:
    def take(_visit: Visit, viewed: Viewed, form: Form) -> Item:
        return scenarios.move_item(session, viewed.item.code, form["step"], _visit.actor, reason=form["reason"])

    return _act(session, call, take)


def post_review(session: Session, call: Call) -> Response:
    def give(visit: Visit, viewed: Viewed, form: Form) -> Item:
        opinion: Any = "object" if form["opinion"] == "object" else "approve"
        return scenarios.review_item(session, viewed.item.code, visit.actor, opinion, form["text"])

    return _act(session, call, give)


def post_confirm(session: Session, call: Call) -> Response:
    return _act(
        session, call, lambda visit, viewed, _form: scenarios.confirm_item(session, viewed.item.code, visit.actor)
    )


def post_merge(session: Session, call: Call) -> Response:
    def merge(visit: Visit, viewed: Viewed, form: Form) -> Item:
        return scenarios.supersede_item(
            session,
            viewed.item.code,
            visit.actor,
            by=form["by"],
            reason=form["reason"] or visit.gettext("The same need"),
        )

    return _act(session, call, merge)


def post_claim(session: Session, call: Call) -> Response:
    def claim(visit: Visit, viewed: Viewed, form: Form) -> Item:
        code, statement = form["capability"], form["statement"]
        scenarios.make_claim(session, viewed.item.code, code, visit.actor, statement=statement)
        return scenarios.get_item_by_id(session, viewed.item.id)

    return _act(session, call, claim)


def post_decision(session: Session, call: Call) -> Response:
    """Accept, decline or take back a claim."""

    def decide(visit: Visit, viewed: Viewed, form: Form) -> Item:
        number = whole_number(form["claim"]) or 0
        if scenarios.get_claim(session, number).opportunity_id != viewed.item.id:
            raise scenarios.ClaimNotFound(number)
        match form["do"]:
            case "accept":
                scenarios.accept_claim(session, number, visit.actor)
            case "withdraw":
                scenarios.withdraw_claim(session, number, visit.actor)
            case _:
                scenarios.decline_claim(session, number, visit.actor, reason=form["reason"])
        return scenarios.get_item_by_id(session, viewed.item.id)

    return _act(session, call, decide)


def value_text(visit: Visit) -> Any:
    """A function of (content, field) to lines of text, for tables of differences."""

    def lines(content: Content, field: str) -> Sequence[str]:
        return list(_lines(visit, field, getattr(content, field)))

    return lines


def _lines(visit: Visit, field: str, value: Any) -> Sequence[str]:
    match value:
        case scenarios.Words():
            return [text for text in (value.zh, value.en) if text]
        case scenarios.Indicator():
            metric, method = (contents.in_both(*both) for both in _both(value))
            return [f"{metric} {value.op} {value.value:g} {value.unit} {method}".strip()]
        case scenarios.Measurement():
            metric = contents.in_both(value.metric, value.metric_en)
            return [f"{metric} {value.value:g} {value.unit} {' '.join(value.evidence)}".strip()]
        case scenarios.Constraint():
            return [f"{scenario_words.say(visit.language, 'constraint', value.kind)} {value.value}".strip()]
        case list() | tuple():
            return [line for one in value for line in _lines(visit, field, one)]
        case None | "":
            return []
        case _:
            group = {"domains": "domain", "forms": "form"}.get(field, field)
            return [scenario_words.say(visit.language, group, str(value))]


def _both(one: scenarios.Indicator) -> tuple[tuple[str, str], tuple[str, str]]:
    """Metric and method, each in both languages."""
    return (one.metric, one.metric_en), (one.method, one.method_en)


def _act(session: Session, call: Call, work: Any) -> Response:
    visit = begin(session, call)
    visit.person()
    viewed = scenarios.visible_item(session, call.params["code"], visit.actor, side=side_of(call))
    form = read_form(visit)
    with shown_again(visit, lambda errors: _item_page(session, visit, viewed, form, errors)):
        item = work(visit, viewed, form)
    status = scenario_words.say(visit.language, "status", item.status)
    return see_other(visit, urls.scenario(item), told=f"{item.code}: {status}")


def _item_page(session: Session, visit: Visit, viewed: Viewed, form: Form, errors: Mapping[str, str]) -> Response:
    item = viewed.item
    claims = scenarios.list_claims(session, item.id) if workflow.is_insider(viewed.parts) or visit.actor.user else []
    may_decide = bool({"owner", "operator", "auditor"} & viewed.parts)
    own = scenarios.list_owned(session, visit.actor) if visit.actor.user and item.side == "opportunity" else []
    mine = {one.id for one in own}
    insider = workflow.is_insider(viewed.parts)
    context: dict[str, Any] = {
        "item": item,
        "viewed": viewed,
        "form": form,
        "errors": errors,
        "claims": [one for one in claims if may_decide or one.capability_id in mine],
        "may_decide": bool({"owner", "operator"} & viewed.parts),
        "my_capabilities": _offers(own, item, viewed),
        "pilots": {one.claim_id: one for one in validation.list_pilots_of(session, item.id)} if claims else {},
        "mine": mine,
        "history": scenarios.list_history(session, item.id, is_public=not insider),
        "reviews": scenarios.list_reviews(session, item.id) if insider else [],
        "alike": scenarios.find_alike(session, item.id) if viewed.parts & {"operator", "expert", "compliance"} else [],
        "is_insider": insider,
        "linked": _linked(session, visit, item.content),
        "findings": lint.lint(scenarios.get_item_by_id(session, item.id).content) if insider else [],
        "steps": workflow.possible_steps(item, viewed.parts, is_applicant=viewed.is_applicant),
        "may_edit": workflow.may_edit(item, viewed.parts),
        "may_review": item.status in ("submitted", "reviewing")
        and bool(viewed.parts & {"operator", "expert", "compliance"})
        and not viewed.is_applicant,
        "may_confirm": bool({"owner", "operator"} & viewed.parts)
        and item.status in ("published", "claiming", "matched", "promoted"),
        "is_stale": workflow.is_stale(item, clock.now()),
        "superseding": _superseding(session, visit, item),
    }
    return page(
        visit, "scenarios/item.html", tab=item.side, side=item.side, **context, **tabs_for(session, visit),
        **words_for(visit),
    )  # fmt: skip


def _offers(own: Sequence[Item], item: Item, viewed: Viewed) -> Sequence[Item]:
    """With what the visitor could claim it."""
    is_open = item.status in ("published", "claiming", "matched") and item.taken_count < item.content.capacity
    if not is_open or viewed.is_applicant:
        return []
    return [one for one in own if one.side == "capability" and one.status in ("published", "promoted")]


def _linked(session: Session, visit: Visit, content: Content) -> Mapping[str, hub.Repo]:
    """The repos that it names, as far as the visitor may know of them."""
    if not isinstance(content, CapabilityContent):
        return {}
    named = [*content.repos, *(seen for one in content.measurements for seen in one.evidence)]
    found: dict[str, hub.Repo] = {}
    for name in named[:_MOST_LINKED]:
        for kind in hub.KINDS:
            repo = hub.find_repo(session, kind, name) if name.count("/") == 1 else None
            if repo is not None and hub.may_read(visit.actor, repo):
                found.setdefault(name, repo)
    return found


def _superseding(session: Session, visit: Visit, item: Item) -> Item | None:
    if item.superseded_by is None:
        return None
    other = scenarios.get_item_by_id(session, item.superseded_by)
    viewed = scenarios.view(session, other, visit.actor)
    may_see = workflow.may_see(visit.actor, other, viewed.parts, is_partner=viewed.is_partner)
    return replace(other, content=viewed.item.content) if may_see else None
