"""Both sides hear of what is proposed, write to each other and take it back, each as far as they may see the match."""

from __future__ import annotations

import pytest

from support.lists import MODEL, TEA, Lists
from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.app import worker
from yungu.scenarios import Item, matching
from yungu.scenarios.matching import ContactImpossible, ContactInvalid, ContactNotFound, Match, MatchClosed, queries

Notice = tuple[str, str | None, str]


@pytest.fixture
def pair(lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor) -> tuple[Item, Item]:
    return published(lists, lin, mei, expert, operator)


def published(
    lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor, **changed: str
) -> tuple[Item, Item]:
    """A need of lin and an offer of mei."""
    offer = lists.publish(lists.post(mei, MODEL), mei, expert=expert, operator=operator)
    return lists.publish(lists.post(lin, TEA, **changed), lin, expert=expert, operator=operator), offer


def propose(lists: Lists, need: Item) -> Match:
    """What the work beside requests does with an opportunity that was published."""
    markets = matching.Markets()
    run = lists.write(matching.keep, lists.read(matching.find_for, markets, need.id), None)
    lists.write(matching.publish, run.id, None)
    return lists.read(queries.list_open, [need.id])[0]


def heard(world: World, user: Actor) -> list[Notice]:
    """Why, by whom and where, the latest first, of what is unread."""
    worker.notify_users(world.site)
    page = world.read_in(hub.list_notifications, user, is_unread_only=True)
    assert world.read_in(hub.count_unread, user) == len(page.items)
    return [(found.reason, found.who, found.place) for found in page.items]


def test_both_sides_hear_once_of_all_that_is_proposed_for_an_item(
    world: World, lists: Lists, pair: tuple[Item, Item], lin: Actor, mei: Actor, operator: Actor
) -> None:
    need, offer = pair
    propose(lists, need)
    assert heard(world, lin) == [("proposed", None, f"matches opportunity {need.code}")]
    assert heard(world, mei) == [("proposed", None, f"matches capability {offer.code}")]
    assert heard(world, operator) == []
    found = world.read_in(hub.list_notifications, mei).items[0]
    assert found.subject == {"zh": MODEL.title.zh, "en": MODEL.title.en}

    world.write_in(hub.mark_read, lin.id)
    world.write_in(matching.mute, mei.id, offer.id)
    world.write_in(hub.mark_read, mei.id)
    propose(lists, need)
    assert [reason for reason, *_ in heard(world, lin)] == ["proposed"]
    assert heard(world, mei) == []
    world.write_in(matching.unmute, mei.id, offer.id)
    propose(lists, need)
    assert [reason for reason, *_ in heard(world, mei)] == ["proposed"]


def test_who_writes_is_heard_read_and_may_take_it_back(
    world: World, lists: Lists, pair: tuple[Item, Item], lin: Actor, mei: Actor, operator: Actor
) -> None:
    need, _ = pair
    number = propose(lists, need).id
    heard(world, lin), world.write_in(hub.mark_read, lin.id), world.write_in(matching.mute, lin.id, need.id)
    made = world.write_in(matching.write, number, "  Which gardens?\n", mei, shows_contact=True)
    assert (made.text, made.contact, made.side) == ("Which gardens?", MODEL.contact, "provider")
    assert heard(world, lin) == [("wrote", "mei", f"match {number} demand")], "who mutes proposals hears people"
    assert lists.read(matching.list_seen, [number], "contacted") == {(number, "provider")}
    plain = world.write_in(matching.write, number, "Three.", lin, shows_contact=False)
    assert plain.contact == "" and heard(world, mei)[0] == ("wrote", "lin", f"match {number} provider")

    propose(lists, need)
    assert lists.read(matching.get_proposal, number).match.status == "proposed", "who talks is not replaced"
    with pytest.raises(ContactNotFound):
        world.write_in(matching.withdraw, number, made.id, lin)
    gone = world.write_in(matching.withdraw, number, made.id, mei)
    assert (gone.text, gone.contact) == ("", "") and gone.withdrawn_at is not None
    assert lists.read(matching.list_seen, [number], "contacted") == {(number, "demand")}
    with pytest.raises(ContactNotFound):
        world.write_in(matching.withdraw, number, made.id, mei)
    for text in (" ", "x" * 4001):
        with pytest.raises(ContactInvalid):
            world.write_in(matching.write, number, text, mei, shows_contact=False)
    for stranger in (operator, world.user("kim")):
        with pytest.raises(matching.MatchNotFound):
            world.write_in(matching.write, number, "Hello", stranger, shows_contact=False)

    world.write_in(matching.answer, number, "no", lin, reason="Too late")
    assert heard(world, mei)[0] == ("declined", "lin", f"match {number} provider")
    with pytest.raises(MatchClosed):
        world.write_in(matching.write, number, "Why?", mei, shows_contact=False)


def test_of_a_restricted_side_the_other_hears_only_after_its_yes(
    world: World, lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor
) -> None:
    need, _ = published(lists, lin, mei, expert, operator, confidentiality="restricted")
    number = propose(lists, need).id
    assert heard(world, mei) == []
    with pytest.raises(ContactImpossible):
        world.write_in(matching.write, number, "Hello", lin, shows_contact=True)
    world.write_in(matching.answer, number, "yes", lin)
    assert heard(world, mei) == [("agreed", "lin", f"match {number} provider")]
    world.write_in(matching.write, number, "Hello", lin, shows_contact=True)
    assert heard(world, mei) == [("wrote", "lin", f"match {number} provider")]


def test_members_who_write_for_an_organization_hear_for_it(
    world: World, lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor
) -> None:
    pen, eye = world.user("pen"), world.user("eye")
    world.organization("garden", admin=lin, write=[pen], read=[eye])
    lin = world.actor("lin")
    offer = lists.publish(lists.post(mei, MODEL), mei, expert=expert, operator=operator)
    with world.site.db.write() as session:
        from yungu import accounts, scenarios

        need = scenarios.create_item(session, "opportunity", TEA, lin, accounts.get_owner(session, "garden"))
    need = lists.publish(need, lin, expert=expert, operator=operator)
    propose(lists, need)
    assert offer.code and [len(heard(world, one)) for one in (lin, pen, eye)] == [1, 1, 0]
