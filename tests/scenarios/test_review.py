"""The way through review: who may take which step, what it needs, and that every step is a fact with its cause."""

from __future__ import annotations

from typing import get_args

import pytest

from support.lists import MODEL, TEA, Lists
from support.world import World
from yungu import scenarios
from yungu.accounts import ANONYMOUS, Actor
from yungu.scenarios import Item, RoleName, Status, validation
from yungu.scenarios.models import Part
from yungu.scenarios.rules import workflow

# for each step of an opportunity: who takes it, from where
TABLE = """
    submit     owner operator                         draft returned
    review     operator expert compliance             submitted
    return     operator expert compliance             submitted reviewing
    publish    operator                               reviewing
    open       owner operator                         published
    match      owner operator                         published claiming
    promote    operator                               accepted
    republish  operator                               failed expired
    expire     operator                               published claiming
    withdraw   owner operator                         draft submitted reviewing returned published claiming matched
    supersede  operator                               draft submitted reviewing returned published claiming
"""
PARTS = set(get_args(Part))


def rows() -> list[tuple[str, set[str], set[str]]]:
    found = []
    for line in TABLE.strip().splitlines():
        step, *words = line.split()
        found.append((step, set(words) & PARTS, set(words) - PARTS))
    return found


@pytest.fixture
def item(lists: Lists, lin: Actor) -> Item:
    return lists.post(lin)


def test_every_step_by_every_part_from_every_status_is_as_the_table_says(item: Item) -> None:
    from dataclasses import replace

    for step, by, before in rows():
        for status in get_args(Status):
            for part in PARTS:
                may = part in by and status in before
                try:
                    workflow.check_step(replace(item, status=status), step, {part}, "why", is_applicant=False)
                except (scenarios.StepImpossible, scenarios.ItemDenied):
                    assert not may, (step, status, part)
                else:
                    assert may, (step, status, part)
    assert {step for step, _, _ in rows()} == set(workflow.STEP_NAMES)


def test_the_whole_way_leaves_a_chain_of_facts(
    world: World, lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor, item: Item
) -> None:
    lists.publish(item, lin, expert=expert, operator=operator)
    lists.move(item, "open", lin)
    offer = lists.publish(lists.post(mei, MODEL), mei, expert=expert, operator=operator)
    claim = lists.write(scenarios.make_claim, item.code, offer.code, mei)
    lists.write(scenarios.accept_claim, claim.id, lin)
    pilot = lists.write(validation.propose_pilot, claim.id, lin)
    for party, by in (("demand", lin), ("provider", mei)):
        lists.write(validation.sign_terms, pilot.code, party, by, terms_hash=pilot.terms_hash)  # type: ignore[arg-type]
    lists.write(validation.add_evidence, pilot.code, lin, TEA.indicators[0].metric, value=1.5, text="three gardens")
    lists.write(validation.conclude, pilot.code, lists.holder("tess", "test_lab"))
    done = lists.move(item, "promote", operator)

    facts = {fact.id: fact for fact in lists.facts()}
    chain, at = [], done.last_event_id
    while at is not None:
        chain.append(facts[at].kind)
        at = facts[at].caused_by  # type: ignore[assignment]
    assert list(reversed(chain)) == [
        "ItemDrafted", "ItemSubmitted", "ReviewStarted", "ItemReviewed", "OpportunityPublished", "ClaimingOpened",
        "ClaimMade", "ClaimAccepted", "PilotProposed", "PilotSigned", "PilotSigned", "PilotAgreed", "EvidenceAdded",
        "PilotAccepted", "OpportunityAccepted", "ItemPromoted",
    ]  # fmt: skip
    history = lists.read(scenarios.list_history, item.id)
    assert [line.after for line in history][-4:] == ["matched", "validating", "accepted", "promoted"]
    assert lists.fresh(offer).taken_count == 0, "the capability is free again"


@pytest.mark.parametrize("step", ["validate", "accept", "fail"])
def test_only_a_pilot_begins_and_ends_a_validation(
    lists: Lists, lin: Actor, operator: Actor, item: Item, step: str
) -> None:
    for actor in (lin, operator):
        with pytest.raises(scenarios.StepImpossible):
            lists.move(item, step, actor, "by hand")


@pytest.mark.parametrize("role", ["operator", "expert", "compliance"])
def test_nobody_reviews_their_own_application(lists: Lists, role: RoleName) -> None:
    zoe = lists.holder("zoe", role)
    item = lists.post(zoe)
    lists.move(item, "submit", zoe)
    for step in ("review", "return"):
        with pytest.raises(scenarios.OwnReview):
            lists.move(item, step, zoe, "why")
    with pytest.raises(scenarios.OwnReview):
        lists.write(scenarios.review_item, item.code, zoe, "approve")


def test_nor_that_of_an_organization_they_write_for(world: World, lists: Lists, lin: Actor) -> None:
    zoe = lists.holder("zoe", "operator")
    tea = world.organization("tea", admin=lin, write=[zoe])
    item = lists.write(scenarios.create_item, "opportunity", TEA, world.actor("lin"), tea)
    lists.move(item, "submit", world.actor("lin"))
    with pytest.raises(scenarios.OwnReview):
        lists.move(item, "review", world.actor("zoe"))


def test_an_item_without_pain_indicator_or_payer_is_not_handed_in(lists: Lists, lin: Actor) -> None:
    item = lists.post(lin, pain=scenarios.Words(), indicators=(), payer="")
    with pytest.raises(scenarios.Unready) as refused:
        lists.move(item, "submit", lin)
    assert set(refused.value.codes) == {"pain-missing", "indicator-missing", "payer-missing"}
    assert lists.fresh(item).status == "draft"


def test_returning_says_why_and_the_owner_reads_it(lists: Lists, lin: Actor, expert: Actor, item: Item) -> None:
    lists.move(item, "submit", lin)
    with pytest.raises(scenarios.ReasonMissing):
        lists.move(item, "return", expert)
    lists.move(item, "return", expert, "谁来付费？")
    assert lists.read(scenarios.list_history, item.id)[-1].reason == "谁来付费？"
    assert lists.move(item, "submit", lin).status == "submitted"


def test_an_objection_stands_until_it_is_taken_back(
    lists: Lists, lin: Actor, expert: Actor, operator: Actor, item: Item
) -> None:
    auditor = lists.holder("audrey", "compliance")
    lists.move(item, "submit", lin)
    lists.move(item, "review", operator)
    with pytest.raises(scenarios.ApprovalMissing):
        lists.move(item, "publish", operator)
    lists.write(scenarios.review_item, item.code, expert, "approve")
    lists.write(scenarios.review_item, item.code, auditor, "object", "预算来源不明")
    with pytest.raises(scenarios.ObjectionOpen):
        lists.move(item, "publish", operator)
    lists.write(scenarios.review_item, item.code, auditor, "approve")
    assert lists.move(item, "publish", operator).status == "published"
    assert [one.opinion for one in lists.read(scenarios.list_reviews, item.id)] == ["approve", "object", "approve"]


def test_auditors_read_everything_and_change_nothing(lists: Lists, item: Item) -> None:
    auditor = lists.holder("audrey", "auditor")
    assert lists.read(scenarios.visible_item, item.code, auditor).item.code == item.code
    for step in workflow.STEP_NAMES:
        with pytest.raises((scenarios.ItemDenied, scenarios.StepImpossible)):
            lists.move(item, step, auditor, "why")


def test_an_outsider_cannot_tell_a_hidden_item_from_none(lists: Lists, mei: Actor, item: Item) -> None:
    for actor in (mei, ANONYMOUS):
        for code in (item.code, "O-2026-9999"):
            with pytest.raises(scenarios.ItemNotFound):
                lists.write(scenarios.move_item, code, "withdraw", actor, reason="x")


def test_a_double_is_merged_into_the_first(
    lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor, item: Item
) -> None:
    lists.publish(item, lin, expert=expert, operator=operator)
    double = lists.post(mei, region="绍兴")
    lists.move(double, "submit", mei)
    alike = lists.read(scenarios.find_alike, double.id)
    assert [(one.code, share > 0.9) for one, share in alike] == [(item.code, True)]

    assert lists.read(scenarios.count_alike, "opportunity", [double.id]) == {double.id: 1}

    merged = lists.write(scenarios.supersede_item, double.code, operator, by=item.code, reason="同一需求")
    assert (merged.status, merged.superseded_by) == ("superseded", item.id)
    assert lists.read(scenarios.find_alike, item.id) == []


def test_roles_are_given_by_administrators(world: World, lists: Lists, lin: Actor, mei: Actor) -> None:
    from yungu.accounts import AdministratorNeeded

    with pytest.raises(AdministratorNeeded):
        lists.write(scenarios.grant_role, lin.user, "operator", mei)  # type: ignore[arg-type]
    root = world.user("root", is_admin=True)
    lists.write(scenarios.grant_role, lin.user, "operator", root)  # type: ignore[arg-type]
    assert lists.read(scenarios.roles_of, lin.id) == {"operator"}
    lists.write(scenarios.revoke_role, lin.user, "operator", root)  # type: ignore[arg-type]
    assert lists.read(scenarios.list_role_holders) == []
