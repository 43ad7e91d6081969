"""Contents over the wire: nobody gets wrong bytes, other people's bytes, or hears that they exist."""

from __future__ import annotations

import hashlib
import os
import socket

import httpx
import pytest

from support.hf import HfPerson, Line, file, header, lfs_file
from support.servers import LiveHub

LFS = {"content-type": "application/vnd.git-lfs+json", "accept": "application/vnd.git-lfs+json"}


@pytest.fixture
def weights() -> bytes:
    """Content nobody has uploaded before."""
    return os.urandom(200_000)


def test_wrong_bytes_under_an_oid_are_refused_and_never_served(
    lin_hf: HfPerson, mei_hf: HfPerson, live: LiveHub, tea: str, weights: bytes
) -> None:
    sha256, size = hashlib.sha256(weights).hexdigest(), len(weights)
    action = mei_hf.lfs_batch(mei_hf.create(live.fresh_name("poison")), sha256, size)["actions"]["upload"]
    for poison in (b"x" * size, weights[:-1] + b"\0", weights[:-1], weights + b"\0"):
        answer = httpx.put(action["href"], content=poison, headers=action.get("header", {}))
        assert 400 <= answer.status_code < 500, answer.status_code

    # whoever has the true file is not told that it is there, and it is the true one that is served
    assert "upload" in lin_hf.lfs_batch(tea, sha256, size)["actions"]
    lin_hf.put_lfs(tea, "model.bin", weights)
    assert lin_hf.get(tea, "model.bin").content == weights


def test_wrong_bytes_cannot_be_committed(lin_hf: HfPerson, tea: str, weights: bytes) -> None:
    sha256 = hashlib.sha256(weights).hexdigest()
    action = lin_hf.lfs_batch(tea, sha256, len(weights))["actions"]["upload"]
    httpx.put(action["href"], content=weights[:-1], headers=action.get("header", {}))
    assert lin_hf.send(tea, [header("x"), lfs_file("a.bin", sha256, len(weights))]).status_code == 422
    assert lin_hf.paths(tea) == []


def test_a_true_content_with_a_false_size_is_refused(lin_hf: HfPerson, tea: str, weights: bytes) -> None:
    sha256 = lin_hf.upload_lfs(tea, weights)
    answer = lin_hf.send(tea, [header("x"), lfs_file("a.bin", sha256, 7)])
    assert answer.status_code == 422
    assert str(len(weights)) in answer.json()["error"]


def test_a_private_content_cannot_be_claimed_by_its_sha256(
    lin_hf: HfPerson, mei_hf: HfPerson, live: LiveHub, silk: str, weights: bytes
) -> None:
    lin_hf.put_lfs(silk, "model.bin", weights)
    sha256, mine = hashlib.sha256(weights).hexdigest(), mei_hf.create(live.fresh_name("mine"))

    claimed = mei_hf.send(mine, [header("mine now"), lfs_file("model.bin", sha256, len(weights))])
    unknown = mei_hf.send(mine, [header("nobody's"), lfs_file("model.bin", "0" * 64, len(weights))])
    assert claimed.status_code == unknown.status_code == 422
    assert claimed.json()["error"].replace(sha256, "0" * 64) == unknown.json()["error"]

    assert "upload" in mei_hf.lfs_batch(mine, sha256, len(weights))["actions"]
    down = mei_hf.lfs_batch(mine, sha256, len(weights), operation="download")
    nowhere = mei_hf.lfs_batch(mine, "0" * 64, len(weights), operation="download")
    assert down["error"]["code"] == nowhere["error"]["code"] == 404
    # with the bytes in hand it is hers as well
    mei_hf.put_lfs(mine, "model.bin", weights)
    assert mei_hf.get(mine, "model.bin").content == weights


def pointer_file(path: str, sha256: str, size: int) -> Line:
    return file(path, f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode())


def test_a_private_content_cannot_be_claimed_by_a_pointer_sent_as_a_file(
    lin_hf: HfPerson, mei_hf: HfPerson, live: LiveHub, silk: str, weights: bytes
) -> None:
    lin_hf.put_lfs(silk, "model.bin", weights)
    sha256, mine = hashlib.sha256(weights).hexdigest(), mei_hf.create(live.fresh_name("mine"))
    for proposes in ({}, {"create_pr": "1"}):
        answer = mei_hf.send(mine, [header("x"), pointer_file("p.bin", sha256, len(weights))], **proposes)
        assert answer.status_code == 422
        assert mei_hf.get(mine, "p.bin").status_code == 404


def test_a_pointer_sent_as_a_file_stands_for_content_one_may_read(lin_hf: HfPerson, tea: str, weights: bytes) -> None:
    sha256 = lin_hf.upload_lfs(tea, weights)
    assert lin_hf.send(tea, [header("x"), pointer_file("p.bin", sha256, len(weights))]).status_code == 200
    assert lin_hf.get(tea, "p.bin").content == weights
    assert lin_hf.send(tea, [header("x"), pointer_file("p.bin", sha256, 7)]).status_code == 422


def test_a_content_of_a_public_repo_may_be_used_by_its_readers(
    lin_hf: HfPerson, mei_hf: HfPerson, live: LiveHub, tea: str, weights: bytes
) -> None:
    lin_hf.put_lfs(tea, "model.bin", weights)
    mine, sha256 = mei_hf.create(live.fresh_name("mine")), hashlib.sha256(weights).hexdigest()
    assert mei_hf.send(mine, [header("x"), lfs_file("model.bin", sha256, len(weights))]).status_code == 200
    lin_hf.http.request("DELETE", "/api/repos/delete", json={"name": tea})
    assert mei_hf.get(mine, "model.bin").content == weights


def test_an_upload_address_is_good_for_its_own_content_only(lin_hf: HfPerson, tea: str, weights: bytes) -> None:
    other = os.urandom(1000)
    action = lin_hf.lfs_batch(tea, hashlib.sha256(weights).hexdigest(), len(weights))["actions"]["upload"]
    oid, forged = hashlib.sha256(weights).hexdigest(), hashlib.sha256(other).hexdigest()
    assert httpx.put(action["href"], content=other).status_code >= 400
    assert httpx.put(action["href"].replace(oid, forged), content=other).status_code >= 400
    assert httpx.put(action["href"][:-4] + "AAAA", content=weights).status_code >= 400
    assert "actions" in lin_hf.lfs_batch(tea, forged, len(other))


def test_a_broken_upload_leaves_nothing_and_can_be_sent_again(
    lin_hf: HfPerson, live: LiveHub, tea: str, weights: bytes
) -> None:
    sha256 = hashlib.sha256(weights).hexdigest()
    href = httpx.URL(lin_hf.lfs_batch(tea, sha256, len(weights))["actions"]["upload"]["href"])
    with socket.create_connection((href.host, href.port or 80)) as raw:
        head = f"PUT {href.raw_path.decode()} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(weights)}\r\n\r\n"
        raw.sendall(head.encode() + weights[:100_000])
    assert "actions" in lin_hf.lfs_batch(tea, sha256, len(weights))
    lin_hf.put_lfs(tea, "model.bin", weights)
    assert lin_hf.get(tea, "model.bin").content == weights


@pytest.mark.parametrize("private", [False, True])
def test_a_moved_repo_is_found_under_its_former_name(
    lin_hf: HfPerson, mei_hf: HfPerson, live: LiveHub, weights: bytes, private: bool
) -> None:
    old = lin_hf.create(live.fresh_name("old"), private=private)
    new = f"{lin_hf.name}/{live.fresh_name('new')}"
    lin_hf.put_lfs(old, "model.bin", weights)
    lin_hf.put(old, {"a.txt": b"hello"})
    lin_hf.api.move_repo(old, new)

    for name in (old, new):
        info = lin_hf.http.get(f"/api/models/{name}", follow_redirects=True)
        assert info.json()["id"] == new
        answer = lin_hf.http.get(f"/{name}/resolve/main/a.txt", follow_redirects=True)
        assert (answer.status_code, answer.content) == (200, b"hello")
        assert lin_hf.http.get(f"/{name}/resolve/main/model.bin", follow_redirects=True).content == weights
        assert mei_hf.http.get(f"/api/models/{name}").status_code == (404 if private else 200)
        assert lin_hf.api.file_exists(name, "a.txt")
    lin_hf.put(old, {"b.txt": b"by the old name"})
    assert lin_hf.get(new, "b.txt").content == b"by the old name"


def test_a_new_repo_takes_a_former_name_over(lin_hf: HfPerson, live: LiveHub) -> None:
    old = lin_hf.create(live.fresh_name("old"))
    lin_hf.api.move_repo(old, f"{old}-moved")
    assert lin_hf.create(old.rpartition("/")[2]) == old
    assert lin_hf.http.get(f"/api/models/{old}").json()["id"] == old
    assert lin_hf.http.get(f"/api/models/{old}-moved").json()["id"] == f"{old}-moved"


def test_a_duplicate_has_everything_and_goes_its_own_way(
    lin_hf: HfPerson, mei_hf: HfPerson, live: LiveHub, tea: str, weights: bytes
) -> None:
    lin_hf.put_lfs(tea, "model.bin", weights)
    commit = lin_hf.put(tea, {"a.txt": b"one"})
    lin_hf.api.create_branch(tea, branch="dev")
    lin_hf.api.create_tag(tea, tag="v1")
    copy = f"{mei_hf.name}/{live.fresh_name('copy')}"
    assert str(mei_hf.api.duplicate_repo(tea, to_id=copy).repo_id) == copy

    assert mei_hf.get(copy, "model.bin").content == weights
    assert mei_hf.http.get(f"/api/models/{copy}").json()["sha"] == commit
    assert mei_hf.get(copy, "a.txt", rev="v1").content == mei_hf.get(copy, "a.txt", rev="dev").content == b"one"
    mei_hf.put(copy, {"a.txt": b"two"})
    assert lin_hf.get(tea, "a.txt").content == b"one"


def test_a_private_repo_cannot_be_duplicated_by_others(mei_hf: HfPerson, live: LiveHub, silk: str) -> None:
    answer = mei_hf.http.post(
        f"/api/models/{silk}/duplicate", json={"repository": f"{mei_hf.name}/{live.fresh_name()}"}
    )
    assert answer.headers["x-error-code"] == "RepoNotFound"


def test_what_was_private_once_is_private_in_every_dialect(
    lin_hf: HfPerson, mei_hf: HfPerson, tea: str, weights: bytes
) -> None:
    sha256 = lin_hf.upload_lfs(tea, weights)
    lin_hf.put_lfs(tea, "model.bin", weights)
    down = mei_hf.lfs_batch(tea, sha256, len(weights), operation="download")["actions"]["download"]
    assert httpx.get(down["href"], headers=down.get("header", {})).content == weights
    lin_hf.api.update_repo_settings(tea, private=True)
    assert mei_hf.get(tea, "model.bin").status_code == 404
    batch = {"operation": "download", "objects": [{"oid": sha256, "size": len(weights)}]}
    assert mei_hf.http.post(f"/{tea}.git/info/lfs/objects/batch", json=batch, headers=LFS).status_code in (401, 404)
    assert mei_hf.http.get(f"/{tea}.git/info/refs?service=git-upload-pack").status_code in (401, 404)


def test_older_clients_are_told_to_upload_by_xet_when_they_can(lin_hf: HfPerson, tea: str, weights: bytes) -> None:
    """Releases 0.36 to 1.19 offer it in the batch request; git's own clients never ask for "multipart"."""
    for offered, chosen in [
        (["basic", "multipart", "xet"], "xet"),
        (["basic", "multipart"], "basic"),
        (["basic", "xet"], "basic"),
        (["basic"], "basic"),
    ]:
        objects = [{"oid": hashlib.sha256(weights).hexdigest(), "size": len(weights)}]
        body = {"operation": "upload", "transfers": offered, "objects": objects}
        answer = lin_hf.http.post(f"/{tea}.git/info/lfs/objects/batch", json=body, headers=LFS)
        assert answer.json()["transfer"] == chosen
