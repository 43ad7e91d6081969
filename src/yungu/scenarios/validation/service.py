"""The way of a pilot: proposed, signed by both sides, evaluated, and ended by what was measured.

Whoever changes a pilot holds its row until the transaction ends."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu.accounts.errors import SignInRequired
from yungu.accounts.models import Actor
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import Event, record
from yungu.scenarios import queries as lists
from yungu.scenarios.errors import ClaimRefused
from yungu.scenarios.models import Item, OpportunityContent
from yungu.scenarios.rules import workflow
from yungu.scenarios.service.items import lock as lock_items
from yungu.scenarios.service.steps import take
from yungu.scenarios.validation import queries, rules
from yungu.scenarios.validation.errors import (
    GoalsOpen,
    NotAgreed,
    PartDenied,
    PilotEnded,
    PilotNotFound,
    TermsInvalid,
    TermsMoved,
    TermsSigned,
)
from yungu.scenarios.validation.events import (
    EvidenceAdded,
    EvidenceConfirmed,
    PilotAccepted,
    PilotAgreed,
    PilotCancelled,
    PilotFailed,
    PilotProposed,
    PilotSigned,
    PilotTermsChanged,
)
from yungu.scenarios.validation.models import Evidence, Figure, Party, Pilot, Terms, evidence, pilots
from yungu.scenarios.validation.queries import Seen

_OPEN = ("drafting", "agreed")
_MOST_TEXT = 4000


def propose_pilot(session: Session, claim_id: int, actor: Actor, terms: Terms | None = None) -> Pilot:
    """Begin the pilot of an accepted claim, with terms to talk about: by default what the opportunity asks for.
    Asking again gives the same pilot. Either side may. Raises ClaimNotFound, ClaimRefused, TermsInvalid."""
    claim = lists.get_claim(session, claim_id)
    lock_items(session, claim.opportunity_id)
    demand = lists.get_item_by_id(session, claim.opportunity_id)
    supply = lists.get_item_by_id(session, claim.capability_id)
    _check_side(session, demand, supply, actor)
    if (known := queries.find_pilot_of(session, claim_id)) is not None:
        return known
    if claim.status != "accepted":
        raise ClaimRefused(f"This claim is {claim.status}: only an accepted one leads to a pilot.")
    assert isinstance(demand.content, OpportunityContent)
    terms = terms or Terms(rules.suggest_goals(demand.content.indicators))
    if terms.goals:
        rules.check_terms(terms)
    now = clock.now()
    row: dict[str, Any] = {
        "code": secrets.token_hex(8),
        "claim_id": claim.id,
        "opportunity_id": demand.id,
        "capability_id": supply.id,
        "demand_id": demand.owner_id,
        "provider_id": claim.provider_id,
        "state": "drafting",
        "terms": msgspec.to_builtins(terms),
        "terms_hash": rules.hash_terms(terms),
        "repo": "",
        "commit": "",
        "attempts_count": 0,
        "reason": "",
        "is_public": False,
        "event_id": 0,
        "created_by": actor.id,
        "created_at": now,
        "changed_at": now,
    }
    number = new_id(session.execute(sa.insert(pilots).values(row)))
    told = PilotProposed(pilot_id=number, opportunity_id=demand.id, capability_id=supply.id)
    event_id = record(session, told, actor_id=actor.id, caused_by=claim.event_id)
    named = {"code": f"P-{now:%Y}-{number:04d}", "event_id": event_id}
    session.execute(sa.update(pilots).where(pilots.c.id == number).values(named))
    return queries.get_pilot(session, number)


def change_terms(session: Session, code: str, terms: Terms, actor: Actor, *, based_on: str) -> Pilot:
    """Propose other terms in place of those whose hash is ``based_on``; what was signed is signed no more.

    Raises PilotNotFound, TermsInvalid, TermsMoved, TermsSigned, PilotEnded, PartDenied."""
    seen = locked(session, code, actor)
    pilot = seen.pilot
    _check_party(seen)
    if pilot.state != "drafting":
        raise TermsSigned if pilot.state == "agreed" else PilotEnded(pilot.state)
    if based_on != pilot.terms_hash:
        raise TermsMoved
    rules.check_terms(terms)
    signed = rules.hash_terms(terms)
    if signed == pilot.terms_hash:
        return pilot
    row: dict[str, Any] = {"terms": msgspec.to_builtins(terms), "terms_hash": signed}
    row |= dict.fromkeys(("demand_signed_at", "demand_signed_by", "provider_signed_at", "provider_signed_by"))
    return _note(session, pilot, PilotTermsChanged(pilot_id=pilot.id, terms_hash=signed), actor, **row)


def sign_terms(session: Session, code: str, party: Party, actor: Actor, *, terms_hash: str) -> Pilot:
    """Sign what is there, for one side; when both have, the pilot is agreed and its opportunity is being validated.
    From then on nothing of the terms changes. Nobody signs for both sides.

    Raises PilotNotFound, PartDenied, TermsMoved, TermsInvalid, PilotEnded."""
    seen = locked(session, code, actor)
    pilot = seen.pilot
    _check_party(seen, party)
    if pilot.state != "drafting":
        if pilot.state == "agreed" and pilot.terms_hash == terms_hash:
            return pilot
        raise TermsSigned if pilot.state == "agreed" else PilotEnded(pilot.state)
    if terms_hash != pilot.terms_hash:
        raise TermsMoved
    rules.check_terms(pilot.terms)
    told = PilotSigned(pilot_id=pilot.id, party=party, terms_hash=terms_hash)
    row: dict[str, Any] = {f"{party}_signed_at": clock.now(), f"{party}_signed_by": actor.id}
    pilot = _note(session, pilot, told, actor, **row)
    if pilot.demand_signed_at is None or pilot.provider_signed_at is None:
        return pilot
    return _agree(session, pilot, actor)


def add_evidence(
    session: Session, code: str, actor: Actor, goal: str, *, value: float | None = None, text: str = "", link: str = ""
) -> Evidence:
    """Hand in something for a goal that evidence shows, or one of the agreed papers. What the demand side hands in
    counts at once. Raises PilotNotFound, PartDenied, NotAgreed, PilotEnded, TermsInvalid."""
    seen = locked(session, code, actor)
    pilot = seen.pilot
    _check_party(seen)
    _check_agreed(pilot)
    _check_for(pilot.terms, goal, value)
    if not text.strip() and not link.strip():
        raise TermsInvalid("text", "evidence says something, or leads somewhere")
    now, confirms = clock.now(), "demand" in seen.parties
    row: dict[str, Any] = {"pilot_id": pilot.id, "goal": goal, "value": value, "added_by": actor.id, "added_at": now}
    row |= {"text": text.strip()[:_MOST_TEXT], "link": link.strip()[:500]}
    row |= {"confirmed_by": actor.id if confirms else None, "confirmed_at": now if confirms else None}
    number = new_id(session.execute(sa.insert(evidence).values(row)))
    _note(session, pilot, EvidenceAdded(pilot_id=pilot.id, evidence_id=number, goal=goal), actor)
    return queries.get_evidence(session, pilot.id, number)


def confirm_evidence(session: Session, code: str, number: int, actor: Actor) -> Evidence:
    """The demand side, or a test laboratory, has checked it. Raises PilotNotFound, EvidenceNotFound, PartDenied,
    NotAgreed, PilotEnded."""
    seen = locked(session, code, actor)
    _check_judge(seen)
    _check_agreed(seen.pilot)
    found = queries.get_evidence(session, seen.pilot.id, number)
    if found.confirmed_at is not None:
        return found
    row = {"confirmed_by": actor.id, "confirmed_at": clock.now()}
    session.execute(sa.update(evidence).where(evidence.c.id == number).values(row))
    told = EvidenceConfirmed(pilot_id=seen.pilot.id, evidence_id=number, goal=found.goal)
    _note(session, seen.pilot, told, actor)
    return queries.get_evidence(session, seen.pilot.id, number)


def conclude(
    session: Session, code: str, actor: Actor, figures: Sequence[Figure], *, give_up: bool = False, reason: str = ""
) -> Pilot:
    """End the pilot by what was measured: accepted when every mandatory goal is met, failed when one is missed. Of
    goals that nothing is known of it cannot be accepted, only given up.

    ``figures``: of the evaluation that counts. Accepted, it promotes the capability and becomes a public case if its
    opportunity is public. Raises PilotNotFound, PartDenied, NotAgreed, PilotEnded, GoalsOpen."""
    seen = locked(session, code, actor)
    pilot = seen.pilot
    _check_judge(seen)
    _check_agreed(pilot)
    judged = rules.judge(pilot.terms, known_figures(session, pilot, figures))
    outcome, missing = rules.verdict(judged), _missing_papers(session, pilot)
    if outcome == "unknown" or (outcome == "met" and missing):
        if not give_up:
            unknown = [one.goal.metric for one in judged if one.outcome == "unknown" and one.goal.is_mandatory]
            raise GoalsOpen(", ".join([*unknown, *missing]))
        outcome = "missed"
    if outcome == "met":
        return _accept(session, seen, actor, reason.strip())
    missed = [one.goal.metric for one in judged if one.goal.is_mandatory and one.outcome != "met"]
    return _fail(session, seen, actor, "; ".join(filter(None, [", ".join([*missed, *missing]), reason.strip()])))


def cancel_pilot(session: Session, code: str, actor: Actor, *, reason: str) -> Pilot:
    """Either side stops it before it has ended; it is recorded as cancelled. Raises PilotNotFound, PartDenied,
    PilotEnded, ClaimRefused without a reason."""
    seen = locked(session, code, actor)
    _check_party(seen)
    if seen.pilot.state not in _OPEN:
        raise PilotEnded(seen.pilot.state)
    if not reason.strip():
        raise ClaimRefused("Say why: the other side will read it.")
    told = PilotCancelled(pilot_id=seen.pilot.id, reason=reason.strip()[:_MOST_TEXT])
    pilot = _end(session, seen.pilot, told, actor, "cancelled", reason.strip())
    _settle_opportunity(session, pilot, actor)
    return pilot


def known_figures(session: Session, pilot: Pilot, figures: Sequence[Figure]) -> dict[str, Figure]:
    """What counts of each goal: of an evaluated one the figure of the evaluation, of the others the last evidence that
    was confirmed."""
    measured = {figure.metric: figure for figure in figures}
    shown = {
        one.goal: Figure(one.goal, one.value)
        for one in queries.list_evidence(session, pilot.id)
        if one.value is not None and one.confirmed_at is not None
    }
    sources = {"evaluation": measured, "evidence": shown}
    found = {goal.metric: sources[goal.source].get(goal.metric) for goal in pilot.terms.goals}
    return {metric: figure for metric, figure in found.items() if figure is not None}


def locked(session: Session, code: str, actor: Actor) -> Seen:
    """The pilot as it is now; nobody else changes it, or its opportunity, until this transaction ends.

    Raises SignInRequired, PilotNotFound."""
    seen = queries.visible_pilot(session, code, actor)
    if not workflow.may_act(actor):
        raise SignInRequired
    if not seen.is_insider:
        raise PilotNotFound(code)
    lock_items(session, seen.pilot.opportunity_id, seen.pilot.capability_id)
    session.execute(sa.select(pilots.c.id).where(pilots.c.id == seen.pilot.id).with_for_update())
    return queries.see(session, queries.get_pilot(session, seen.pilot.id), actor)


def _check_side(session: Session, demand: Item, supply: Item, actor: Actor) -> None:
    """Raises SignInRequired, ItemNotFound alike for strangers."""
    if not workflow.may_act(actor):
        raise SignInRequired
    if not any("owner" in lists.view(session, item, actor).parts for item in (demand, supply)):
        lists.visible_item(session, demand.code, actor)
        raise PartDenied("demand or the provider's")


def _check_party(seen: Seen, party: Party | None = None) -> None:
    if not seen.parties or (party is not None and party not in seen.parties):
        raise PartDenied(party or "demand or the provider's")
    if party == "provider" and "demand" in seen.parties:
        raise PartDenied("provider's")


def _check_judge(seen: Seen) -> None:
    if not seen.may_judge:
        raise PartDenied("demand")


def _check_agreed(pilot: Pilot) -> None:
    if pilot.state == "drafting":
        raise NotAgreed
    if pilot.state != "agreed":
        raise PilotEnded(pilot.state)


def _check_for(terms: Terms, name: str, value: float | None) -> None:
    goal = next((goal for goal in terms.goals if goal.metric == name), None)
    if goal is None and name not in terms.papers:
        raise TermsInvalid("goal", f"nothing called {name[:80]!r} was agreed")
    if goal is not None and goal.source != "evidence":
        raise TermsInvalid("goal", f"{goal.metric} is measured by the evaluation, not by evidence")
    if goal is not None and value is None:
        raise TermsInvalid("value", f"{goal.metric} needs a number")


def _missing_papers(session: Session, pilot: Pilot) -> list[str]:
    there = {one.goal for one in queries.list_evidence(session, pilot.id) if one.confirmed_at is not None}
    return [paper for paper in pilot.terms.papers if paper not in there]


def _agree(session: Session, pilot: Pilot, actor: Actor) -> Pilot:
    pilot = _note(session, pilot, PilotAgreed(pilot_id=pilot.id, terms_hash=pilot.terms_hash), actor, state="agreed")
    demand = lists.get_item_by_id(session, pilot.opportunity_id)
    if demand.status == "matched":
        take(session, demand, "validate", "validating", actor, caused_by=pilot.event_id)
    return pilot


def _accept(session: Session, seen: Seen, actor: Actor, reason: str) -> Pilot:
    pilot, demand, supply = seen.pilot, seen.demand, seen.supply
    told = PilotAccepted(pilot_id=pilot.id, opportunity_id=demand.id, capability_id=supply.id)
    is_public = demand.content.confidentiality == "public"
    pilot = _end(session, pilot, told, actor, "accepted", reason, is_public=is_public)
    _settle_opportunity(session, pilot, actor)
    supply = lists.get_item_by_id(session, supply.id)
    if supply.status == "published":
        take(session, supply, "promote", "promoted", actor, caused_by=pilot.event_id)
    return pilot


def _fail(session: Session, seen: Seen, actor: Actor, reason: str) -> Pilot:
    pilot, demand, supply = seen.pilot, seen.demand, seen.supply
    told = PilotFailed(pilot_id=pilot.id, opportunity_id=demand.id, capability_id=supply.id, reason=reason[:_MOST_TEXT])
    pilot = _end(session, pilot, told, actor, "failed", reason)
    _settle_opportunity(session, pilot, actor)
    return pilot


def _settle_opportunity(session: Session, pilot: Pilot, actor: Actor) -> None:
    """When its last pilot has ended: accepted if one was, else failed."""
    demand = lists.get_item_by_id(session, pilot.opportunity_id)
    states = {one.state for one in queries.list_pilots_of(session, demand.id)}
    if demand.status != "validating" or states & set(_OPEN):
        return
    if "accepted" in states:
        take(session, demand, "accept", "accepted", actor, caused_by=pilot.event_id)
    else:
        take(session, demand, "fail", "failed", actor, reason=pilot.reason, caused_by=pilot.event_id)


def _end(session: Session, pilot: Pilot, told: Event, actor: Actor, state: str, reason: str, **more: Any) -> Pilot:
    row: dict[str, Any] = {"state": state, "reason": reason[:_MOST_TEXT], "ended_at": clock.now(), **more}
    return _note(session, pilot, told, actor, **row)


def _note(session: Session, pilot: Pilot, told: Event, actor: Actor, **row: Any) -> Pilot:
    """Record a fact that the pilot's last one led to, and change its row."""
    event_id = record(session, told, actor_id=actor.id, caused_by=pilot.event_id or None)
    row |= {"event_id": event_id, "changed_at": clock.now()}
    session.execute(sa.update(pilots).where(pilots.c.id == pilot.id).values(row))
    return queries.get_pilot(session, pilot.id)
