"""The way of a pilot: both sides sign before anything starts, and what was measured ends it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from support.lists import MODEL, Lists
from support.world import World
from yungu import scenarios
from yungu.accounts import ANONYMOUS, Actor
from yungu.kernel import events
from yungu.scenarios import Claim, Item, validation
from yungu.scenarios.validation import Figure, Goal, Pilot, Terms
from yungu.scenarios.validation.models import Party

ERROR = Goal("预测误差", "<=", 2, "天", "与三个茶园的实际开采日比对")
TERMS = Terms([ERROR, Goal("trained", ">=", 20, is_mandatory=False)], papers=["report"], budget=5_000_000)


@dataclass
class Stage:
    """A tea garden (lin) and a provider (mei) whose claim was accepted."""

    lists: Lists
    lin: Actor
    mei: Actor
    demand: Item
    supply: Item
    claim: Claim

    def propose(self, terms: Terms | None = TERMS) -> Pilot:
        return self.lists.write(validation.propose_pilot, self.claim.id, self.lin, terms)

    def sign(self, pilot: Pilot, party: Party, by: Actor) -> Pilot:
        return self.lists.write(validation.sign_terms, pilot.code, party, by, terms_hash=pilot.terms_hash)

    def agreed(self, terms: Terms | None = TERMS) -> Pilot:
        pilot = self.propose(terms)
        self.sign(pilot, "demand", self.lin)
        return self.sign(pilot, "provider", self.mei)

    def show(self, pilot: Pilot, goal: str, by: Actor, value: float | None = None) -> Any:
        return self.lists.write(validation.add_evidence, pilot.code, by, goal, value=value, text="seen in the field")

    def end(self, pilot: Pilot, by: Actor, **options: Any) -> Pilot:
        return self.lists.write(validation.conclude, pilot.code, by, **options)


@pytest.fixture
def stage(lists: Lists, lin: Actor, mei: Actor, operator: Actor, expert: Actor) -> Stage:
    demand = lists.publish(lists.post(lin), lin, expert=expert, operator=operator)
    supply = lists.publish(lists.post(mei, MODEL), mei, expert=expert, operator=operator)
    claim = lists.write(scenarios.make_claim, demand.code, supply.code, mei)
    claim = lists.write(scenarios.accept_claim, claim.id, lin)
    return Stage(lists, lin, mei, demand, supply, claim)


def test_a_pilot_begins_with_what_the_opportunity_asks_for(stage: Stage) -> None:
    pilot = stage.propose(None)
    assert pilot.code.startswith("P-") and pilot.state == "drafting"
    assert list(pilot.terms.goals) == [ERROR]
    assert stage.lists.write(validation.propose_pilot, stage.claim.id, stage.mei) == pilot


def test_only_an_accepted_claim_leads_to_a_pilot(
    lists: Lists, lin: Actor, mei: Actor, operator: Actor, expert: Actor
) -> None:
    demand = lists.publish(lists.post(lin), lin, expert=expert, operator=operator)
    supply = lists.publish(lists.post(mei, MODEL), mei, expert=expert, operator=operator)
    claim = lists.write(scenarios.make_claim, demand.code, supply.code, mei)
    with pytest.raises(scenarios.ClaimRefused):
        lists.write(validation.propose_pilot, claim.id, lin)


def test_both_sides_sign_the_same_terms(stage: Stage) -> None:
    pilot = stage.propose()
    with pytest.raises(validation.PartDenied):
        stage.sign(pilot, "provider", stage.lin)
    half = stage.sign(pilot, "demand", stage.lin)
    assert half.state == "drafting" and half.demand_signed_by == stage.lin.id
    other = msgspec.structs.replace(TERMS, attempts=5)
    moved = stage.lists.write(
        validation.change_terms, pilot.code, other, stage.mei, based_on=pilot.terms_hash
    )  # the provider answers with other terms: the signature was for those before
    assert moved.demand_signed_at is None
    with pytest.raises(validation.TermsMoved):
        stage.sign(pilot, "provider", stage.mei)
    with pytest.raises(validation.TermsMoved):
        stage.lists.write(validation.change_terms, pilot.code, TERMS, stage.lin, based_on=pilot.terms_hash)
    stage.sign(moved, "provider", stage.mei)
    agreed = stage.sign(moved, "demand", stage.lin)
    assert agreed.state == "agreed"
    assert stage.lists.fresh(stage.demand).status == "validating"
    with pytest.raises(validation.TermsSigned):
        stage.lists.write(validation.change_terms, pilot.code, TERMS, stage.lin, based_on=agreed.terms_hash)


def test_nothing_starts_before_both_have_signed(stage: Stage) -> None:
    pilot = stage.sign(stage.propose(), "demand", stage.lin)
    with pytest.raises(validation.NotAgreed):
        stage.show(pilot, ERROR.metric, stage.mei, 1.6)
    with pytest.raises(validation.NotAgreed):
        stage.end(pilot, stage.lin)


def test_a_pilot_that_meets_its_goals_is_accepted_and_promotes_the_capability(stage: Stage) -> None:
    pilot = stage.agreed()
    shown = stage.show(pilot, ERROR.metric, stage.mei, 1.6)
    assert shown.confirmed_at is None
    with pytest.raises(validation.GoalsOpen, match="预测误差, report"):
        stage.end(pilot, stage.lin)
    with pytest.raises(validation.PartDenied):
        stage.lists.write(validation.confirm_evidence, pilot.code, shown.id, stage.mei)
    stage.lists.write(validation.confirm_evidence, pilot.code, shown.id, stage.lin)
    stage.show(pilot, "report", stage.lin)
    with pytest.raises(validation.PartDenied):
        stage.end(pilot, stage.mei)
    ended = stage.end(pilot, stage.lin, reason="two gardens, one season")
    assert (ended.state, ended.is_public) == ("accepted", True)
    assert stage.lists.fresh(stage.demand).status == "accepted"
    assert stage.lists.fresh(stage.supply).status == "promoted"
    seen = stage.lists.read(validation.visible_pilot, pilot.code, ANONYMOUS)
    assert seen.pilot == ended and not seen.may_read_bench
    assert [case.code for case in stage.lists.read(validation.list_cases)] == [pilot.code]


def test_a_pilot_that_misses_a_goal_is_recorded_as_failed(stage: Stage) -> None:
    pilot = stage.agreed()
    stage.show(pilot, ERROR.metric, stage.lin, 3.5)
    ended = stage.end(pilot, stage.lin, reason="frost")
    assert (ended.state, ended.reason, ended.is_public) == ("failed", "预测误差, report; frost", False)
    assert stage.lists.fresh(stage.demand).status == "failed"
    assert stage.lists.fresh(stage.supply).status == "published"
    with pytest.raises(validation.PilotEnded):
        stage.end(pilot, stage.lin)


def test_what_nobody_measured_is_given_up_not_accepted(stage: Stage) -> None:
    pilot = stage.agreed()
    with pytest.raises(validation.GoalsOpen):
        stage.end(pilot, stage.lin)
    assert stage.end(pilot, stage.lin, give_up=True, reason="no harvest").state == "failed"


def test_the_last_confirmed_evidence_counts(stage: Stage) -> None:
    pilot = stage.agreed()
    for value in (5.0, 1.0):
        stage.show(pilot, ERROR.metric, stage.lin, value)
    stage.show(pilot, ERROR.metric, stage.mei, 0.1)  # nobody has confirmed it
    judged = stage.lists.read(validation.judge_pilot, pilot)
    assert [one.figure for one in judged] == [Figure(ERROR.metric, 1.0), None]


def test_evidence_is_for_what_was_agreed(stage: Stage) -> None:
    bench = validation.Bench("lin/set", "a" * 40)
    terms = Terms([ERROR, Goal("f1", ">=", 0.9, source="evaluation")], bench=bench)
    pilot = stage.agreed(terms)
    for goal, value in (("other", 1.0), ("f1", 0.99), (ERROR.metric, None)):
        with pytest.raises(validation.TermsInvalid):
            stage.show(pilot, goal, stage.lin, value)


def test_strangers_know_of_no_pilot_that_is_not_public(stage: Stage, world: World) -> None:
    pilot, stranger = stage.agreed(), world.user("wu")
    for actor in (stranger, ANONYMOUS):
        with pytest.raises(validation.PilotNotFound):
            stage.lists.read(validation.visible_pilot, pilot.code, actor)
    with pytest.raises(validation.PilotNotFound):
        stage.end(pilot, stranger)
    assert stage.lists.read(validation.list_pilots, stranger) == []
    assert [one.code for one in stage.lists.read(validation.list_pilots, stage.mei)] == [pilot.code]


def test_a_test_laboratory_may_judge_but_is_no_side(stage: Stage) -> None:
    pilot, laboratory = stage.agreed(), stage.lists.holder("lab", "test_lab")
    shown = stage.show(pilot, ERROR.metric, stage.mei, 1.0)
    stage.lists.write(validation.confirm_evidence, pilot.code, shown.id, laboratory)
    with pytest.raises(validation.PartDenied):
        stage.lists.write(validation.cancel_pilot, pilot.code, laboratory, reason="no")
    with pytest.raises(validation.PartDenied):
        stage.show(pilot, ERROR.metric, laboratory, 1.0)
    assert not stage.lists.read(validation.visible_pilot, pilot.code, laboratory).may_read_bench


def test_a_cancelled_pilot_says_why(stage: Stage) -> None:
    pilot = stage.agreed()
    with pytest.raises(scenarios.ClaimRefused):
        stage.lists.write(validation.cancel_pilot, pilot.code, stage.mei, reason=" ")
    ended = stage.lists.write(validation.cancel_pilot, pilot.code, stage.mei, reason="the team has left")
    assert (ended.state, ended.reason) == ("cancelled", "the team has left")
    assert stage.lists.fresh(stage.demand).status == "failed"


def test_two_signatures_at_once_agree_once(stage: Stage) -> None:
    pilot = stage.propose()
    both = threading.Barrier(2)

    def sign(party: Party, by: Actor) -> None:
        both.wait()
        stage.sign(pilot, party, by)

    threads = [threading.Thread(target=sign, args=pair) for pair in (("demand", stage.lin), ("provider", stage.mei))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stage.lists.read(validation.visible_pilot, pilot.code, stage.lin).pilot.state == "agreed"
    assert [fact.kind for fact in stage.lists.facts()].count("PilotAgreed") == 1


def test_the_whole_chain_can_be_read_by_its_causes(stage: Stage) -> None:
    pilot = stage.agreed()
    stage.show(pilot, ERROR.metric, stage.lin, 1.0)
    stage.show(pilot, "report", stage.lin)
    stage.end(pilot, stage.lin)
    promoted = next(fact for fact in stage.lists.facts() if fact.kind == "ItemPromoted")
    chain = [fact.kind for fact in stage.lists.read(events.list_causes, promoted.id)]
    assert chain == [
        "ItemPromoted",
        "PilotAccepted",
        "EvidenceAdded",
        "EvidenceAdded",
        "PilotAgreed",
        "PilotSigned",
        "PilotSigned",
        "PilotProposed",
        "ClaimAccepted",
        "ClaimMade",
        "OpportunityPublished",
        "ItemReviewed",
        "ReviewStarted",
        "ItemSubmitted",
        "ItemDrafted",
    ]
    assert [fact.kind for fact in stage.lists.read(events.list_causes, promoted.id, most=3)] == chain[:3]
    ended = stage.lists.read(validation.visible_pilot, pilot.code, stage.lin).pilot
    assert [fact.kind for fact in stage.lists.read(validation.list_chain, ended)] == chain[:0:-1]
