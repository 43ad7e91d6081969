"""Gated repos: everybody may know of them, only those who were let in may read their files."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import accounts, hub
from yungu.accounts import ANONYMOUS, Actor
from yungu.hub.models import AccessStatus, Gate


@pytest.fixture
def tea(world: World, lin: Actor) -> hub.Repo:
    return world.repo("lin/tea", by=lin)


def gate(world: World, repo: hub.Repo, by: Actor, gated: Gate) -> hub.Repo:
    return world.write_in(hub.change_settings, repo, by, gated=gated)


def may_read(world: World, actor: Actor) -> bool:
    try:
        world.read_in(hub.readable_repo, "model", "lin/tea", actor)
    except hub.RepoGated:
        return False
    return True


def waiting(world: World, repo: hub.Repo, status: AccessStatus = "pending") -> list[str]:
    page = world.read_in(hub.list_access_requests, repo, status, limit=10)
    return [asked.user for asked in page.items]


def test_an_automatic_gate_opens_for_who_asks(world: World, tea: hub.Repo, lin: Actor, mei: Actor) -> None:
    tea = gate(world, tea, lin, "auto")
    assert not may_read(world, mei)
    asked = world.write_in(hub.ask_access, tea, mei, {"purpose": "tasting"})
    assert (asked.status, dict(asked.answers)) == ("accepted", {"purpose": "tasting"})
    assert may_read(world, mei)
    assert not may_read(world, ANONYMOUS)


def test_a_manual_gate_waits_for_the_administrator(world: World, tea: hub.Repo, lin: Actor, mei: Actor) -> None:
    tea = gate(world, tea, lin, "manual")
    asked = world.write_in(hub.ask_access, tea, mei)
    assert asked.status == "pending"
    assert world.write_in(hub.ask_access, tea, mei).id == asked.id
    assert waiting(world, tea) == ["mei"]
    assert not may_read(world, mei)
    world.write_in(hub.decide_access, tea, asked, "accepted", lin)
    assert may_read(world, mei)
    assert waiting(world, tea) == []


def test_who_was_rejected_stays_outside_even_when_the_gate_becomes_automatic(
    world: World, tea: hub.Repo, lin: Actor, mei: Actor
) -> None:
    tea = gate(world, tea, lin, "manual")
    asked = world.write_in(hub.ask_access, tea, mei)
    world.write_in(hub.decide_access, tea, asked, "rejected", lin, reason="no tea for you")
    tea = gate(world, tea, lin, "auto")
    assert world.write_in(hub.ask_access, tea, mei).status == "rejected"
    assert not may_read(world, mei)
    assert waiting(world, tea, "rejected") == ["mei"]


def test_who_waits_passes_once_the_gate_has_become_automatic(
    world: World, tea: hub.Repo, lin: Actor, mei: Actor
) -> None:
    world.write_in(hub.ask_access, gate(world, tea, lin, "manual"), mei)
    assert world.write_in(hub.ask_access, gate(world, tea, lin, "auto"), mei).status == "accepted"
    assert may_read(world, mei)


def test_an_administrator_can_let_somebody_in_unasked_and_out_again(
    world: World, tea: hub.Repo, lin: Actor, mei: Actor
) -> None:
    tea = gate(world, tea, lin, "manual")
    given = world.write_in(hub.grant_access, tea, mei.user, lin)  # type: ignore[arg-type]
    assert given.is_given
    assert may_read(world, mei)
    with pytest.raises(hub.AccessHeld):
        world.write_in(hub.grant_access, tea, mei.user, lin)  # type: ignore[arg-type]
    world.write_in(hub.decide_access, tea, given, "pending", lin)
    assert not may_read(world, mei)


def test_a_decision_that_was_taken_is_not_taken_again(world: World, tea: hub.Repo, lin: Actor, mei: Actor) -> None:
    tea = gate(world, tea, lin, "manual")
    asked = world.write_in(hub.ask_access, tea, mei)
    with pytest.raises(hub.AccessRequestNotFound):
        world.write_in(hub.decide_access, tea, asked, "pending", lin)


def test_nobody_asks_where_there_is_no_gate_or_nothing_to_ask_for(
    world: World, tea: hub.Repo, lin: Actor, mei: Actor
) -> None:
    with pytest.raises(hub.RepoNotGated):
        world.write_in(hub.ask_access, tea, mei)
    tea = gate(world, tea, lin, "auto")
    with pytest.raises(hub.AccessHeld):
        world.write_in(hub.ask_access, tea, lin)
    with pytest.raises(accounts.SignInRequired):
        world.write_in(hub.ask_access, tea, ANONYMOUS)
    with pytest.raises(hub.RepoDenied):
        world.write_in(hub.ask_access, tea, world.with_token("mei", "read"))
    assert waiting(world, tea, "accepted") == []


def test_a_form_can_only_be_so_long(world: World, tea: hub.Repo, lin: Actor, mei: Actor) -> None:
    tea = gate(world, tea, lin, "auto")
    with pytest.raises(hub.TextTooLong):
        world.write_in(hub.ask_access, tea, mei, {"why": "x" * 30_000})


def test_a_fine_grained_token_must_name_a_gated_repo_to_read_it(
    world: World, tea: hub.Repo, lin: Actor, mei: Actor
) -> None:
    tea = gate(world, tea, lin, "auto")
    world.write_in(hub.ask_access, tea, mei)
    for user in ("lin", "mei"):
        assert may_read(world, world.with_token(user, "fine-grained", ("models/lin/tea", "read")))
        assert may_read(world, world.with_token(user, "fine-grained", ("lin", "read")))
        assert not may_read(world, world.with_token(user, "fine-grained", ("models/lin/cup", "write")))
