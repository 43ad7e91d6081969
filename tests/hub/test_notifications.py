"""Users hear of what concerns them, once for each place, and of nothing that they may not see."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import accounts, hub
from yungu.accounts import Actor
from yungu.app import worker
from yungu.hub.rules import find_mentions


@pytest.fixture
def repo(world: World, lin: Actor) -> hub.Repo:
    return world.repo("lin/tea", by=lin)


def ask(world: World, repo: hub.Repo, by: Actor, text: str = "so?") -> hub.Discussion:
    return world.write_in(hub.open_discussion, world.site.git, repo, by, title="Why", text=text)


def heard(world: World, user: Actor) -> list[tuple[str, str | None]]:
    """Why and by whom, the latest first, of what is unread."""
    worker.notify_users(world.site)
    page = world.read_in(hub.list_notifications, user, is_unread_only=True)
    assert world.read_in(hub.count_unread, user) == len(page.items)
    return [(found.reason, found.who) for found in page.items]


def test_an_owner_hears_of_a_new_discussion_and_its_author_does_not(
    world: World, repo: hub.Repo, lin: Actor, mei: Actor
) -> None:
    ask(world, repo, mei)
    assert heard(world, lin) == [("opened", "mei")]
    assert heard(world, mei) == []


def test_who_took_part_hears_what_is_said_next(world: World, repo: hub.Repo, lin: Actor, mei: Actor) -> None:
    found = ask(world, repo, mei)
    world.write_in(hub.add_comment, repo, found, lin, "Because")
    assert heard(world, mei) == [("commented", "lin")]


def test_who_muted_a_discussion_hears_of_mentions_only(world: World, repo: hub.Repo, lin: Actor, mei: Actor) -> None:
    found, other = ask(world, repo, mei), ask(world, repo, mei)
    world.write_in(hub.mute, mei.id, found)
    world.write_in(hub.mute, mei.id, found)
    world.write_in(hub.add_comment, repo, found, lin, "Because")
    assert heard(world, mei) == []
    world.write_in(hub.add_comment, repo, other, lin, "Because")
    world.write_in(hub.add_comment, repo, found, lin, "What do you say, @mei?")
    assert heard(world, mei) == [("mentioned", "lin"), ("commented", "lin")]
    world.write_in(hub.unmute, mei.id, found)
    world.write_in(hub.add_comment, repo, found, lin, "Well")
    assert ("commented", "lin") in heard(world, mei)
    assert not world.read_in(hub.has_muted, mei.id, found)


def test_who_is_mentioned_hears_of_it(world: World, repo: hub.Repo, mei: Actor) -> None:
    bo = world.user("bo")
    ask(world, repo, mei, text="What does @Bo think?")
    assert heard(world, bo) == [("mentioned", "mei")]


def test_what_happens_again_in_one_place_is_one_notification(
    world: World, repo: hub.Repo, lin: Actor, mei: Actor
) -> None:
    found = ask(world, repo, mei)
    assert heard(world, lin) == [("opened", "mei")]
    world.write_in(hub.mark_seen, lin.id, found)  # type: ignore[arg-type]
    assert heard(world, lin) == []
    world.write_in(hub.add_comment, repo, found, mei, "one")
    world.write_in(hub.add_comment, repo, found, mei, "two")
    assert heard(world, lin) == [("commented", "mei")]


def test_nobody_hears_of_a_repo_that_he_may_not_read(world: World, lin: Actor) -> None:
    secret = world.repo("lin/secret", by=lin, visibility="private")
    bo = world.user("bo")
    ask(world, secret, lin, text="@bo must not know")
    assert heard(world, bo) == []


def test_who_may_no_longer_read_a_repo_no_longer_hears_what_was_said_there(
    world: World, repo: hub.Repo, lin: Actor, mei: Actor
) -> None:
    found = ask(world, repo, mei)
    world.write_in(hub.add_comment, repo, found, lin, "Because")
    assert heard(world, mei) == [("commented", "lin")]
    world.write_in(hub.change_settings, repo, lin, visibility="private")
    assert heard(world, mei) == []
    assert heard(world, lin) == [("opened", "mei")]


def test_what_is_said_about_a_gated_repo_is_heard_by_those_who_were_let_in(
    world: World, repo: hub.Repo, lin: Actor, mei: Actor
) -> None:
    gated, bo = world.write_in(hub.change_settings, repo, lin, gated="manual"), world.user("bo")
    request = world.write_in(hub.grant_access, gated, mei.user, lin)  # type: ignore[arg-type]
    ask(world, gated, lin, text="@mei may know, @bo must not")
    assert heard(world, bo) == []
    assert heard(world, mei) == [("mentioned", "lin"), ("accepted", "lin")]
    world.write_in(hub.decide_access, gated, request, "rejected", lin)
    assert heard(world, mei) == [("rejected", "lin")]


def test_maintainers_of_an_organization_hear_of_requests_and_the_asker_of_the_answer(
    world: World, lin: Actor, mei: Actor
) -> None:
    world.organization("garden", admin=lin)
    gated = world.repo("garden/tea", by=world.actor("lin"))
    gated = world.write_in(hub.change_settings, gated, world.actor("lin"), gated="manual")
    world.write_in(hub.ask_access, gated, mei)
    assert heard(world, lin) == [("asked", "mei")]
    request = world.read_in(hub.list_access_requests, gated, "pending", limit=1).items[0]
    world.write_in(hub.decide_access, gated, request, "accepted", world.actor("lin"))
    assert heard(world, mei) == [("accepted", "lin")]


def test_a_user_hears_of_a_follower(world: World, lin: Actor, mei: Actor) -> None:
    world.write_in(accounts.follow_owner, mei.user, lin.user)  # type: ignore[arg-type]
    assert heard(world, lin) == [("followed", "mei")]


def test_all_can_be_marked_as_read(world: World, repo: hub.Repo, lin: Actor, mei: Actor) -> None:
    ask(world, repo, mei)
    ask(world, repo, mei)
    assert len(heard(world, lin)) == 2
    assert world.read_in(hub.count_unread, lin) == 2
    world.write_in(hub.mark_read, lin.id)  # type: ignore[arg-type]
    assert world.read_in(hub.count_unread, lin) == 0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@lin and @Mei-2, hello", ("lin", "mei-2")),
        ("you (@lin).", ("lin",)),
        ("mail a@b.com, see `@code` and\n```\n@fence\n```", ()),
        ("请 @lin 看看", ("lin",)),
        ("@lin @lin", ("lin",)),
        ("@@twice /@path", ()),
    ],
)
def test_mentions_are_names_outside_code(text: str, names: tuple[str, ...]) -> None:
    assert find_mentions(text) == names
