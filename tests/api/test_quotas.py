"""A used-up quota, told by each dialect in its own way, before the bytes are sent wherever that is possible."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from support.desk import Desk, Place
from support.servers import LiveHub
from yungu import accounts, hub

SHA256 = "ab" * 32
LFS_JSON = {"content-type": "application/vnd.git-lfs+json", "accept": "application/vnd.git-lfs+json"}


@dataclass
class Full:
    """A repo whose owner may keep 1000 bytes more."""

    place: Place
    http: httpx.Client

    @property
    def repo_id(self) -> str:
        return self.place.repo.repo_id


@pytest.fixture
def full(live: LiveHub) -> Iterator[Full]:
    place = Place(live, "model", "public")
    with live.site.db.write() as session:
        owner = accounts.get_user(session, place.owner)
        accounts.set_quota(session, owner, hub.used_bytes(session, owner.id) + 1000, by=None)
    with httpx.Client(base_url=live.url, headers={"authorization": f"Bearer {place.token}"}) as http:
        yield Full(place, http)


def test_the_hugging_face_client_is_told_at_the_commit(full: Full) -> None:
    file = {"path": "a.txt", "content": base64.b64encode(b"x" * 5000).decode(), "encoding": "base64"}
    lines = [{"key": "header", "value": {"summary": "add"}}, {"key": "file", "value": file}]
    body = "\n".join(json.dumps(line) for line in lines)

    answer = full.http.post(f"/api/models/{full.repo_id}/commit/main", content=body)

    assert answer.status_code == 413
    assert "used up" in answer.headers["x-error-message"]


def test_git_lfs_is_told_for_each_object(full: Full) -> None:
    body = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": SHA256, "size": 5000}]}

    answer = full.http.post(f"/{full.repo_id}.git/info/lfs/objects/batch", json=body, headers=LFS_JSON).json()

    error = answer["objects"][0]["error"]
    assert error["code"] == 507 and "used up" in error["message"]
    assert "actions" not in answer["objects"][0]


def test_an_object_that_fits_may_be_sent(full: Full) -> None:
    body = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": SHA256, "size": 500}]}
    answer = full.http.post(f"/{full.repo_id}.git/info/lfs/objects/batch", json=body, headers=LFS_JSON).json()
    assert "upload" in answer["objects"][0]["actions"]


def test_xet_is_refused_before_the_first_byte(full: Full) -> None:
    with full.place.live.site.db.write() as session:
        accounts.set_quota(session, accounts.get_user(session, full.place.owner), 1, by=None)

    answer = full.http.get(f"/api/models/{full.repo_id}/xet-write-token/main")

    assert answer.status_code == 413 and "used up" in answer.headers["x-error-message"]


def test_a_xorb_that_does_not_fit_is_not_read(full: Full) -> None:
    token = full.http.get(f"/api/models/{full.repo_id}/xet-write-token/main").json()
    headers = {"authorization": f"Bearer {token['accessToken']}"}

    answer = httpx.post(f"{token['casUrl']}/v1/xorbs/default/{SHA256}", headers=headers, content=b"x" * 5000)

    assert answer.status_code == 413 and "used up" in answer.json()["error"]


def test_modelscope_is_told_by_its_own_code(full: Full) -> None:
    body = {"operation": "upload", "objects": [{"oid": SHA256, "size": 5000}]}

    answer = full.http.post(f"/api/v1/repos/models/{full.repo_id}/info/lfs/objects/batch", json=body)

    assert answer.status_code == 403
    assert "used up" in answer.json()["Message"]


def test_a_push_is_refused_with_the_reason(full: Full, tmp_path: Path) -> None:
    clone = Desk(tmp_path).clone(full.place.url(), "c")
    noise = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(200))
    clone.commit({"noise.txt": noise.hex().encode()})

    said = clone.try_git("push", "origin", "main")

    assert said.status != 0
    assert "used up" in said.err
    assert "ask an administrator" in said.err


@dataclass
class Guest:
    """Somebody who proposes a change to a repo of another, and may keep 1000 bytes."""

    full: Full
    name: str
    token: str
    http: httpx.Client
    pull: int

    def used(self, name: str) -> int:
        with self.full.place.live.site.db.read() as session:
            return hub.used_bytes(session, accounts.get_user(session, name).id)


@pytest.fixture
def guest(full: Full, live: LiveHub) -> Iterator[Guest]:
    name = live.user()
    token = live.token(name)
    with live.site.db.write() as session:
        accounts.set_quota(session, accounts.get_user(session, name), 1000, by=None)
    with httpx.Client(base_url=live.url, headers={"authorization": f"Bearer {token}"}) as http:
        opened = http.post(
            f"/api/models/{full.repo_id}/discussions", json={"title": "more", "description": "", "pullRequest": True}
        )
        yield Guest(full, name, token, http, opened.json()["num"])


def test_a_guest_who_pushes_to_a_pull_request_is_held_to_the_guest_s_own_quota(guest: Guest, tmp_path: Path) -> None:
    place, owner = guest.full.place, guest.full.place.owner
    before = guest.used(owner)
    url = place.live.url.replace("://", f"://{guest.name}:{guest.token}@") + place.path
    clone = Desk(tmp_path).clone(url, "c")
    ref = f"refs/pr/{guest.pull}"
    clone.git("fetch", "-q", "origin", f"{ref}:pr")
    clone.git("checkout", "-q", "pr")
    clone.commit({"small.txt": b"small"})
    clone.git("push", "-q", "origin", f"pr:{ref}")
    noise = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(200))
    clone.commit({"noise.txt": noise.hex().encode()})

    said = clone.try_git("push", "origin", f"pr:{ref}")

    assert said.status != 0 and "used up" in said.err and guest.name in said.err
    assert guest.used(owner) == before and 0 < guest.used(guest.name) < 1000


def test_a_guest_who_proposes_by_hf_is_held_to_the_guest_s_own_quota(guest: Guest) -> None:
    before = guest.used(guest.full.place.owner)
    answers = []
    for size in (700, 700):
        file = {"path": f"{size}.txt", "content": base64.b64encode(b"x" * size).decode(), "encoding": "base64"}
        lines = [{"key": "header", "value": {"summary": "add"}}, {"key": "file", "value": file}]
        body = "\n".join(json.dumps(line) for line in lines)
        answers.append(
            guest.http.post(f"/api/models/{guest.full.repo_id}/commit/main", params={"create_pr": 1}, content=body)
        )
    assert [answer.status_code for answer in answers] == [200, 413]
    assert guest.name in answers[1].headers["x-error-message"]
    assert guest.used(guest.full.place.owner) == before and guest.used(guest.name) == 700
    batch = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": SHA256, "size": 500}]}
    told = guest.http.post(f"/{guest.full.repo_id}.git/info/lfs/objects/batch", json=batch, headers=LFS_JSON).json()
    assert told["objects"][0]["error"]["code"] == 507


def test_content_that_comes_with_a_push_counts_too(full: Full, live: LiveHub) -> None:
    """The address was given out while there was room."""
    data = b"y" * 900
    sha256 = hashlib.sha256(data).hexdigest()
    body = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": sha256, "size": len(data)}]}
    batch = full.http.post(f"/{full.repo_id}.git/info/lfs/objects/batch", json=body, headers=LFS_JSON).json()
    with live.site.db.write() as session:
        accounts.set_quota(session, accounts.get_user(session, full.place.owner), 10, by=None)

    answer = httpx.put(batch["objects"][0]["actions"]["upload"]["href"], content=data)

    assert answer.status_code == 413 and "used up" in answer.headers["x-error-message"]
