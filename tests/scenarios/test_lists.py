"""Items of both lists: written, changed, seen by those who may, claimed while there is room and time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from support.lists import MODEL, TEA, Lists
from support.world import World
from yungu import scenarios
from yungu.accounts import ANONYMOUS, Actor
from yungu.kernel import clock
from yungu.kernel.errors import YunguError
from yungu.scenarios import Item, Words
from yungu.scenarios.queries import Asked


@pytest.fixture
def published(lists: Lists, lin: Actor, expert: Actor, operator: Actor) -> Item:
    return lists.publish(lists.post(lin), lin, expert=expert, operator=operator)


@pytest.fixture
def offer(lists: Lists, mei: Actor, expert: Actor, operator: Actor) -> Item:
    return lists.publish(lists.post(mei, MODEL), mei, expert=expert, operator=operator)


def at_once(works: list[Callable[[], object]]) -> list[object]:
    """What each, let go together, got or was refused with."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        gate.wait(30)
        try:
            return work()
        except YunguError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


# --- versions


def test_every_change_is_a_version_that_can_be_read_again(lists: Lists, lin: Actor) -> None:
    item = lists.post(lin)
    changed = lists.write(scenarios.edit_item, item.code, replace(TEA, payer="区农业局"), lin, based_on=1)
    kept = lists.read(scenarios.list_versions, changed)

    assert item.code.startswith("O-") and (changed.version, changed.status) == (2, "draft")
    assert [version.content.payer for version in kept] == ["茶叶合作社", "区农业局"]  # type: ignore[union-attr]
    assert [line.what for line in lists.read(scenarios.list_history, item.id)] == ["draft", "edit"]


def test_an_edit_of_an_old_version_loses_and_is_shown_both(lists: Lists, lin: Actor) -> None:
    item = lists.post(lin)
    lists.write(scenarios.edit_item, item.code, replace(TEA, payer="区农业局"), lin, based_on=1)

    with pytest.raises(scenarios.VersionOutdated) as refused:
        lists.write(scenarios.edit_item, item.code, replace(TEA, region="绍兴"), lin, based_on=1)
    assert (refused.value.version, refused.value.fields) == (2, ("region", "payer"))
    assert refused.value.current.payer == "区农业局"  # type: ignore[union-attr]


def test_of_two_edits_at_once_one_wins(lists: Lists, lin: Actor) -> None:
    item = lists.post(lin)
    regions = ["甲", "乙", "丙", "丁"]
    ended = at_once(
        [
            lambda region=region: lists.write(  # type: ignore[misc]
                scenarios.edit_item, item.code, replace(TEA, region=region), lin, based_on=1
            )
            for region in regions
        ]
    )
    assert sum(isinstance(end, Item) for end in ended) == 1
    assert sum(isinstance(end, scenarios.VersionOutdated) for end in ended) == 3
    assert lists.fresh(item).version == 2


def test_what_its_owner_changes_after_publication_is_looked_at_again(
    lists: Lists, lin: Actor, operator: Actor, published: Item
) -> None:
    by_operator = lists.write(scenarios.edit_item, published.code, replace(TEA, region="绍兴"), operator, based_on=1)
    by_owner = lists.write(scenarios.edit_item, published.code, replace(TEA, region="湖州"), lin, based_on=2)
    assert (by_operator.status, by_owner.status) == ("published", "submitted")


def test_nobody_else_writes_it(lists: Lists, lin: Actor, mei: Actor, published: Item) -> None:
    with pytest.raises(scenarios.ItemDenied):
        lists.write(scenarios.edit_item, published.code, replace(TEA, region="x"), mei, based_on=1)
    with pytest.raises(scenarios.ItemDenied):
        lists.write(scenarios.create_item, "opportunity", TEA, mei, lin.user)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [{"capacity": 0}, {"budget_least": 5, "budget_most": 4}, {"payer": "x" * 400}, {"budget_most": -1}],
)
def test_nonsense_is_refused_with_the_field(lists: Lists, lin: Actor, changed: dict[str, object]) -> None:
    with pytest.raises(scenarios.ContentInvalid) as refused:
        lists.post(lin, **changed)
    assert refused.value.field in changed


# --- who sees what


def test_a_draft_is_not_there_for_others(lists: Lists, lin: Actor, mei: Actor) -> None:
    item = lists.post(lin)
    for actor in (mei, ANONYMOUS):
        with pytest.raises(scenarios.ItemNotFound):
            lists.read(scenarios.visible_item, item.code, actor)
    assert lists.read(scenarios.visible_item, item.code, lin).item.content.contact == "lin@tea.example"


@pytest.mark.parametrize(
    ("confidentiality", "seen"), [("public", "anonymous mei"), ("internal", "mei"), ("restricted", "")]
)
def test_what_may_not_be_seen_is_not_found_nor_listed_nor_counted(
    lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor, confidentiality: str, seen: str
) -> None:
    item = lists.post(lin, confidentiality=confidentiality)
    lists.publish(item, lin, expert=expert, operator=operator)
    asked = Asked("opportunity")
    for name, actor in {"anonymous": ANONYMOUS, "mei": mei, "lin": lin, "expert": expert}.items():
        may = name in seen or name in ("lin", "expert")
        assert (lists.read(scenarios.count_items, asked, actor) == 1) is may
        assert bool(lists.read(scenarios.list_items, asked, actor, limit=9).items) is may
        assert bool(lists.read(scenarios.count_facets, asked, actor).get("domain")) is may
        if may:
            lists.read(scenarios.visible_item, item.code, actor)
        else:
            with pytest.raises(scenarios.ItemNotFound):
                lists.read(scenarios.visible_item, item.code, actor)


def test_contacts_are_for_partners_only(lists: Lists, lin: Actor, mei: Actor, published: Item, offer: Item) -> None:
    assert lists.read(scenarios.visible_item, published.code, mei).item.content.contact == ""
    assert lists.read(scenarios.list_opportunities)[0].contact == ""

    claim = lists.write(scenarios.make_claim, published.code, offer.code, mei)
    assert lists.read(scenarios.visible_item, published.code, mei).item.content.contact == ""
    lists.write(scenarios.accept_claim, claim.id, lin)

    assert lists.read(scenarios.visible_item, published.code, mei).item.content.contact == "lin@tea.example"
    assert lists.read(scenarios.visible_item, offer.code, lin).item.content.contact == "sales@vision.example"


def test_a_token_that_names_repos_sees_what_everybody_sees(world: World, lists: Lists, lin: Actor) -> None:
    item = lists.post(lin)
    token = world.with_token("lin", "fine-grained", ("lin", "write"))
    with pytest.raises(scenarios.ItemNotFound):
        lists.read(scenarios.visible_item, item.code, token)
    with pytest.raises(YunguError):
        lists.write(scenarios.move_item, item.code, "submit", world.with_token("lin", "read"))


# --- lists


def test_lists_are_narrowed_searched_and_counted(
    lists: Lists, lin: Actor, expert: Actor, operator: Actor, published: Item
) -> None:
    water = lists.post(lin, title=Words("水库水质监测", "Reservoir water"), domains=["water"], region="深圳")
    lists.publish(water, lin, expert=expert, operator=operator)

    def codes(**asked: object) -> set[str]:
        found = lists.read(scenarios.list_items, Asked("opportunity", **asked), ANONYMOUS, limit=9)  # type: ignore[arg-type]
        return {item.code for item in found.items}

    assert codes() == {published.code, water.code}
    assert codes(facets={"domain": "water"}) == codes(words="水质") == codes(words="Reservoir") == {water.code}
    assert codes(words="水质", facets={"region": "杭州"}) == codes(words="nothing") == set()
    counted = lists.read(scenarios.count_facets, Asked("opportunity", facets={"domain": "water"}), ANONYMOUS)
    assert counted["domain"] == [("agriculture", 1), ("water", 1)] and counted["region"] == [("深圳", 1)]


def test_pages_of_a_list_hold_every_item_once(lists: Lists, lin: Actor, expert: Actor, operator: Actor) -> None:
    made = {lists.publish(lists.post(lin), lin, expert=expert, operator=operator).code for _ in range(5)}
    seen: list[str] = []
    cursor = None
    while cursor is not None or not seen:
        page = lists.read(scenarios.list_items, Asked("opportunity"), ANONYMOUS, limit=2, cursor=cursor)
        seen += [item.code for item in page.items]
        cursor = page.next_cursor
    assert set(seen) == made and len(seen) == 5


# --- claims


def test_a_provider_claims_once(lists: Lists, mei: Actor, published: Item, offer: Item) -> None:
    claim = lists.write(scenarios.make_claim, published.code, offer.code, mei, statement="我们来")
    assert (claim.status, claim.provider) == ("declared", "mei")
    with pytest.raises(scenarios.ClaimTaken):
        lists.write(scenarios.make_claim, published.code, offer.code, mei)


def test_a_provider_who_claims_ten_times_at_once_has_one_claim(
    lists: Lists, mei: Actor, published: Item, offer: Item
) -> None:
    ended = at_once([lambda: lists.write(scenarios.make_claim, published.code, offer.code, mei)] * 10)
    assert sum(isinstance(end, scenarios.Claim) for end in ended) == 1
    assert sum(isinstance(end, scenarios.ClaimTaken) for end in ended) == 9
    assert len(lists.read(scenarios.list_claims, published.id)) == 1


def test_capacity_reached_in_parallel_is_never_exceeded(
    world: World, lists: Lists, lin: Actor, expert: Actor, operator: Actor, published: Item
) -> None:
    claims = []
    for number in range(6):
        provider = world.user(f"firm{number}")
        model = lists.publish(lists.post(provider, MODEL), provider, expert=expert, operator=operator)
        claims.append(lists.write(scenarios.make_claim, published.code, model.code, provider))
    ended = at_once(
        [lambda number=claim.id: lists.write(scenarios.accept_claim, number, lin) for claim in claims]  # type: ignore[misc]
    )
    assert sum(isinstance(end, scenarios.Claim) for end in ended) == 2
    assert sum(isinstance(end, scenarios.CapacityFull) for end in ended) == 4
    assert (lists.fresh(published).taken_count, lists.fresh(published).status) == (2, "matched")


def test_a_capability_is_not_taken_on_more_often_than_it_can_serve(
    lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor
) -> None:
    offer = lists.publish(lists.post(mei, MODEL, capacity=1), mei, expert=expert, operator=operator)
    needs = [lists.publish(lists.post(lin), lin, expert=expert, operator=operator) for _ in range(3)]
    claims = [lists.write(scenarios.make_claim, need.code, offer.code, mei) for need in needs]
    ended = at_once(
        [lambda number=claim.id: lists.write(scenarios.accept_claim, number, lin) for claim in claims]  # type: ignore[misc]
    )
    assert sum(isinstance(end, scenarios.Claim) for end in ended) == 1
    assert lists.fresh(offer).taken_count == 1


def test_the_deadline_is_decided_by_the_clock_of_the_transaction(
    lists: Lists, mei: Actor, operator: Actor, published: Item, offer: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = replace(TEA, deadline=date(2027, 3, 1))
    lists.write(scenarios.edit_item, published.code, content, operator, based_on=1)
    end = datetime(2027, 3, 1, 16, tzinfo=UTC)  # midnight in China

    monkeypatch.setattr(clock, "now", lambda: end)
    with pytest.raises(scenarios.DeadlinePassed):
        lists.write(scenarios.make_claim, published.code, offer.code, mei)
    monkeypatch.setattr(clock, "now", lambda: end - timedelta(microseconds=1))
    assert lists.write(scenarios.make_claim, published.code, offer.code, mei).status == "declared"


def test_a_claim_an_acceptance_and_the_deadline_at_once_end_in_one_story(
    lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor, published: Item, offer: Item,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    content = replace(TEA, deadline=date(2027, 3, 1))
    lists.write(scenarios.edit_item, published.code, content, operator, based_on=1)
    claim = lists.write(scenarios.make_claim, published.code, offer.code, mei)
    rival = lists.world.user("rival")
    model = lists.publish(lists.post(rival, MODEL), rival, expert=expert, operator=operator)
    end = datetime(2027, 3, 1, 16, tzinfo=UTC)  # midnight in China
    monkeypatch.setattr(clock, "now", lambda: end)

    late, accepted, _ = at_once(
        [
            lambda: lists.write(scenarios.make_claim, published.code, model.code, rival),
            lambda: lists.write(scenarios.accept_claim, claim.id, lin),
            lambda: scenarios.expire_due(lists.world.site.db, end),
        ]
    )
    assert isinstance(late, scenarios.DeadlinePassed | scenarios.StepImpossible)
    told = (lists.fresh(published).status, [one.status for one in lists.read(scenarios.list_claims, published.id)])
    assert told == (("matched", ["accepted"]) if isinstance(accepted, scenarios.Claim) else ("expired", ["declined"]))


def test_nobody_claims_their_own_need_or_with_what_is_not_theirs(
    lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor, published: Item, offer: Item
) -> None:
    own = lists.publish(lists.post(lin, MODEL), lin, expert=expert, operator=operator)
    with pytest.raises(scenarios.ClaimRefused):
        lists.write(scenarios.make_claim, published.code, own.code, lin)
    with pytest.raises(scenarios.ItemDenied):
        lists.write(scenarios.make_claim, published.code, own.code, mei)
    claim = lists.write(scenarios.make_claim, published.code, offer.code, mei)
    with pytest.raises(scenarios.ItemDenied):
        lists.write(scenarios.accept_claim, claim.id, mei)
    lists.write(scenarios.withdraw_claim, claim.id, mei)
    with pytest.raises(scenarios.ClaimRefused):
        lists.write(scenarios.accept_claim, claim.id, lin)


# --- living


def test_lists_age_they_are_told_stale_then_expire(
    lists: Lists, lin: Actor, published: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = clock.now()
    for days, told, status in ((59, 0, "published"), (61, 1, "published"), (62, 1, "published"), (181, 1, "expired")):
        moment = start + timedelta(days=days)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        scenarios.expire_due(lists.world.site.db, moment)
        assert sum(fact.kind == "ItemGoneStale" for fact in lists.facts()) == told
        assert lists.fresh(published).status == status


def test_a_heartbeat_keeps_an_item_alive(
    lists: Lists, lin: Actor, mei: Actor, published: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = clock.now() + timedelta(days=100)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(scenarios.ItemDenied):
        lists.write(scenarios.confirm_item, published.code, mei)
    lists.write(scenarios.confirm_item, published.code, lin)

    scenarios.expire_due(lists.world.site.db, later + timedelta(days=59))
    assert lists.fresh(published).status == "published"
    assert not any(fact.kind == "ItemGoneStale" for fact in lists.facts())


def test_an_item_expires_the_day_after_its_deadline(lists: Lists, lin: Actor, expert: Actor, operator: Actor) -> None:
    day = (clock.now() + timedelta(days=1)).date()
    item = lists.publish(lists.post(lin, deadline=day), lin, expert=expert, operator=operator)
    end = datetime(day.year, day.month, day.day, 16, tzinfo=UTC)
    assert scenarios.expire_due(lists.world.site.db, end - timedelta(seconds=1)) == 0
    assert scenarios.expire_due(lists.world.site.db, end) == 1
    line = lists.read(scenarios.list_history, item.id)[-1]
    assert (line.what, line.after, line.reason, line.by) == ("expire", "expired", "deadline", None)
