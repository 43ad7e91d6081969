"""Who may do what with git and git-lfs, and what everybody else is told."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from support.desk import Desk, Place
from support.servers import LiveHub
from yungu import accounts, hub
from yungu.api.git.push_body import PushBody
from yungu.api.git.push_outcome import settle
from yungu.storage.quarantine import Quarantine

JSON = {"content-type": "application/vnd.git-lfs+json"}
UPLOAD = {"operation": "upload", "objects": [{"oid": "a" * 64, "size": 1}]}
DOWNLOAD = {"operation": "download", "objects": [{"oid": "a" * 64, "size": 1}]}
DOORS = {
    "fetch": ("GET", "/info/refs?service=git-upload-pack", None),
    "push": ("GET", "/info/refs?service=git-receive-pack", None),
    "lfs-fetch": ("POST", "/info/lfs/objects/batch", DOWNLOAD),
    "lfs-push": ("POST", "/info/lfs/objects/batch", UPLOAD),
    "locks": ("GET", "/info/lfs/locks", None),
    "lock": ("POST", "/info/lfs/locks", {"path": "x.bin"}),
    "verify-locks": ("POST", "/info/lfs/locks/verify", {}),
}
READS = ("fetch", "lfs-fetch", "locks")


class Tea:
    """An organization with a repo and one token for everybody who might come."""

    def __init__(self, live: LiveHub, visibility: hub.Visibility) -> None:
        self.live = live
        self.client = httpx.Client(base_url=live.url)
        people = {role: live.user() for role in ("admin", "write", "contributor", "read", "stranger")}
        name = live.fresh_name("org")
        members = {role: [live.actor(people[role])] for role in ("write", "contributor", "read")}
        live.world.organization(name, admin=live.actor(people["admin"]), **members)  # type: ignore[arg-type]
        repo_id = f"{name}/tea"
        self.repo = live.world.repo(repo_id, by=live.actor(people["admin"]), visibility=visibility)
        self.tokens = {role: live.token(user) for role, user in people.items()}
        self.tokens |= {
            "nobody": "",
            "read-token": live.token(people["admin"], "read"),
            "fine-read": live.token(people["admin"], "fine-grained", grants=[(f"models/{repo_id}", "read")]),
            "fine-write": live.token(people["admin"], "fine-grained", grants=[(f"models/{repo_id}", "write")]),
            "fine-other": live.token(people["admin"], "fine-grained", grants=[("models/x/y", "write")]),
            "revoked": "yg_revoked",
        }

    def knock(self, who: str, door: str) -> int:
        method, path, body = DOORS[door]
        auth = ("anybody", self.tokens[who]) if self.tokens[who] else None
        answer = self.client.request(method, f"/{self.repo.repo_id}.git{path}", json=body, headers=JSON, auth=auth)
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"].startswith("Basic realm=")
            assert ("lfs-authenticate" in answer.headers) == ("/lfs/" in path)
        return answer.status_code


def expected(who: str, visibility: str, door: str) -> set[int]:
    writers = {"admin", "write", "fine-write"}
    readers = writers | {"contributor", "read", "read-token", "fine-read"}
    if who == "revoked":
        return {401}
    sees = who in readers or visibility == "public" or (visibility == "internal" and who == "stranger")
    if not sees:
        return {401} if who == "nobody" else {404}
    proposes = door == "lfs-push" and who in {"contributor", "read", "stranger"}  # a pull request brings its content
    if door in READS or who in writers or proposes:
        return {200, 201, 409}
    return {401} if who == "nobody" else {403}


@pytest.mark.parametrize("visibility", ["public", "internal", "private"])
def test_every_door_opens_for_whom_it_should(live: LiveHub, visibility: hub.Visibility) -> None:
    tea = Tea(live, visibility)
    wrong = {
        (who, door): status
        for who in tea.tokens
        for door in DOORS
        if (status := tea.knock(who, door)) not in expected(who, visibility, door)
    }
    tea.client.close()
    assert wrong == {}


def test_a_repo_that_does_not_exist_looks_like_one_that_is_private(live: LiveHub, private_place: Place) -> None:
    stranger = live.token(live.user())
    for path in (private_place.path, "/datasets/no/body.git", "/no/body"):
        there = f"{live.url}{path}/info/refs?service=git-upload-pack"
        assert httpx.get(there).status_code == 401
        assert httpx.get(there, auth=("x", stranger)).status_code == 404


def test_a_private_repo_is_cloned_with_a_token_and_only_with_it(desk: Desk, private_place: Place) -> None:
    assert desk.clone(private_place.url(), "c").read("a.txt") == b"hello\n"
    said = desk.try_git("clone", private_place.url(""), "d")
    assert "Authentication failed" in said.err or "could not read Username" in said.err
    stranger = private_place.live.token(private_place.live.user())
    said = desk.try_git("clone", private_place.url(stranger), "e")
    assert "not found" in said.err


def test_a_reader_who_pushes_is_told_why_not(desk: Desk, place: Place) -> None:
    reader = place.live.token(place.live.user())
    clone = desk.clone(place.url(reader), "c")
    clone.commit({"x": b"1"})
    said = clone.try_git("push", "origin", "main")
    assert "remote: You need write access to" in said.err
    assert "403" in said.err
    body = clone.push_body([(clone.head("HEAD~1"), clone.head(), "refs/heads/main")])
    headers = {"content-type": "application/x-git-receive-pack-request"}
    assert httpx.post(f"{place.url(reader)}/git-receive-pack", content=body, headers=headers).status_code == 403
    assert httpx.post(f"{place.url('')}/git-receive-pack", content=body, headers=headers).status_code == 401
    assert place.live.world.history(place.repo) == ["initial commit"]


def test_a_gated_repo_asks_visitors_in(place: Place) -> None:
    owner = place.live.actor(place.owner)
    place.live.world.write_in(hub.change_settings, place.repo, owner, gated="manual")
    there = f"{place.live.url}{place.path}/info/refs?service=git-upload-pack"
    assert httpx.get(there).status_code == 401
    stranger = httpx.get(there, auth=("x", place.live.token(place.live.user())))
    assert (stranger.status_code, "restricted" in stranger.text) == (403, True)
    assert httpx.get(there, auth=("x", place.token)).status_code == 200


def test_a_repo_that_vanishes_in_the_middle_of_a_push_ends_it(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    oid = clone.commit({"x": b"1"})
    site = place.live.site
    body = PushBody(lambda: Quarantine(site.git.open(place.repo.id)))
    body.write(clone.push_body([("0" * 40, oid, "refs/heads/late")]))
    place.live.world.write_in(hub.delete_repo, place.repo, place.live.actor(place.owner))
    told = settle(site, place.repo, place.live.actor(place.owner), body)
    assert b"ng refs/heads/late" in told


def test_who_loses_the_right_in_the_middle_of_a_push_pushes_nothing(desk: Desk, place: Place) -> None:
    world, owner = place.live.world, place.live.actor(place.owner).user
    clone = desk.clone(place.url(), "c")
    whole = clone.push_body([("0" * 40, clone.commit({"x": b"1"}), "refs/heads/late")])

    def body() -> Iterator[bytes]:
        yield whole[:-1]
        world.write_in(accounts.suspend_user, owner, by=None)
        yield whole[-1:]

    headers = {"content-type": "application/x-git-receive-pack-request"}
    assert httpx.post(f"{place.url()}/git-receive-pack", content=body(), headers=headers).status_code == 401
    assert set(place.refs()) == {"refs/heads/main"}
    assert place.quarantines() == []
