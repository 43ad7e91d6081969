"""Recommendations are made from what happened, told to both sides, answered, learnt from, and can be played again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
import sqlalchemy as sa

from support.lists import MODEL, TEA, Lists
from yungu.accounts import Actor
from yungu.kernel.events import listen
from yungu.scenarios import Item, RoleNeeded, Words, matching
from yungu.scenarios.matching import keeping
from yungu.scenarios.matching.models import matches, vectors
from yungu.scenarios.models import Measurement

PESTS = replace(MODEL, title=Words("茶园病虫害识别", "Finds pests in tea gardens"), measurements=[])


class Letters:
    """A true small model: how often each pair of letters stands in a text."""

    model = "letters-1"

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        found = np.zeros((len(texts), 64))
        for row, text in enumerate(texts):
            for one, other in pairwise(text):
                found[row, (ord(one) * 31 + ord(other)) % 64] += 1
        rows: list[list[float]] = found.tolist()
        return rows


@pytest.fixture
def markets() -> matching.Markets:
    return matching.Markets(Letters())


@pytest.fixture
def tea(lists: Lists, lin: Actor, expert: Actor, operator: Actor) -> Item:
    return lists.publish(lists.post(lin), lin, expert=expert, operator=operator)


@pytest.fixture
def model(lists: Lists, mei: Actor, expert: Actor, operator: Actor) -> Item:
    return lists.publish(lists.post(mei, MODEL), mei, expert=expert, operator=operator)


@pytest.fixture
def pests(lists: Lists, mei: Actor, expert: Actor, operator: Actor) -> Item:
    return lists.publish(lists.post(mei, PESTS), mei, expert=expert, operator=operator)


def follow(lists: Lists, markets: matching.Markets) -> None:
    """What the worker does when facts have come."""
    db = lists.world.site.db
    while listen(db, "matching", lambda s, facts: matching.follow(markets, s, facts), kinds=matching.FOLLOWED):
        pass
    while markets.embed(db):
        pass


def proposals(lists: Lists, item: Item) -> Sequence[matching.Proposal]:
    return lists.read(matching.list_proposals, item_id=item.id)


def chain(lists: Lists, event_id: int) -> list[str]:
    facts = {fact.id: fact for fact in lists.facts()}
    found, at = [], facts.get(event_id)
    while at is not None:
        found.append(at.kind)
        at = facts.get(at.caused_by or 0)
    return found


def test_a_published_need_is_proposed_and_both_yes_move_it_on(
    lists: Lists, markets: matching.Markets, model: Item, pests: Item, tea: Item, lin: Actor, mei: Actor
) -> None:
    follow(lists, markets)
    first, second = proposals(lists, tea)
    assert (first.capability_code, second.capability_code) == (model.code, pests.code)
    assert [one.match.id for one in proposals(lists, model)] == [first.match.id]
    with pytest.raises(matching.MatchNotFound):
        lists.write(matching.answer, first.match.id, "yes", lists.world.user("kim"))

    lists.write(matching.answer, first.match.id, "yes", lin)
    assert lists.fresh(tea).status == "published"
    with pytest.raises(matching.MatchClosed):
        lists.write(matching.answer, first.match.id, "no", lin)
    accepted = lists.write(matching.answer, first.match.id, "yes", mei)
    assert accepted.status == "accepted"
    assert (lists.fresh(tea).status, lists.fresh(tea).taken_count, lists.fresh(model).taken_count) == ("matched", 1, 1)
    assert chain(lists, accepted.event_id)[:4] == [
        "MatchAccepted", "MatchAnswered", "MatchAnswered", "MatchProposed",
    ]  # fmt: skip
    assert "OpportunityPublished" in chain(lists, accepted.event_id)
    matched = next(fact for fact in lists.facts() if fact.kind == "OpportunityMatched")
    assert "MatchProposed" in chain(lists, matched.id)

    declined = lists.write(matching.answer, second.match.id, "no", mei, reason="工期不合")
    assert (declined.status, declined.reason) == ("declined", "工期不合")


def test_the_providers_yes_is_a_claim_that_the_other_sides_yes_accepts(
    lists: Lists, markets: matching.Markets, model: Item, tea: Item, lin: Actor, mei: Actor
) -> None:
    follow(lists, markets)
    (only,) = proposals(lists, tea)
    lists.write(matching.answer, only.match.id, "yes", mei)
    lists.write(matching.answer, only.match.id, "yes", lin)

    assert lists.fresh(tea).status == "matched"
    assert [claim.status for claim in lists.read(matching_claims, tea.id)] == ["accepted"]


def matching_claims(session: sa.Connection, number: int) -> Sequence[object]:
    from yungu.scenarios import list_claims

    return list_claims(session, number)


def test_a_market_run_is_a_draft_until_the_operator_publishes_it(
    lists: Lists, markets: matching.Markets, model: Item, tea: Item, lin: Actor, operator: Actor
) -> None:
    db = lists.world.site.db
    with pytest.raises(RoleNeeded):
        matching.run_market(db, markets, matching.Rules(), lin)
    run = matching.run_market(db, markets, matching.Rules(), operator)
    assert run.state == "draft"
    assert run.measures["coverage"] == 1
    assert proposals(lists, tea) == []

    lists.write(matching.publish, run.id, operator)
    assert [one.capability_code for one in proposals(lists, tea)] == [model.code]
    with pytest.raises(matching.RunPublished):
        lists.write(matching.publish, run.id, operator)

    again = matching.run_market(db, markets, matching.Rules(), operator)
    lists.write(matching.publish, again.id, operator)
    assert [one.match.run_id for one in proposals(lists, tea)] == [again.id]


def test_what_is_restricted_is_shown_to_the_other_side_after_its_yes_only(
    lists: Lists, markets: matching.Markets, model: Item, lin: Actor, mei: Actor, expert: Actor, operator: Actor
) -> None:
    secret = lists.publish(lists.post(lin, TEA, confidentiality="restricted"), lin, expert=expert, operator=operator)
    follow(lists, markets)
    (only,) = proposals(lists, secret)
    with pytest.raises(matching.MatchNotFound):
        lists.read(matching.visible_proposal, only.match.id, mei)

    lists.write(matching.answer, only.match.id, "yes", lin)
    assert lists.read(matching.visible_proposal, only.match.id, mei)[1] == {"provider"}


def test_any_past_run_gives_the_identical_list_or_says_what_changed(
    lists: Lists,
    markets: matching.Markets,
    model: Item,
    pests: Item,
    tea: Item,
    mei: Actor,
    operator: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    follow(lists, markets)
    db = lists.world.site.db
    run = matching.run_market(db, markets, matching.Rules(), operator)
    before = lists.read(matching.list_matches, run.id)
    assert markets.current_of(db).share_embedded == 1

    changed = replace(PESTS, measurements=[Measurement("预测误差", 0.1, "天", ["a/b"])])
    lists.write(edit, pests, changed, mei)
    replayed = lists.read(matching.replay, run.id)
    assert (replayed.is_identical, list(replayed.changed)) == (True, [])
    assert [(one.capability_id, one.score) for one in replayed.pairs] == [
        (one.capability_id, one.score) for one in before
    ]
    for number in {one.run_id for one in proposals_rows(lists)}:
        assert lists.read(matching.replay, number).is_identical

    lists.write(lambda session: session.execute(sa.delete(vectors)))
    monkeypatch.setattr(keeping, "code_version", lambda: "another")
    replayed = lists.read(matching.replay, run.id)
    assert not replayed.is_identical
    assert list(replayed.changed) == ["code", "vectors"]


def edit(session: sa.Connection, item: Item, content: object, actor: Actor) -> None:
    from yungu.scenarios import edit_item

    edit_item(session, item.code, content, actor, based_on=item.version)  # type: ignore[arg-type]


def proposals_rows(lists: Lists) -> Sequence[matching.Match]:
    runs = lists.read(matching.list_runs)
    return [match for run in runs for match in lists.read(matching.list_matches, run.id)]


def test_the_market_in_memory_follows_what_happens(
    lists: Lists, markets: matching.Markets, model: Item, tea: Item, lin: Actor, expert: Actor, operator: Actor
) -> None:
    db = lists.world.site.db
    first = markets.current_of(db)
    assert markets.current_of(db) is first
    assert first.share_embedded == 0
    follow(lists, markets)
    assert markets.current_of(db).share_embedded == 1
    other = lists.publish(lists.post(lin), lin, expert=expert, operator=operator)
    assert {one.id for one in markets.current_of(db).market.opportunities} == {tea.id, other.id}
    lists.move(other, "withdraw", lin, "错发")
    assert {one.id for one in markets.current_of(db).market.opportunities} == {tea.id}


def test_answers_teach_the_calibration_which_the_next_run_records(
    lists: Lists, markets: matching.Markets, model: Item, tea: Item, operator: Actor
) -> None:
    db = lists.world.site.db
    run = matching.run_market(db, markets, matching.Rules(), operator)
    (one,) = lists.read(matching.list_matches, run.id)
    assert lists.write(matching.relearn).kind == "fixed"
    dice = np.random.default_rng(2)

    def remember(session: sa.Connection) -> None:
        columns = {name: getattr(one, name) for name in ("opportunity_id", "opportunity_version", "capability_id")}
        columns |= {"capability_version": 1, "rank": 1, "features": [], "made_at": one.made_at, "probability": 0.5}
        for _ in range(220):
            row = session.execute(sa.select(matching_runs()).limit(1)).mappings().one()
            copy = {name: value for name, value in row.items() if name != "id"}
            number = session.execute(sa.insert(matching_runs()).values(copy)).inserted_primary_key[0]
            score = float(dice.normal())
            status = "accepted" if dice.random() < 1 / (1 + np.exp(-2 * score)) else "declined"
            session.execute(sa.insert(matches).values(columns | {"run_id": number, "score": score, "status": status}))

    lists.write(remember)
    learnt = lists.write(matching.relearn, operator)
    again = matching.run_market(db, markets, matching.Rules(), operator)
    assert (learnt.kind, learnt.outcome_count) == ("logistic", 220)
    assert again.inputs["calibration"] == learnt.version


def matching_runs() -> sa.Table:
    from yungu.scenarios.matching.models import runs

    return runs


def test_a_day_seats_all_who_were_chosen(
    lists: Lists, markets: matching.Markets, model: Item, pests: Item, tea: Item, lin: Actor, operator: Actor
) -> None:
    run = matching.run_market(lists.world.site.db, markets, matching.Rules(least=0.0), operator)
    chosen = [one.id for one in lists.read(matching.list_matches, run.id)]
    nine = datetime(2026, 12, 1, 1, tzinfo=UTC)
    with pytest.raises(matching.DayImpossible):
        lists.write(matching.plan_day, "对接日", [], operator, starts_at=nine, tables=3)
    day = lists.write(matching.plan_day, "对接日", chosen, operator, starts_at=nine, tables=3)
    seats = lists.read(matching.list_seats, day)

    assert [(seat.round, seat.table) for seat in seats] == [(1, 1), (2, 1)]
    assert seats[1].starts_at > seats[0].ends_at
