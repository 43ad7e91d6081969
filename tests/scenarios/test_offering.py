"""What is offered later reaches the needs that wait: among the best, once, and without driving out talks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from support.lists import MODEL, TEA, Lists
from yungu import scenarios
from yungu.accounts import Actor
from yungu.app.matcher import Matcher
from yungu.scenarios import Constraint, Content, Item, Measurement, matching
from yungu.scenarios.matching import Match, Rules, queries
from yungu.scenarios.matching.service import Found

Publish = Callable[..., Item]


@pytest.fixture
def publish(lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor) -> Publish:
    """An opportunity of lin or a capability of mei."""

    def published(content: Content, **changed: object) -> Item:
        by = lin if content is TEA else mei
        return lists.publish(lists.post(by, content, **changed), by, expert=expert, operator=operator)

    return published


WEAK: dict[str, Any] = {"maturity": 2, "measurements": [Measurement("预测误差", 4.0, "天", [])], "region": "北京"}


def mend(lists: Lists, item: Item, operator: Actor, **changed: Any) -> None:
    """The operator corrects what is published."""
    now = lists.fresh(item)
    content = replace(now.content, **changed)
    lists.write(scenarios.edit_item, item.code, content, operator, based_on=now.version)


def propose(lists: Lists, found: Found) -> None:
    run = lists.write(matching.keep, found, None)
    lists.write(matching.publish, run.id, None)


def work(lists: Lists) -> None:
    """All that is to be done beside requests."""
    matcher = Matcher(lists.world.site)
    while matcher.step():
        pass


def waiting(lists: Lists, need: Item) -> Sequence[Match]:
    return sorted(lists.read(queries.list_open, [need.id]), key=lambda one: one.id)


def test_what_is_published_later_is_proposed_to_needs_that_wait_once(lists: Lists, publish: Publish) -> None:
    need = publish(TEA)
    work(lists)
    assert waiting(lists, need) == []

    offer = publish(MODEL)
    work(lists)
    [match] = waiting(lists, need)
    run = lists.read(matching.get_run, match.run_id)
    assert (match.capability_id, run.kind, run.subject_id) == (offer.id, "capability", offer.id)
    assert lists.read(matching.replay, run.id).is_identical
    told = [fact for fact in lists.facts() if fact.kind == "MatchProposed"]
    cause = next(fact for fact in lists.facts() if fact.kind == "CapabilityPublished")
    assert [fact.caused_by for fact in told] == [cause.id]

    lists.write(lambda session: matching.follow_offers(lists.world.site.markets, session, [cause]))
    assert waiting(lists, need) == [match], "the same fact again changes nothing"


def test_what_becomes_eligible_by_an_edit_is_proposed_and_what_was_declined_is_not(
    lists: Lists, publish: Publish, lin: Actor, operator: Actor
) -> None:
    need = publish(TEA, constraints=[Constraint("region", "杭州"), Constraint("certificate", "ISO 27001")])
    offer = publish(MODEL, certificates=["无"])
    work(lists)
    assert waiting(lists, need) == []
    mend(lists, offer, operator, certificates=["ISO 27001"])
    work(lists)
    [match] = waiting(lists, need)

    lists.write(matching.answer, match.id, "no", lin)
    mend(lists, offer, operator, maturity=8)
    work(lists)
    assert waiting(lists, need) == []


def test_a_better_one_takes_the_place_of_the_worst_unless_they_talk(lists: Lists, publish: Publish, lin: Actor) -> None:
    rules, markets = Rules(shortlist=1), matching.Markets()
    need, weak = publish(TEA), publish(MODEL, **WEAK)
    work(lists)
    [first] = waiting(lists, need)

    better = publish(MODEL, measurements=[Measurement("预测误差", 1.6, "天", [])])
    found = lists.read(matching.find_openings, markets, better.id, rules)
    assert found.ranks == {need.id: 1}
    propose(lists, found)
    assert [one.capability_id for one in waiting(lists, need)] == [better.id]
    assert lists.read(matching.get_proposal, first.id).match.status == "lapsed"
    assert not lists.read(matching.find_openings, markets, weak.id, rules).pairs, "it would not be among the best"

    lists.write(matching.write, waiting(lists, need)[0].id, "When?", lin, shows_contact=False)
    best = publish(MODEL)
    propose(lists, lists.read(matching.find_openings, markets, best.id, rules))
    assert [one.capability_id for one in waiting(lists, need)] == [better.id, best.id]


def test_whoever_looks_before_the_work_beside_requests_keeps_what_was_found(lists: Lists, publish: Publish) -> None:
    publish(MODEL)
    need = publish(TEA)
    propose(lists, lists.read(matching.find_for, matching.Markets(), need.id))
    found = waiting(lists, need)
    work(lists)
    assert waiting(lists, need) == found and len(found) == 1


def test_half_of_the_room_is_left_for_needs_that_come_later(lists: Lists, publish: Publish) -> None:
    for number in range(5):
        publish(TEA, unit=f"茶园 {number}")
    work(lists)
    offer = publish(MODEL, capacity=2)
    found = lists.read(matching.find_openings, matching.Markets(), offer.id, Rules(per_place=3))
    assert len(found.pairs) == 3 and len(found.skipped) == 2
