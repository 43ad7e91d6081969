"""Discussions and pull requests: what happens to them happens once."""

from __future__ import annotations

import shutil

import pytest

from support.world import World
from yungu import hub
from yungu.accounts import Actor


@pytest.fixture
def repo(world: World, lin: Actor) -> hub.Repo:
    return world.repo("lin/tea", by=lin, files={"README.md": b"tea"})


def statuses(world: World, found: hub.Discussion) -> list[str]:
    events = world.read_in(hub.list_discussion_events, found)
    return [event.payload["status"] for event in events if event.kind == "status-change"]


def test_who_closes_what_somebody_has_just_closed_is_told_so(
    world: World, repo: hub.Repo, lin: Actor, mei: Actor
) -> None:
    seen_by_both = world.write_in(hub.open_discussion, world.site.git, repo, mei, title="Why")
    world.write_in(hub.change_status, repo, seen_by_both, mei, "closed")

    with pytest.raises(hub.StatusInvalid):
        world.write_in(hub.change_status, repo, seen_by_both, lin, "closed")
    assert statuses(world, seen_by_both) == ["closed"]


def test_a_pull_request_that_two_merge_is_merged_once(world: World, repo: hub.Repo, lin: Actor) -> None:
    seen_by_both = world.write_in(hub.open_discussion, world.site.git, repo, lin, title="Milk", is_pull=True)
    world.commit(repo, {"milk.txt": b"milk"}, by=lin, branch=seen_by_both.ref)
    world.write_in(hub.merge_pull_request, world.site.git, repo, seen_by_both, lin)

    with pytest.raises(hub.NotMergeable):
        world.write_in(hub.merge_pull_request, world.site.git, repo, seen_by_both, lin)
    assert statuses(world, seen_by_both) == ["merged"]


def test_conflicts_are_looked_for_once(world: World, repo: hub.Repo, lin: Actor) -> None:
    git = world.site.git
    pull = world.write_in(hub.open_discussion, git, repo, lin, title="Milk", is_pull=True)
    world.commit(repo, {"README.md": b"milk"}, by=lin, branch=pull.ref)
    world.commit(repo, {"README.md": b"lemon"}, by=lin)
    assert world.read_in(hub.find_conflicts, git, repo, pull) == ("README.md",)

    shutil.rmtree(git.root)

    assert world.read_in(hub.find_conflicts, git, repo, pull) == ("README.md",)


def test_a_comment_that_was_hidden_gets_no_other_text(world: World, repo: hub.Repo, lin: Actor, mei: Actor) -> None:
    found = world.write_in(hub.open_discussion, world.site.git, repo, mei, title="Why", text="spam")
    comment = world.read_in(hub.list_discussion_events, found)[0]
    world.write_in(hub.hide_comment, repo, found, comment, lin)
    hidden = world.read_in(hub.get_comment, found, comment.id)

    with pytest.raises(hub.CommentNotFound):
        world.write_in(hub.edit_comment, repo, found, hidden, mei, "spam again")
