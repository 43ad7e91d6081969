"""File locks, with the real git-lfs and by hand."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from support.desk import Desk, Place
from support.servers import LiveHub

JSON = {"accept": "application/vnd.git-lfs+json", "content-type": "application/vnd.git-lfs+json"}


def lock(
    place: Place, method: str, under: str = "", body: Any = None, *, token: str | None = None, **query: Any
) -> httpx.Response:
    url = f"{place.url(token)}/info/lfs/locks{under}"
    return httpx.request(method, url, json=body, params=query, headers=JSON)


@pytest.fixture
def team(live: LiveHub) -> tuple[Place, str]:
    """A repo of an organization, and a token of a second person who may write to it but does not rule it."""
    place, mei = Place(live, "model", "public"), live.user()
    name = live.fresh_name("org")
    live.world.organization(name, admin=live.actor(place.owner), write=[live.actor(mei)])
    place.repo = live.world.repo(f"{name}/tea", by=live.actor(place.owner), files={"a.txt": b"x"})
    return place, live.token(mei)


def test_git_lfs_locks_lists_and_unlocks(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    assert "Locked w/model.bin" in clone.git("lfs", "lock", "w/model.bin")
    listed = json.loads(clone.git("lfs", "locks", "--json"))
    assert [(held["path"], held["owner"]["name"]) for held in listed] == [("w/model.bin", place.owner)]
    assert "already locked" in clone.try_git("lfs", "lock", "w/model.bin").err
    clone.git("lfs", "unlock", "w/model.bin")
    assert json.loads(clone.git("lfs", "locks", "--json")) == []


def test_a_push_over_somebody_elses_lock_is_stopped_by_git_lfs(desk: Desk, team: tuple[Place, str]) -> None:
    place, mei = team
    assert lock(place, "POST", body={"path": "model.bin"}).status_code == 201
    clone = desk.clone(place.url(mei), "c")
    clone.git("config", "lfs.locksverify", "true")
    clone.commit({"model.bin": b"\0other"})
    said = clone.try_git("push", "origin", "main")
    assert (said.status != 0, "locked files" in (said.out + said.err).lower()) == (True, True)


def test_a_taken_lock_is_told_with_its_holder(team: tuple[Place, str]) -> None:
    place, mei = team
    first = lock(place, "POST", body={"path": "m.bin", "ref": {"name": "refs/heads/main"}})
    assert (first.status_code, first.json()["lock"]["owner"]["name"]) == (201, place.owner)
    second = lock(place, "POST", body={"path": "m.bin"}, token=mei)
    assert (second.status_code, second.json()["lock"]) == (409, first.json()["lock"])
    assert second.json()["message"] == f"'m.bin' is already locked by {place.owner}."


def test_only_its_holder_or_an_administrator_by_force_may_unlock(team: tuple[Place, str]) -> None:
    place, mei = team
    mine = lock(place, "POST", body={"path": "mine.bin"}).json()["lock"]["id"]
    meis = lock(place, "POST", body={"path": "meis.bin"}, token=mei).json()["lock"]["id"]
    assert lock(place, "POST", f"/{mine}/unlock", {}, token=mei).status_code == 403
    assert lock(place, "POST", f"/{mine}/unlock", {"force": True}, token=mei).status_code == 403
    assert lock(place, "POST", f"/{meis}/unlock", {}).status_code == 403
    assert lock(place, "POST", f"/{meis}/unlock", {"force": True}).json()["lock"]["path"] == "meis.bin"
    assert lock(place, "POST", f"/{mine}/unlock", {}).status_code == 200
    assert lock(place, "POST", f"/{mine}/unlock", {}).status_code == 404
    assert lock(place, "POST", "/x/unlock", {}).status_code == 404


def test_ours_and_theirs_are_told_apart(team: tuple[Place, str]) -> None:
    place, mei = team
    lock(place, "POST", body={"path": "ours.bin"})
    lock(place, "POST", body={"path": "theirs.bin"}, token=mei)
    sides = lock(place, "POST", "/verify", {"ref": {"name": "refs/heads/main"}}).json()
    assert [held["path"] for held in sides["ours"]] == ["ours.bin"]
    assert [held["path"] for held in sides["theirs"]] == ["theirs.bin"]


def test_long_lists_come_in_pages(place: Place) -> None:
    for number in range(5):
        assert lock(place, "POST", body={"path": f"{number}.bin"}).status_code == 201
    seen, cursor = [], ""
    for _ in range(3):
        page = lock(place, "GET", limit=2, cursor=cursor).json()
        seen += [held["path"] for held in page["locks"]]
        cursor = page.get("next_cursor", "")
    assert (seen, cursor) == ([f"{number}.bin" for number in range(5)], "")
    page = lock(place, "POST", "/verify", {"limit": 3}).json()
    assert len(page["ours"]) == 3
    assert len(lock(place, "POST", "/verify", {"cursor": page["next_cursor"]}).json()["ours"]) == 2
    assert [held["path"] for held in lock(place, "GET", path="3.bin").json()["locks"]] == ["3.bin"]
    number = lock(place, "GET", path="3.bin").json()["locks"][0]["id"]
    assert [held["path"] for held in lock(place, "GET", id=number).json()["locks"]] == ["3.bin"]


@pytest.mark.parametrize("body", [{}, {"path": ""}, {"path": "../x"}, {"path": 3}, {"path": "x" * 2000}])
def test_a_lock_that_makes_no_sense_is_refused(place: Place, body: Any) -> None:
    answer = lock(place, "POST", body=body)
    assert (answer.status_code in (400, 422), bool(answer.json()["message"])) == (True, True)
    assert lock(place, "GET", cursor="rubbish").status_code == 422
    assert lock(place, "GET", limit="many").status_code == 400
