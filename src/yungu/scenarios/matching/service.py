"""What changes rows of matching: runs and what they propose, answers of both sides, what becomes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from yungu.accounts.errors import SignInRequired
from yungu.accounts.models import Actor
from yungu.kernel import clock
from yungu.kernel.db import Database, Session, new_id, upsert
from yungu.kernel.events import Fact, record
from yungu.scenarios import queries as lists
from yungu.scenarios.errors import ItemNotFound, RoleNeeded
from yungu.scenarios.matching import queries
from yungu.scenarios.matching.errors import MatchClosed, MatchNotFound, RunPublished
from yungu.scenarios.matching.events import (
    CalibrationLearnt,
    MarketMatched,
    MatchAccepted,
    MatchAnswered,
    MatchProposed,
)
from yungu.scenarios.matching.keeping import Markets, Snapshot, code_version
from yungu.scenarios.matching.market import Judged, Rules
from yungu.scenarios.matching.models import (
    Answer,
    Deed,
    Match,
    Run,
    RunKind,
    calibrations,
    deeds,
    matches,
    runs,
    states,
)
from yungu.scenarios.matching.queries import Proposal
from yungu.scenarios.models import Claim
from yungu.scenarios.rules import calibration, workflow
from yungu.scenarios.rules.allocation import Method
from yungu.scenarios.rules.measures import Measures
from yungu.scenarios.service import claims

FOLLOWED = ("OpportunityPublished", "OpportunityAccepted", "ValidationFailed")
"""Facts that ask for a shortlist, or say what became of a match."""
_ENDS: Mapping[str, Deed] = {"OpportunityAccepted": "succeeded", "ValidationFailed": "failed"}
COMPARED: Sequence[Method] = ("flow", "greedy", "deferred", "separate")
"""Ways to choose, of which an operator sees the measures beside each other."""
Step = Callable[[str], object]
STEP_COUNT = 3 + len(COMPARED)
_AT_ONCE = 500


def _silent(_what: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Found:
    """What a run found, before it is written: everything `keep` needs. ``left_out``: capabilities that were not asked
    because enough proposals wait at them; ``skipped``: pairs that were decided before; ``ranks``: of the first pair of
    an opportunity, 1 where it is not said."""

    snapshot: Snapshot
    rules: Rules
    pairs: Sequence[Judged]
    measures: Mapping[str, Any]
    subject_id: int | None = None
    left_out: Sequence[int] = ()
    skipped: Sequence[tuple[int, int]] = ()
    kind: RunKind = "market"
    ranks: Mapping[int, int] = field(default_factory=dict)


def find_for(session: Session, markets: Markets, opportunity_id: int, rules: Rules | None = None) -> Found:
    """A shortlist for one opportunity: capabilities at which enough proposals wait already are left to others. Raises
    ItemNotFound for one that does not take part."""
    rules, snapshot = rules or Rules(), markets.current(session)
    wanted = next((one for one in snapshot.market.opportunities if one.id == opportunity_id), None)
    if wanted is None:
        raise ItemNotFound(f"#{opportunity_id}")
    waiting = queries.count_open_of_capabilities(session)
    own = {one.capability_id for one in queries.list_open(session, [opportunity_id])}
    left_out = sorted(
        one.id
        for one in snapshot.market.capabilities
        if waiting.get(one.id, 0) >= one.free * rules.per_place and one.id not in own
    )
    skipped = sorted(pair for pair in queries.list_accepted_pairs(session) if pair[0] == opportunity_id)
    found = Found(snapshot, rules, (), {}, opportunity_id, left_out, skipped, "opportunity")
    return replace(found, pairs=shortlisted(found))


def find_market(session: Session, markets: Markets, rules: Rules) -> Found:
    """Proposals for the whole market. Takes seconds with thousands of items; nothing is written."""
    found = _begun(session, markets, rules)
    pairs, measured = dealt(found)
    return replace(found, pairs=pairs, measures=measured)


def _begun(session: Session, markets: Markets, rules: Rules) -> Found:
    skipped = sorted(queries.list_accepted_pairs(session))
    return Found(markets.current(session), rules, (), {}, None, (), skipped)


def shortlisted(found: Found) -> Sequence[Judged]:
    """What a run for one opportunity gives: from the values of ``found`` alone."""
    market = found.snapshot.market
    wanted = next(one for one in market.opportunities if one.id == found.subject_id)
    barred = {*found.left_out, *(pair[1] for pair in found.skipped)} & {one.id for one in market.capabilities}
    ranked = market.shortlist(wanted, limit=found.rules.shortlist, barred=barred)
    return [one for one in ranked if one.probability >= found.rules.least]


def dealt(found: Found, step: Step = _silent) -> tuple[Sequence[Judged], Mapping[str, Any]]:
    """What a run over both lists gives: from the values of ``found`` alone."""
    market, barred = found.snapshot.market, set(found.skipped)
    step("judging")
    judged = [one for one in market.judge_all() if (one.opportunity_id, one.capability_id) not in barred]
    step("choosing")
    result = market.deal(found.rules, judged)
    others = dict[str, Any]()
    for how in COMPARED:
        if how != found.rules.method:
            step("comparing")
            others[how] = _told(market.deal(replace(found.rules, method=how), judged).measures)
    return result.pairs, {**_told(result.measures), "others": others}


def keep(session: Session, found: Found, actor: Actor | None, *, caused_by: int | None = None) -> Run:
    """Write a run as a draft, with all that went into it, so that it can be played again."""
    packed = found.snapshot.state.packed
    digest = hashlib.sha256(packed).hexdigest()
    upsert(session, states, {"hash": digest, "content": packed}, keys=["hash"], update=[])
    now = clock.now()
    row: dict[str, Any] = {
        "kind": found.kind,
        "subject_id": found.subject_id,
        "state": "draft",
        "made_at": now,
        "made_by": actor.id if actor else None,
        "caused_by": caused_by,
        "inputs": _inputs(found, digest),
        "measures": dict(found.measures),
        "result_hash": result_hash(found.pairs),
    }
    number = new_id(session.execute(sa.insert(runs).values(row)))
    _keep_pairs(session, number, found)
    return queries.get_run(session, number)


def publish(session: Session, number: int, actor: Actor | None) -> Run:
    """Propose what the run found to both sides; what it proposed before to the same opportunities and nobody has
    answered lapses. ``actor`` None: a job. Raises RunNotFound, RunPublished, RoleNeeded."""
    if actor is not None:
        check_operator(session, actor)
    run = queries.get_run(session, number)
    found = queries.list_matches(session, number)
    moved = sa.update(runs).where(runs.c.id == number, runs.c.state == "draft")
    if not session.execute(moved.values(state="published", published_at=clock.now())).rowcount:
        raise RunPublished(number)
    if run.kind == "capability":
        _make_room(session, found, int(run.inputs["rules"]["shortlist"]))
    else:
        _lapse(session, run, {match.opportunity_id for match in found})
    cause = run.caused_by
    if run.kind == "market":
        told = MarketMatched(run_id=number, method=str(run.inputs["rules"]["method"]), proposals=len(found))
        cause = record(session, told, actor_id=actor.id if actor else None, caused_by=cause)
    causes = _last_events(session, {match.opportunity_id for match in found}) if run.kind == "market" else {}
    by = actor.id if actor else run.made_by
    for match in found:
        _propose(session, match, by, causes.get(match.opportunity_id) or cause)
    return queries.get_run(session, number)


def follow(markets: Markets, session: Session, facts: Sequence[Fact]) -> None:
    """A shortlist for each opportunity that was published, unless somebody was faster, and a note of how its pilot
    ended: the listener of ``FOLLOWED``."""
    for fact in facts:
        number = int(fact.payload["item_id"])
        if fact.kind in _ENDS:
            for match_id in queries.list_accepted(session, number):
                log(session, match_id, _ENDS[fact.kind], "demand", None)
        elif not queries.has_shortlist_since(session, number, fact.at):
            _shortlist(markets, session, number, fact.id)


def _shortlist(markets: Markets, session: Session, opportunity_id: int, cause: int) -> None:
    try:
        found = find_for(session, markets, opportunity_id)
    except ItemNotFound:  # it is over by now
        return
    run = keep(session, found, None, caused_by=cause)
    publish(session, run.id, None)


# --- answers


def visible_proposal(session: Session, number: int, actor: Actor) -> tuple[Proposal, frozenset[str]]:
    """A match and which sides the actor speaks for ("demand", "provider", "operator"). Of a side that is restricted
    the other one hears only after its yes. Raises MatchNotFound."""
    proposal = queries.get_proposal(session, number)
    sides = sides_of(session, proposal, actor)
    if not may_see(proposal, sides):
        raise MatchNotFound(number)
    return proposal, sides


def sides_of(session: Session, proposal: Proposal, actor: Actor) -> frozenset[str]:
    if actor.user is None or actor.scope == "fine-grained":
        return frozenset()
    demand = lists.get_item_by_id(session, proposal.match.opportunity_id)
    supply = lists.get_item_by_id(session, proposal.match.capability_id)
    found = {"demand"} if workflow.is_applicant(actor, demand) else set()
    found |= {"provider"} if workflow.is_applicant(actor, supply) else set()
    return frozenset(found | ({"operator"} if is_operator(session, actor) else set()))


def may_see(proposal: Proposal, sides: Collection[str]) -> bool:
    if "operator" in sides:
        return True
    if proposal.state != "published":
        return False
    match = proposal.match
    if "demand" in sides:
        return proposal.capability_confidentiality != "restricted" or match.provider_answer == "yes"
    if "provider" in sides:
        return proposal.opportunity_confidentiality != "restricted" or match.demand_answer == "yes"
    return False


def answer(session: Session, number: int, said: Answer, actor: Actor, *, reason: str = "") -> Match:
    """One side says yes or no. With both yes a claim of the provider on the opportunity is made and accepted, which
    moves the opportunity on.

    Raises SignInRequired, MatchNotFound, MatchClosed, and whatever a claim may raise (CapacityFull, DeadlinePassed,
    ClaimTaken, StepImpossible)."""
    if not workflow.may_act(actor):
        raise SignInRequired
    proposal, sides = visible_proposal(session, number, actor)
    own = [side for side in ("demand", "provider") if side in sides]
    if not own:
        raise MatchNotFound(number)
    _lock(session, number)
    match = queries.get_proposal(session, number).match
    side = next((side for side in own if getattr(match, f"{side}_answer") is None), own[0])
    _check_waiting(match, side)
    told = MatchAnswered(
        match_id=number,
        opportunity_id=match.opportunity_id,
        capability_id=match.capability_id,
        side=side,
        answer=said,
        reason=reason.strip()[:2000],
    )
    event_id = record(session, told, actor_id=actor.id, caused_by=match.event_id or None)
    now = clock.now()
    row: dict[str, Any] = {f"{side}_answer": said, f"{side}_by": actor.id, "answered_at": now, "event_id": event_id}
    row |= {"status": "declined", "reason": reason.strip()[:2000]} if said == "no" else {}
    session.execute(sa.update(matches).where(matches.c.id == number).values(row))
    if said == "yes":
        log(session, number, "intended", side, actor)
        _go_on(session, proposal, actor, side, event_id)
    return queries.get_proposal(session, number).match


def _go_on(session: Session, proposal: Proposal, actor: Actor, side: str, event_id: int) -> None:
    """The provider's yes is a claim; with both, it is accepted."""
    match = queries.get_proposal(session, proposal.match.id).match
    claim = _waiting_claim(session, match)
    if side == "provider" and claim is None:
        claim = claims.make_claim(
            session, proposal.opportunity_code, proposal.capability_code, actor, caused_by=event_id
        )
    if claim is None or match.demand_answer != "yes" or match.provider_answer != "yes":
        return
    claims.seal_claim(session, claim.id, actor, caused_by=event_id)
    told = MatchAccepted(
        match_id=match.id, opportunity_id=match.opportunity_id, capability_id=match.capability_id, claim_id=claim.id
    )
    number = record(session, told, actor_id=actor.id, caused_by=event_id)
    session.execute(sa.update(matches).where(matches.c.id == match.id).values(status="accepted", event_id=number))


def _waiting_claim(session: Session, match: Match) -> Claim | None:
    return next(
        (
            claim
            for claim in lists.list_claims(session, match.opportunity_id)
            if claim.capability_id == match.capability_id and claim.status == "declared"
        ),
        None,
    )


def log(session: Session, number: int, what: Deed, side: str, actor: Actor | None) -> None:
    """The first time that something happened to a match on one side: it was shown, opened, somebody wrote ..."""
    row = {"match_id": number, "what": what, "side": side, "by_id": actor.id if actor else None, "at": clock.now()}
    upsert(session, deeds, row, keys=["match_id", "what", "side"], update=[])


def note_seen(
    session: Session, database: Database, shown: Mapping[int, Collection[str]], what: Deed, actor: Actor
) -> None:
    """Log what stands on a page, the first time that each side sees it: ``shown``, sides by match. Reading goes on in
    ``session``; writing, if there is any, in a transaction of its own."""
    wanted = {(number, side) for number, sides in shown.items() for side in sides if side in ("demand", "provider")}
    new = wanted - queries.list_seen(session, shown, what)
    if new:
        with database.write() as writing:
            for number, side in sorted(new):
                log(writing, number, what, side, actor)


# --- calibration


def relearn(session: Session, actor: Actor | None = None) -> calibration.Calibration:
    """A new calibration from all answered matches, if there are enough; what is used from now on."""
    outcomes = queries.list_outcomes(session)
    scores, accepted = [score for score, _ in outcomes], [yes for _, yes in outcomes]
    learnt = calibration.learn(scores, accepted, version=0)
    if learnt.kind == "fixed":
        return queries.latest_calibration(session)
    foretold = learnt.probability(np.asarray(scores))
    row: dict[str, Any] = {"kind": learnt.kind, "knots": list(learnt.knots), "values": list(learnt.values)}
    row |= {"outcome_count": len(scores), "made_at": clock.now()}
    row |= {"error": calibration.reliability(foretold, np.asarray(accepted))}
    version = new_id(session.execute(sa.insert(calibrations).values(row)))
    told = CalibrationLearnt(version=version, kind=learnt.kind, outcome_count=len(scores))
    record(session, told, actor_id=actor.id if actor else None)
    return replace(learnt, version=version)


def relearn_due(session: Session) -> bool:
    """Learn again once there are a tenth more answers than last time; whether it was done."""
    last = queries.latest_calibration(session).outcome_count
    if queries.count_outcomes(session) < max(calibration.MIN_OUTCOMES, last + last // 10 + 1):
        return False
    return relearn(session).kind != "fixed"


# --- parts


def _told(measured: Measures) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in asdict(measured).items()}


def is_operator(session: Session, actor: Actor) -> bool:
    return actor.is_site_admin or "operator" in lists.roles_of(session, actor.id)


def check_operator(session: Session, actor: Actor) -> None:
    """Raises RoleNeeded."""
    if not (workflow.may_act(actor) and is_operator(session, actor)):
        raise RoleNeeded("operator")


def run_market(
    database: Database,
    markets: Markets,
    rules: Rules,
    actor: Actor,
    *,
    step: Step = _silent,
    caused_by: int | None = None,
) -> Run:
    """Find and keep a draft for the whole market; no transaction is open while it is computed. ``step`` hears what is
    done next, ``STEP_COUNT`` times, and may raise to stop it. Raises RoleNeeded."""
    step("reading")
    with database.read() as session:
        check_operator(session, actor)
        found = _begun(session, markets, rules)
    pairs, measured = dealt(found, step)
    step("writing")
    with database.write() as session:
        return keep(session, replace(found, pairs=pairs, measures=measured), actor, caused_by=caused_by)


def result_hash(pairs: Sequence[Judged]) -> str:
    told = [(one.opportunity_id, one.capability_id, one.score) for one in pairs]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def _inputs(found: Found, state: str) -> dict[str, Any]:
    snapshot = found.snapshot
    return {
        "today": str(snapshot.market.today),
        "state": state,
        "weights": snapshot.market.weights.as_dict(),
        "rules": asdict(found.rules),
        "calibration": snapshot.calibration,
        "model": snapshot.model,
        "vectors": snapshot.vectors_hash,
        "code": code_version(),
        "opportunities": len(snapshot.market.opportunities),
        "capabilities": len(snapshot.market.capabilities),
        "left_out": list(found.left_out),
        "skipped": [list(pair) for pair in found.skipped],
    }


def _keep_pairs(session: Session, run_id: int, found: Found) -> None:
    market = found.snapshot.market
    versions = {one.id: one.version for one in (*market.opportunities, *market.capabilities)}
    ranks = {number: rank - 1 for number, rank in found.ranks.items()}
    rows: list[dict[str, Any]] = []
    for one in found.pairs:
        rank = ranks[one.opportunity_id] = ranks.get(one.opportunity_id, 0) + 1
        row: dict[str, Any] = {"run_id": run_id, "opportunity_id": one.opportunity_id, "rank": rank}
        row |= {"capability_id": one.capability_id, "opportunity_version": versions[one.opportunity_id]}
        row |= {"capability_version": versions[one.capability_id], "score": one.score, "status": "proposed"}
        row |= {"probability": one.probability, "features": [round(value, 6) for value in one.features]}
        rows.append(row | {"made_at": clock.now(), "event_id": 0, "reason": ""})
    for start in range(0, len(rows), _AT_ONCE):
        session.execute(sa.insert(matches), rows[start : start + _AT_ONCE])


def _lapse(session: Session, run: Run, opportunities: Collection[int]) -> None:
    """What waits unanswered on both sides makes room, unless one has written to the other."""
    _let_lapse(session, [one for one in queries.list_open(session, opportunities) if one.run_id != run.id])


def _make_room(session: Session, found: Sequence[Match], shortlist: int) -> None:
    """Of each opportunity that something is added to, what fits worst and is beyond its shortlist goes."""
    waiting: dict[int, list[Match]] = {}
    for one in queries.list_open(session, {match.opportunity_id for match in found}):
        waiting.setdefault(one.opportunity_id, []).append(one)
    for open_of in waiting.values():
        open_of.sort(key=lambda one: -one.probability)
        _let_lapse(session, open_of[shortlist:])


def _let_lapse(session: Session, wanted: Sequence[Match]) -> None:
    waiting = [one.id for one in wanted if one.demand_answer is None and one.provider_answer is None]
    talking = {number for number, _ in queries.list_seen(session, waiting, "contacted")}
    old = [number for number in waiting if number not in talking]
    for start in range(0, len(old), _AT_ONCE):
        gone = sa.update(matches).where(matches.c.id.in_(old[start : start + _AT_ONCE]))
        session.execute(gone.values(status="lapsed"))


def _last_events(session: Session, numbers: Collection[int]) -> dict[int, int]:
    return {number: lists.get_item_by_id(session, number).last_event_id for number in numbers}


def _propose(session: Session, match: Match, by: int | None, cause: int | None) -> None:
    told = MatchProposed(
        match_id=match.id,
        run_id=match.run_id,
        opportunity_id=match.opportunity_id,
        capability_id=match.capability_id,
        rank=match.rank,
        probability=match.probability,
    )
    event_id = record(session, told, actor_id=by, caused_by=cause or None)
    session.execute(sa.update(matches).where(matches.c.id == match.id).values(event_id=event_id))


def _lock(session: Session, number: int) -> None:
    session.execute(sa.select(matches.c.id).where(matches.c.id == number).with_for_update())


def _check_waiting(match: Match, side: str) -> None:
    if match.status != "proposed":
        raise MatchClosed(match.id, f"it is {match.status}")
    if getattr(match, f"{side}_answer") is not None:
        raise MatchClosed(match.id, "this side has answered")
