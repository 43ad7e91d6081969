"""Pull requests by git: who opened one pushes to its ref, and to nothing else."""

from __future__ import annotations

import httpx
import pytest

from support.desk import Clone, Desk, Place
from support.servers import LiveHub
from yungu import hub


class Guest:
    """Somebody without the right to write, with a clone."""

    def __init__(self, live: LiveHub, desk: Desk, place: Place) -> None:
        self.live, self.place = live, place
        self.name = live.user()
        self.token = live.token(self.name)
        self.clone: Clone = desk.clone(place.url(self.token), "guest")

    def opens(self) -> hub.Discussion:
        world = self.live.world
        actor = self.live.actor(self.name)
        return world.write_in(
            hub.open_discussion, self.live.site.git, self.place.repo, actor, title="Words", is_pull=True
        )


@pytest.fixture
def guest(live: LiveHub, desk: Desk, place: Place) -> Guest:
    return Guest(live, desk, place)


def test_a_guest_pushes_commits_to_their_pull_request(guest: Guest, place: Place) -> None:
    pull = guest.opens()
    guest.clone.commit({"one.txt": b"1\n"}, "One")
    oid = guest.clone.commit({"two.txt": b"2\n"}, "Two")
    guest.clone.git("push", "-q", "origin", f"HEAD:{pull.ref}")

    assert place.refs()[pull.ref] == oid
    events = place.live.world.read_in(hub.list_discussion_events, pull)
    assert [event.payload["subject"] for event in events if event.kind == "commit"] == ["One", "Two"]


def test_lfs_content_of_a_guest_comes_along(guest: Guest, place: Place) -> None:
    pull = guest.opens()
    guest.clone.git("lfs", "track", "*.bin")
    guest.clone.commit({"big.bin": b"\0" * 70_000}, "Big")
    guest.clone.git("push", "-q", "origin", f"HEAD:{pull.ref}")

    assert place.live.world.read(place.repo, "big.bin", pull.ref).startswith(b"version https://git-lfs")


def test_a_guest_moves_no_branch_even_beside_their_pull_request(guest: Guest, place: Place) -> None:
    pull, before = guest.opens(), place.refs()
    guest.clone.commit({"one.txt": b"1\n"})
    said = guest.clone.try_git("push", "origin", f"HEAD:{pull.ref}", "HEAD:main", "HEAD:refs/tags/v1")

    assert "You need write access" in said.err
    assert place.refs() == before | {pull.ref: guest.clone.head()}


def test_a_guest_without_a_pull_request_pushes_nothing(guest: Guest, place: Place) -> None:
    guest.clone.commit({"one.txt": b"1\n"})
    said = guest.clone.try_git("push", "origin", "HEAD:refs/pr/1")

    assert "You need write access" in said.err
    assert set(place.refs()) == {"refs/heads/main"}


def test_nobody_pushes_to_the_pull_request_of_somebody_else_but_writers(
    live: LiveHub, desk: Desk, guest: Guest, place: Place
) -> None:
    pull, other = guest.opens(), Guest(live, Desk(desk.folder / "other"), place)
    other.opens()
    other.clone.commit({"x": b"x"})
    assert "You need write access" in other.clone.try_git("push", "origin", f"HEAD:{pull.ref}").err

    owner = desk.clone(place.url(), "owner")
    oid = owner.commit({"y": b"y"})
    owner.git("push", "-q", "origin", f"HEAD:{pull.ref}")
    assert place.refs()[pull.ref] == oid


def test_a_closed_pull_request_takes_no_more(live: LiveHub, guest: Guest, place: Place) -> None:
    pull = guest.opens()
    guest.opens()
    live.world.write_in(hub.change_status, place.repo, pull, live.actor(guest.name), "closed")
    guest.clone.commit({"x": b"x"})
    said = guest.clone.try_git("push", "origin", f"HEAD:{pull.ref}")

    assert "open pull requests can be pushed" in said.err


def test_a_pull_request_is_neither_made_nor_deleted_by_a_push(guest: Guest, place: Place) -> None:
    pull = guest.opens()
    guest.clone.git("fetch", "-q", "origin", pull.ref)
    guest.clone.commit({"x": b"x"})

    assert "rejected" in guest.clone.try_git("push", "origin", f":{pull.ref}").err
    assert "rejected" in guest.clone.try_git("push", "origin", "HEAD:refs/pr/77").err
    assert pull.ref in place.refs()


def test_a_guest_uploads_large_files_for_their_own_pull_request_only(
    live: LiveHub, desk: Desk, guest: Guest, place: Place
) -> None:
    pull, other = guest.opens(), Guest(live, Desk(desk.folder / "other"), place)

    def ask(who: Guest, revision: str) -> int:
        address = f"{live.url}/api/models/{place.repo.repo_id}/xet-write-token/{revision}"
        return httpx.get(address, headers={"authorization": f"Bearer {who.token}"}).status_code

    assert ask(guest, f"refs%2Fpr%2F{pull.number}") == 200
    assert ask(other, f"refs%2Fpr%2F{pull.number}") == 403
    assert ask(guest, "main") == 403
