"""The way of a pilot: proposed, signed by both sides, evaluated, and ended by what was measured.

Whoever changes a pilot holds its row until the transaction ends."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu import accounts, compute, hub
from yungu.accounts import Actor, SignInRequired
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
    AttemptOpen,
    AttemptsUsed,
    BenchReadable,
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
    PilotEvaluationAsked,
    PilotFailed,
    PilotProposed,
    PilotSigned,
    PilotTermsChanged,
)
from yungu.scenarios.validation.models import Attempt, Bench, Evidence, Party, Pilot, Terms, attempts, evidence, pilots
from yungu.scenarios.validation.queries import Run, Seen
from yungu.storage.git import GitStore

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


def conclude(session: Session, code: str, actor: Actor, *, give_up: bool = False, reason: str = "") -> Pilot:
    """End the pilot by what was measured: accepted when every mandatory goal is met, failed when one is missed. Of
    goals that nothing is known of it cannot be accepted, only given up.

    Accepted, it promotes the capability and becomes a public case if its opportunity is public. Raises PilotNotFound,
    PartDenied, NotAgreed, PilotEnded, GoalsOpen, AttemptOpen."""
    seen = locked(session, code, actor)
    pilot = seen.pilot
    _check_judge(seen)
    _check_agreed(pilot)
    runs = queries.list_runs(session, pilot)
    _check_idle(runs)
    cause = runs[-1].job.event_id if runs else None
    judged = queries.judge_pilot(session, pilot)
    outcome, missing = rules.verdict(judged), queries.missing_papers(session, pilot)
    if outcome == "unknown" or (outcome == "met" and missing):
        if not give_up:
            unknown = [one.goal.metric for one in judged if one.outcome == "unknown" and one.goal.is_mandatory]
            raise GoalsOpen(", ".join([*unknown, *missing]))
        outcome = "missed"
    if outcome == "met":
        return _accept(session, seen, actor, reason.strip(), cause)
    missed = [one.goal.metric for one in judged if one.goal.is_mandatory and one.outcome != "met"]
    why = "; ".join(filter(None, [", ".join([*missed, *missing]), reason.strip()]))
    return _fail(session, seen, actor, why, cause)


def pin_bench(session: Session, git: GitStore, bench: Bench, actor: Actor) -> Bench:
    """The bench at the commits that its revisions mean now. Raises what the hub raises for what the actor may not read
    or what is not there."""
    dataset, commit = _resolve(session, git, "dataset", bench.dataset, bench.commit, actor)
    hub.get_file(git.open(dataset.id), commit, bench.path)
    pinned = msgspec.structs.replace(bench, dataset=dataset.repo_id, commit=commit)
    if not bench.scorer:
        return pinned
    scorer, commit = _resolve(session, git, "model", bench.scorer, bench.scorer_commit, actor)
    return msgspec.structs.replace(pinned, scorer=scorer.repo_id, scorer_commit=commit)


def evaluate(
    session: Session,
    git: GitStore,
    code: str,
    actor: Actor,
    terms: compute.JobTerms,
    *,
    repo: str,
    revision: str | None = None,
) -> Attempt:
    """Run the agreed evaluation of a program that the actor may read: the ``predict.py`` of a model repo, or the
    deployment of that name when there is none. It is asked for, and paid, in the name of who signed for the demand
    side; each attempt counts.

    Raises PilotNotFound, PartDenied, NotAgreed, PilotEnded, TermsInvalid without a bench, AttemptOpen, AttemptsUsed,
    BenchReadable, and what `compute.ask_evaluation` raises."""
    seen = locked(session, code, actor)
    pilot = seen.pilot
    _check_party(seen)
    _check_agreed(pilot)
    runs = queries.list_runs(session, pilot)
    _check_idle(runs)
    if len(runs) >= pilot.terms.attempts:
        raise AttemptsUsed(pilot.terms.attempts)
    if pilot.terms.bench is None:
        raise TermsInvalid("bench", "no evaluation was agreed")
    _check_secret(session, pilot, pilot.terms.bench)
    program, commit = _resolve(session, git, "model", repo, revision, actor)
    number = len(runs) + 1
    told = PilotEvaluationAsked(pilot_id=pilot.id, number=number, repo=program.repo_id, commit=commit)
    row: dict[str, Any] = {"repo": program.repo_id, "commit": commit, "attempts_count": number}
    pilot = _note(session, pilot, told, actor, **row)
    left = pilot.terms.budget - sum(run.job.cost for run in runs)
    job = _ask(session, git, pilot, program, commit, terms, max(0, left))
    row = {"pilot_id": pilot.id, "number": number, "job_id": job.id, "repo": program.repo_id, "commit": commit}
    row |= {"asked_by": actor.id, "asked_at": clock.now()}
    session.execute(sa.insert(attempts).values(row))
    return queries.list_attempts(session, pilot.id)[-1]


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


def _check_idle(runs: Sequence[Run]) -> None:
    if runs and runs[-1].job.state in compute.OPEN_JOBS:
        raise AttemptOpen


def _check_secret(session: Session, pilot: Pilot, bench: Bench) -> None:
    """Raises BenchReadable when somebody of the provider's side can read the labels."""
    provider = accounts.get_owner_by_id(session, pilot.provider_id)
    people = [provider.id] if provider.kind == "user" else [
        member.user_id for member in accounts.list_members(session, provider.id)
    ]  # fmt: skip
    for number in people:
        user = accounts.get_owner_by_id(session, number)
        with suppress(hub.RepoNotFound, hub.RepoGated, accounts.TokenInvalid):
            hub.readable_repo(session, "dataset", bench.dataset, accounts.actor_for_user(session, user))
            raise BenchReadable(bench.dataset, user.name)


def _resolve(
    session: Session, git: GitStore, kind: hub.Kind, repo_id: str, revision: str | None, actor: Actor
) -> tuple[hub.Repo, str]:
    repo = hub.readable_repo(session, kind, repo_id, actor)
    return repo, hub.resolve_revision(session, git, repo, revision or None)


def _ask(
    session: Session, git: GitStore, pilot: Pilot, program: hub.Repo, commit: str, terms: compute.JobTerms, budget: int
) -> compute.Job:
    bench = pilot.terms.bench
    assert bench is not None and pilot.demand_signed_by is not None
    is_program = hub.find_file(git.open(program.id), commit, compute.PREDICTOR) is not None
    asked = compute.EvaluationAsk(
        dataset=bench.dataset,
        revision=bench.commit,
        path=bench.path,
        model=None if is_program else program.repo_id,
        program=program.repo_id if is_program else None,
        program_revision=commit,
        metric=bench.metric,
        scorer=bench.scorer or None,
        scorer_revision=bench.scorer_commit or None,
        input_field=bench.input_field,
        label_field=bench.label_field,
        seed=bench.seed,
    )
    signer = accounts.actor_for_user(session, accounts.get_owner_by_id(session, pilot.demand_signed_by))
    payer = accounts.get_owner_by_id(session, pilot.demand_id).name
    return compute.ask_evaluation(
        session, git, asked, signer, terms, payer=payer, budget=budget, is_agreed=True, caused_by=pilot.event_id
    )


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


def _agree(session: Session, pilot: Pilot, actor: Actor) -> Pilot:
    pilot = _note(session, pilot, PilotAgreed(pilot_id=pilot.id, terms_hash=pilot.terms_hash), actor, state="agreed")
    demand = lists.get_item_by_id(session, pilot.opportunity_id)
    if demand.status == "matched":
        take(session, demand, "validate", "validating", actor, caused_by=pilot.event_id)
    return pilot


def _accept(session: Session, seen: Seen, actor: Actor, reason: str, cause: int | None) -> Pilot:
    pilot, demand, supply = seen.pilot, seen.demand, seen.supply
    told = PilotAccepted(pilot_id=pilot.id, opportunity_id=demand.id, capability_id=supply.id)
    is_public = demand.content.confidentiality == "public"
    pilot = _end(session, pilot, told, actor, "accepted", reason, is_public=is_public, caused_by=cause)
    _settle_opportunity(session, pilot, actor)
    supply = lists.get_item_by_id(session, supply.id)
    if supply.status == "published":
        take(session, supply, "promote", "promoted", actor, caused_by=pilot.event_id)
    return pilot


def _fail(session: Session, seen: Seen, actor: Actor, reason: str, cause: int | None) -> Pilot:
    pilot, demand, supply = seen.pilot, seen.demand, seen.supply
    told = PilotFailed(pilot_id=pilot.id, opportunity_id=demand.id, capability_id=supply.id, reason=reason[:_MOST_TEXT])
    pilot = _end(session, pilot, told, actor, "failed", reason, caused_by=cause)
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


def _note(
    session: Session, pilot: Pilot, told: Event, actor: Actor, *, caused_by: int | None = None, **row: Any
) -> Pilot:
    """Record a fact that the pilot's last one led to, unless another did, and change its row."""
    event_id = record(session, told, actor_id=actor.id, caused_by=caused_by or pilot.event_id or None)
    row |= {"event_id": event_id, "changed_at": clock.now()}
    session.execute(sa.update(pilots).where(pilots.c.id == pilot.id).values(row))
    return queries.get_pilot(session, pilot.id)
