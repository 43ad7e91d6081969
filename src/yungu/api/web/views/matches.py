"""Matches of one item, why each was proposed, and the answers of both sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from starlette.responses import Response

from yungu import hub, scenarios
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.scenarios import side_of, tabs_for, words_for
from yungu.api.web.visit import Visit, begin
from yungu.kernel.db import Session
from yungu.scenarios import Viewed, matching
from yungu.scenarios.errors import ItemDenied, ItemNotFound
from yungu.scenarios.matching import Explanation, Match, Proposal

_SHOWN = 12
"""Matches whose reasons stand in the list itself."""


def get_matches(session: Session, call: Call) -> Response:
    """What was proposed for an item, to those whom it belongs to."""
    visit = begin(session, call)
    viewed = _own_item(session, visit, call)
    _seen(session, visit, matching.place_of_item(viewed.item.side, viewed.item.code))
    return _list_page(session, visit, viewed, EMPTY, {})


def post_matches(session: Session, call: Call) -> Response:
    """Look for a shortlist now; nothing but its writing holds the database."""
    visit = begin(session, call)
    viewed = _own_item(session, visit, call)
    form = read_form(visit)
    with shown_again(visit, lambda errors: _list_page(session, visit, viewed, form, errors)):
        if viewed.item.side != "opportunity" or not {"owner", "operator"} & viewed.parts:
            raise ItemDenied(viewed.item.code, "match")
        found = matching.find_for(session, call.site.markets, viewed.item.id)
        with call.site.db.write() as writing:
            run = matching.keep(writing, found, visit.actor, caused_by=viewed.item.last_event_id)
            matching.publish(writing, run.id, None)
    return see_other(visit, urls.scenario_matches(viewed.item), told=visit.gettext("Matched anew"))


def get_match(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    proposal, sides = matching.visible_proposal(session, _number(call), visit.actor)
    matching.note_seen(session, call.site.db, {proposal.match.id: sides}, "opened", visit.actor)
    for side in sides & {"demand", "provider"}:
        _seen(session, visit, matching.place_of_match(proposal.match.id, cast(Any, side)))
    return _match_page(session, visit, proposal, sides, EMPTY, {})


def post_match(session: Session, call: Call) -> Response:
    """Say yes or no."""
    visit = begin(session, call)
    visit.person()
    proposal, sides = matching.visible_proposal(session, _number(call), visit.actor)
    form = read_form(visit)
    with shown_again(visit, lambda errors: _match_page(session, visit, proposal, sides, form, errors)):
        said = "yes" if form["answer"] == "yes" else "no"
        match = matching.answer(session, proposal.match.id, cast(Any, said), visit.actor, reason=form["reason"])
    return see_other(visit, urls.match(match.id), told=_told(visit, match))


def post_contact(session: Session, call: Call) -> Response:
    """Write to the other side, or with "withdraw" take back what was written."""
    visit = begin(session, call)
    visit.person()
    proposal, sides = matching.visible_proposal(session, _number(call), visit.actor)
    form, number = read_form(visit), proposal.match.id
    with shown_again(
        visit, lambda errors: _match_page(session, visit, proposal, sides, form, errors), text=matching.ContactInvalid
    ):
        if form["withdraw"]:
            matching.withdraw(session, number, whole_number(form["withdraw"]) or 0, visit.actor)
            return see_other(visit, urls.match(number), told=visit.gettext("Your message is withdrawn"))
        matching.write(session, number, form["text"], visit.actor, shows_contact=bool(form["shows_contact"]))
    return see_other(visit, f"{urls.match(number)}#talk", told=visit.gettext("The other side is told"))


def post_mute(session: Session, call: Call) -> Response:
    """Hear of no proposals for an item any more, or with "unmute" pressed again."""
    visit = begin(session, call)
    user, viewed = visit.person(), _own_item(session, visit, call)
    form = read_form(visit)
    (matching.unmute if form["unmute"] else matching.mute)(session, user.id, viewed.item.id)
    return see_other(visit, urls.scenario_matches(viewed.item))


def explained(session: Session, visit: Visit, match: Match) -> Explanation | None:
    """Why, as things are now; None once one side takes part no more."""
    try:
        snapshot = visit.call.site.markets.current(session)
        return matching.explain(snapshot, match.opportunity_id, match.capability_id)
    except ItemNotFound:
        return None


def _seen(session: Session, visit: Visit, place: str) -> None:
    """What there was to hear of this page is read, by writing in a transaction of its own."""
    user = visit.person()
    if hub.has_unread_at(session, user.id, place):
        with visit.call.site.db.write() as writing:
            hub.mark_seen_at(writing, user.id, place)


def _own_item(session: Session, visit: Visit, call: Call) -> Viewed:
    visit.person()
    viewed = scenarios.visible_item(session, call.params["code"], visit.actor, side=side_of(call))
    if not {"owner", "operator", "auditor"} & viewed.parts:
        raise ItemDenied(viewed.item.code, "see its matches")
    return viewed


def _list_page(session: Session, visit: Visit, viewed: Viewed, form: Form, errors: Mapping[str, str]) -> Response:
    proposals, seen = [], dict[int, frozenset[str]]()
    for one in matching.list_proposals(session, item_id=viewed.item.id):
        sides = matching.sides_of(session, one, visit.actor) | ({"operator"} & viewed.parts)
        if matching.may_see(one, sides):
            proposals.append(one)
            seen[one.match.id] = sides
    proposals.sort(key=lambda one: (one.match.status in ("declined", "lapsed"), -one.match.probability))
    matching.note_seen(session, visit.call.site.db, seen, "shown", visit.actor)
    context: dict[str, Any] = {
        "item": viewed.item,
        "viewed": viewed,
        "proposals": proposals,
        "reasons": {one.match.id: explained(session, visit, one.match) for one in proposals[:_SHOWN]},
        "talking": matching.list_seen(session, seen, "contacted"),
        "is_muted": visit.actor.id in matching.list_muting(session, viewed.item.id),
        "may_match": viewed.item.side == "opportunity" and bool({"owner", "operator"} & viewed.parts),
        "errors": errors,
        "form": form,
    }
    return page(
        visit, "matching/list.html", tab=viewed.item.side, side=viewed.item.side, **context,
        **tabs_for(session, visit), **words_for(visit),
    )  # fmt: skip


def _match_page(
    session: Session, visit: Visit, proposal: Proposal, sides: frozenset[str], form: Form, errors: Mapping[str, str]
) -> Response:
    match = proposal.match
    own = matching.own_side(sides)
    context: dict[str, Any] = {
        "proposal": proposal,
        "match": match,
        "sides": sides,
        "own": own,
        "may_answer": own is not None and match.status == "proposed" and getattr(match, f"{own}_answer") is None,
        "why": explained(session, visit, match),
        "contacts": matching.list_contacts(session, match.id) if own else [],
        "may_write": own is not None and matching.may_write(proposal, own),
        "own_contact": matching.own_contact(session, proposal, own, visit.actor) if own else "",
        "form": form,
        "errors": errors,
    }
    return page(visit, "matching/match.html", tab="", **context, **tabs_for(session, visit), **words_for(visit))


def _told(visit: Visit, match: Match) -> str:
    match match.status:
        case "accepted":
            return visit.gettext("Both sides have said yes")
        case "declined":
            return visit.gettext("Declined")
        case _:
            return visit.gettext("Your answer is noted")


def _number(call: Call) -> int:
    number = whole_number(call.params["number"])
    if number is None:
        raise matching.MatchNotFound(0)
    return number
