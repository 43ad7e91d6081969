"""The default branch answers to "main" and to "master", for tools that take one of the two for granted."""

from __future__ import annotations

from support.desk import Desk, Place
from yungu import hub
from yungu.app.chores import pack_repos
from yungu.app.fsck import check


def test_a_clone_of_the_other_name_is_the_default_branch(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(""), "c", "-b", "master")
    assert clone.git("rev-parse", "HEAD") == place.refs()["refs/heads/main"]
    assert clone.read("a.txt") == b"hello\n"


def test_a_push_to_the_other_name_moves_the_default_branch(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c", "-b", "master")
    oid = clone.commit({"b.txt": b"more"})
    clone.git("push", "-q", "origin", "master")
    assert place.refs()["refs/heads/main"] == oid
    assert "refs/heads/master" not in place.refs()
    both = desk.git("ls-remote", place.url(""), "refs/heads/main", "refs/heads/master")
    assert both.splitlines() == [f"{oid}\trefs/heads/main", f"{oid}\trefs/heads/master"]
    clone.git("pull", "-q")


def test_one_push_to_both_names_is_one_move(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    oid = clone.commit({"b.txt": b"more"})
    clone.git("push", "-q", "origin", "HEAD:main", "HEAD:master")
    assert place.refs()["refs/heads/main"] == oid


def test_two_commits_cannot_become_the_default_branch_at_once(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    before = place.refs()["refs/heads/main"]
    clone.commit({"b.txt": b"more"})
    clone.commit({"c.txt": b"more"})
    said = clone.try_git("push", "origin", "HEAD~1:main", "HEAD:master")
    assert said.status != 0
    assert "named more than once" in said.err
    assert place.refs()["refs/heads/main"] == before


def test_the_other_name_cannot_be_deleted(desk: Desk, place: Place) -> None:
    said = desk.clone(place.url(), "c").try_git("push", "origin", ":master")
    assert said.status != 0
    assert "default branch" in said.err
    assert "refs/heads/main" in place.refs()


def test_a_real_branch_of_that_name_is_its_own(desk: Desk, place: Place) -> None:
    world, owner = place.live.world, place.live.actor(place.owner)
    first = place.refs()["refs/heads/main"]
    with world.site.db.write() as session:
        hub.create_branch(session, world.site.git, place.repo, "master", owner)
    clone = desk.clone(place.url(), "c", "-b", "master")
    oid = clone.commit({"b.txt": b"more"})
    clone.git("push", "-q", "origin", "master")
    assert place.refs()["refs/heads/master"] == oid
    assert place.refs()["refs/heads/main"] == first


def test_what_keeps_the_house_minds_neither_name(desk: Desk, place: Place) -> None:
    site = place.live.site
    desk.clone(place.url(), "c", "-b", "master")
    pack_repos(site, tell=lambda _what, _done, _total: None)
    report = check(site, fast=True, tell=lambda _what, _done, _total: None)
    mine = f"#{place.repo.id}"
    assert [
        finding for finding in report.damage if mine in finding.subject or place.repo.repo_id in finding.subject
    ] == []
