"""git-lfs with the real client, and the transfers of Hugging Face clients by hand."""

from __future__ import annotations

import hashlib
import os
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from support.desk import Desk, Place
from support.keeping import upload_xet
from support.servers import LiveHub
from yungu.api.git import lfs
from yungu.api.http.signing import sign
from yungu.hub import CommitPlan, LfsPut
from yungu.storage import content

JSON = {"accept": "application/vnd.git-lfs+json", "content-type": "application/vnd.git-lfs+json"}


@pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)
def test_what_git_lfs_pushes_is_cloned_byte_by_byte(desk: Desk, live: LiveHub) -> None:
    place = Place(live, "model", "public")
    data = os.urandom(3_000_001)
    clone = desk.clone(place.url(), "c")
    oid = clone.commit({"w/model.bin": data, "small.bin": b"\0small"})
    clone.git("push", "-q", "origin", "main")
    assert live.world.resolve(place.repo) == oid
    assert live.world.read(place.repo, "w/model.bin").startswith(b"version https://git-lfs.github.com/spec/v1\n")
    again = desk.clone(place.url(""), "again")
    assert again.read("w/model.bin") == data
    assert again.read("small.bin") == b"\0small"
    assert live.world.fresh(place.repo).stored_bytes == 3_000_001 + 6
    assert live.site.store.path(content.raw_key(sha256(data))).read_bytes() == data


def test_a_pointer_without_its_content_is_refused(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    clone.commit({"model.bin": os.urandom(1000)})
    said = clone.try_git("push", "--no-verify", "origin", "main")  # without the hook that sends the content
    assert said.status != 0
    assert "LFS pointer pointed to a file that does not exist" in said.err
    assert place.live.world.paths(place.repo) == ["a.txt"]
    clone.git("push", "-q", "origin", "main")
    assert "model.bin" in place.live.world.paths(place.repo)


def test_a_pointer_with_a_wrong_size_is_refused(desk: Desk, place: Place) -> None:
    data = os.urandom(1000)
    place.live.world.upload(place.repo, data, by=place.live.actor(place.owner))
    clone = desk.clone(place.url(), "c")
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(data)}\nsize 999\n"
    clone.commit({"model.txt": text.encode()})
    said = clone.try_git("push", "--no-verify", "origin", "main")
    assert "'model.txt' is said to have 999 bytes, but its content has 1000" in said.err


def test_content_that_only_others_may_read_is_not_told_apart_from_none(desk: Desk, place: Place, live: LiveHub) -> None:
    secret, data = Place(live, "model", "private"), os.urandom(1000)
    upload_whole(secret, data)
    commit(secret, data)
    clone = desk.clone(place.url(), "c")
    clone.commit({"model.bin": data})
    assert "does not exist" in clone.try_git("push", "--no-verify", "origin", "main").err
    assert "actions" in batch(place, "upload", data)["objects"][0]


def test_content_that_the_actor_may_read_is_not_sent_again(desk: Desk, place: Place, live: LiveHub) -> None:
    public, data = Place(live, "model", "public"), os.urandom(1000)
    upload_whole(public, data)
    commit(public, data)
    assert "actions" not in batch(place, "upload", data)["objects"][0]
    clone = desk.clone(place.url(), "c")
    clone.commit({"model.bin": data})
    clone.git("push", "-q", "--no-verify", "origin", "main")
    assert desk.clone(place.url(""), "again").read("model.bin") == data


def test_a_signed_address_needs_nothing_else(place: Place) -> None:
    data = os.urandom(100_000)
    answer = batch(place, "upload", data, transfers=["basic", "multipart"])
    assert answer["transfer"] == "basic"
    actions = answer["objects"][0]["actions"]
    assert actions["upload"]["expires_in"] > 0
    assert "header" not in actions["upload"]
    assert httpx.put(actions["upload"]["href"], content=data).status_code == 200
    verified = httpx.post(actions["verify"]["href"], json={"oid": sha256(data), "size": len(data)}, headers=JSON)
    assert verified.status_code == 200
    assert "actions" not in batch(place, "upload", data)["objects"][0]
    download = batch(place, "download", data, token="")["objects"][0]["actions"]["download"]["href"]
    assert httpx.get(download).content == data
    part = httpx.get(download, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])


def test_an_address_that_was_changed_or_is_too_old_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    data, other = os.urandom(1000), os.urandom(1000)
    href = batch(place, "upload", data)["objects"][0]["actions"]["upload"]["href"]
    assert httpx.put(href.replace(sha256(data), sha256(other)), content=other).status_code == 403
    assert httpx.put(href[:-3] + "abc", content=data).status_code == 403
    assert httpx.put(href.split("?")[0], content=data).status_code == 403
    assert httpx.get(href).status_code == 403
    monkeypatch.setattr(lfs, "UPLOAD_SECONDS", -1)
    href = batch(place, "upload", data)["objects"][0]["actions"]["upload"]["href"]
    refused = httpx.put(href, content=data)
    assert (refused.status_code, refused.json()["message"][:24]) == (403, "This address has expired")


def test_wrong_bytes_are_refused_and_not_kept(place: Place) -> None:
    data = os.urandom(5000)
    href = batch(place, "upload", data)["objects"][0]["actions"]["upload"]["href"]
    answer = httpx.put(href, content=data[:-1] + b"!")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/vnd.git-lfs+json"
    assert "not " + sha256(data) in answer.json()["message"]
    assert httpx.put(href, content=data + b"!").status_code == 413
    assert httpx.put(href, content=data[:-1]).status_code == 400
    assert not place.live.site.store.exists(content.raw_key(sha256(data)))
    assert "actions" in batch(place, "upload", data)["objects"][0]
    assert httpx.put(href, content=data).status_code == 200


def test_an_upload_that_is_cut_off_leaves_nothing(place: Place) -> None:
    data = os.urandom(4 << 20)
    href = batch(place, "upload", data)["objects"][0]["actions"]["upload"]["href"]
    address = urlsplit(href)
    head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as client:
        client.sendall(head.encode() + data[: 3 << 20])
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    assert "actions" in batch(place, "upload", data)["objects"][0]
    assert [file for file in (place.live.data / "tmp").iterdir() if file.is_file()] == []


def test_a_large_upload_goes_in_parts_and_goes_on_where_it_stopped(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch)
    data = os.urandom(2_500_001)
    first = begin_parts(place, data)
    assert first["chunk_size"] == "1000000"
    assert [key for key in first if key.isdigit()] == ["1", "2", "3"]
    assert httpx.put(first["1"], content=data[:1_000_000]).headers["etag"]
    assert httpx.put(first["3"], content=data[2_000_000:]).headers["etag"]
    unfinished = complete(place, data, 3)
    assert (unfinished.status_code, "lacks parts [2]" in unfinished.json()["message"]) == (422, True)
    again = begin_parts(place, data)
    assert httpx.put(again["2"], content=data[1_000_000:2_000_000]).status_code == 200
    assert complete(place, data, 3).status_code == 200
    assert complete(place, data, 3).status_code == 200
    assert place.live.site.store.path(content.raw_key(sha256(data))).read_bytes() == data
    assert "actions" not in batch(place, "upload", data, transfers=["basic", "multipart"])["objects"][0]


def test_parts_that_are_not_as_agreed_are_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch)
    data = os.urandom(2_500_001)
    header = begin_parts(place, data)
    assert httpx.put(header["3"], content=data[:1_000_000]).status_code == 413
    assert httpx.put(header["1"], content=data[:999_999]).status_code == 400
    assert httpx.put(header["1"].replace("part=1", "part=4"), content=b"").status_code == 422
    for number, start in enumerate((0, 1_000_000, 2_000_000), 1):
        wrong = bytes(len(data[start : start + 1_000_000]))
        assert httpx.put(header[str(number)], content=wrong).status_code == 200
    assert complete(place, data, 2).status_code == 422
    refused = complete(place, data, 3)
    assert (refused.status_code, "sha256" in refused.json()["message"]) == (422, True)
    assert not place.live.site.store.exists(content.raw_key(sha256(data)))
    assert list((place.live.data / "tmp/parts").glob("*/*")) == []


@pytest.mark.parametrize(
    ("oid", "size", "code"),
    [("x", 1, 422), ("A" * 64, 1, 422), ("a" * 64, -1, 422), ("a" * 64, 1 << 60, 422), ("../" + "a" * 61, 1, 422)],
)
def test_an_object_that_makes_no_sense_has_its_own_error(place: Place, oid: str, size: int, code: int) -> None:
    good = os.urandom(10)
    objects = [{"oid": oid, "size": size}, {"oid": sha256(good), "size": 10}]
    bad, fine = ask(place, {"operation": "upload", "objects": objects}).json()["objects"]
    assert bad["error"]["code"] == code
    assert "actions" not in bad
    assert "upload" in fine["actions"]


def test_what_the_repo_does_not_have_cannot_be_fetched(place: Place) -> None:
    data = os.urandom(10)
    assert batch(place, "download", data)["objects"][0]["error"]["code"] == 404
    upload_whole(place, data)
    wrong = ask(place, {"operation": "download", "objects": [{"oid": sha256(data), "size": 11}]}).json()
    assert wrong["objects"][0]["error"]["code"] == 422
    base = f"{place.live.url}{place.path}/info/lfs/objects"
    bearer = {"authorization": f"Bearer {place.token}"}
    assert httpx.get(f"{base}/{sha256(data)}", headers=bearer).content == data
    assert httpx.get(f"{base}/{'0' * 64}", headers=bearer).status_code == 404


def test_a_batch_that_makes_no_sense_is_refused_in_the_dialects_shape(place: Place) -> None:
    one = {"oid": "a" * 64, "size": 1}
    bad: list[tuple[Any, int]] = [
        ({"operation": "steal", "objects": []}, 400),
        ({"operation": "upload"}, 400),
        ({"operation": "upload", "objects": [one], "hash_algo": "md5"}, 409),
        ({"operation": "upload", "objects": [one] * 1001}, 413),
        ([], 400),
    ]
    for body, status in bad:
        answer = ask(place, body)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/vnd.git-lfs+json"
        assert answer.json()["message"]


def test_content_that_is_stored_as_xorbs_is_sent_all_the_same(place: Place, live: LiveHub) -> None:
    chunks = [os.urandom(100_000) for _ in range(3)]
    data = b"".join(chunks)
    upload_xet(live.world, place.repo, chunks, by=live.actor(place.owner))
    href = batch(place, "download", data)["objects"][0]["actions"]["download"]["href"]
    assert httpx.get(href).content == data
    part = httpx.get(href, headers={"range": "bytes=100000-200000"})
    assert (part.status_code, part.content) == (206, data[100_000:200_001])


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ask(place: Place, body: Any, *, token: str | None = None) -> httpx.Response:
    return httpx.post(f"{place.url(token)}/info/lfs/objects/batch", json=body, headers=JSON)


def batch(
    place: Place, operation: str, data: bytes, *, token: str | None = None, transfers: list[str] | None = None
) -> Any:
    objects = [{"oid": sha256(data), "size": len(data)}]
    body = {"operation": operation, "objects": objects, "transfers": transfers or ["basic"], "hash_algo": "sha256"}
    answer = ask(place, body, token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


def upload_whole(place: Place, data: bytes) -> None:
    href = batch(place, "upload", data)["objects"][0]["actions"]["upload"]["href"]
    assert httpx.put(href, content=data).status_code == 200


def commit(place: Place, data: bytes) -> None:
    """Refer to uploaded content."""
    plan = CommitPlan("main", [LfsPut("w.bin", sha256(data))], "add")
    place.live.world.apply(place.repo, plan, by=place.live.actor(place.owner))


def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lfs, "MULTIPART_OVER_BYTES", 1_000_000)
    monkeypatch.setattr(lfs, "PART_BYTES", 1_000_000)


def begin_parts(place: Place, data: bytes) -> dict[str, str]:
    answer = batch(place, "upload", data, transfers=["basic", "multipart"])
    assert answer["transfer"] == "multipart"
    header: dict[str, str] = answer["objects"][0]["actions"]["upload"]["header"]
    return header


def complete(place: Place, data: bytes, count: int) -> httpx.Response:
    """Say that ``count`` parts are sent. The address is the one that the batch gave when there was no content yet."""
    actor = place.live.actor(place.owner)
    grant = lfs.Grant("upload", place.repo.id, sha256(data), len(data), actor.id, lfs.PART_BYTES)
    token = sign(place.live.site.secret, "git-lfs", grant, lifetime_seconds=60)
    parts = [{"partNumber": number, "etag": "x"} for number in range(1, count + 1)]
    url = f"{place.live.url}{place.path}/info/lfs/objects/{sha256(data)}?token={token}"
    return httpx.post(url, json={"oid": sha256(data), "parts": parts}, headers=JSON)


def test_content_of_others_is_not_had_by_naming_it_where_an_earlier_commit_names_ones_own(
    desk: Desk, place: Place, live: LiveHub
) -> None:
    secret, data, own = Place(live, "model", "private"), os.urandom(1000), os.urandom(1000)
    upload_whole(secret, data)
    commit(secret, data)
    place.live.world.upload(place.repo, own, by=live.actor(place.owner))
    clone = desk.clone(place.url(), "c")
    clone.commit({"model.txt": pointer(own)})
    clone.commit({"model.txt": pointer(data)})

    said = clone.try_git("push", "--no-verify", "origin", "main")

    assert "LFS pointer pointed to a file that does not exist" in said.err
    assert "model.txt" not in live.world.paths(place.repo)


def pointer(data: bytes) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(data)}\nsize {len(data)}\n".encode()


@pytest.mark.parametrize("door", ["raw", "resolve"])
def test_a_commit_that_came_along_unasked_shows_no_content_of_others(
    desk: Desk, place: Place, live: LiveHub, door: str
) -> None:
    secret, data = Place(live, "model", "private"), os.urandom(1000)
    upload_whole(secret, data)
    commit(secret, data)
    clone = desk.clone(place.url(), "c")
    evil = clone.commit({"model.txt": pointer(data)})
    clone.git("checkout", "-q", "-b", "good", "origin/main")
    good = clone.commit({"b.txt": b"harmless"})
    body = clone.push_body([("0" * 40, evil, "refs/heads/evil"), ("0" * 40, good, "refs/heads/good")])
    push = {"content-type": "application/x-git-receive-pack-request"}
    sent = httpx.post(f"{place.url()}/git-receive-pack", content=body, headers=push)
    assert b"ok refs/heads/good" in sent.content and b"ng refs/heads/evil" in sent.content

    got = httpx.get(f"{place.live.url}/{place.repo.repo_id}/{door}/{evil}/model.txt")

    assert got.status_code != 200 and data not in got.content


def test_a_commit_that_came_along_unasked_is_checked_when_a_later_push_names_it(
    desk: Desk, place: Place, live: LiveHub
) -> None:
    secret, data = Place(live, "model", "private"), os.urandom(1000)
    upload_whole(secret, data)
    commit(secret, data)
    clone = desk.clone(place.url(), "c")
    evil = clone.commit({"model.txt": pointer(data)})
    clone.git("checkout", "-q", "-b", "good", "origin/main")
    good = clone.commit({"b.txt": b"harmless"})
    push = {"content-type": "application/x-git-receive-pack-request"}
    address, nothing = f"{place.url()}/git-receive-pack", "0" * 40
    both = clone.push_body([(nothing, evil, "refs/heads/evil"), (nothing, good, "refs/heads/good")])
    assert b"ok refs/heads/good" in httpx.post(address, content=both, headers=push).content
    assert place.live.site.git.open(place.repo.id).has(evil)
    empty = b"PACK\0\0\0\2\0\0\0\0"
    again = clone.push_body([(nothing, evil, "refs/heads/evil")]).split(b"PACK")[0]
    again += empty + hashlib.sha1(empty).digest()

    sent = httpx.post(address, content=again, headers=push)

    assert b"unpack ok" in sent.content and b"ng refs/heads/evil" in sent.content
    assert "refs/heads/evil" not in place.refs()
