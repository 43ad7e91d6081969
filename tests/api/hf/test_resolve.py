"""Files by address: what the headers tell the client's cache, ranges and conditions, names that need care."""

from __future__ import annotations

import hashlib
import os
from urllib.parse import quote

import pytest

from support.hf import HfPerson, header, lfs_file
from support.servers import LiveHub

TEXT = b"The first flush is picked in March.\n"
WEIGHTS = os.urandom(300_000)


def blob_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@pytest.fixture
def weights(live: LiveHub) -> bytes:
    """Content nobody has uploaded before."""
    return live.fresh_name().encode() + WEIGHTS


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_regular_file_has_all_the_headers_that_the_cache_wants(
    lin_hf: HfPerson, stranger: HfPerson, tea: str, method: str
) -> None:
    commit = lin_hf.put(tea, {"docs/a.txt": TEXT})
    answer = stranger.http.request(method, f"/{tea}/resolve/main/docs/a.txt", headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["x-repo-commit"] == commit
    assert answer.headers["etag"] == answer.headers["x-linked-etag"] == f'"{blob_oid(TEXT)}"'
    assert answer.headers["content-length"] == answer.headers["x-linked-size"] == str(len(TEXT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"].endswith('filename="a.txt";')
    assert answer.headers["x-request-id"]
    assert "content-encoding" not in answer.headers
    assert "x-xet-hash" not in answer.headers
    assert answer.content == (TEXT if method == "GET" else b"")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_an_lfs_file_is_named_by_its_sha256(
    lin_hf: HfPerson, stranger: HfPerson, tea: str, weights: bytes, method: str
) -> None:
    commit = lin_hf.put_lfs(tea, "model.bin", weights)
    answer = stranger.http.request(method, f"/{tea}/resolve/main/model.bin")
    assert answer.status_code == 200
    assert answer.headers["x-repo-commit"] == commit
    sha256 = hashlib.sha256(weights).hexdigest()
    assert answer.headers["etag"] == answer.headers["x-linked-etag"] == f'"{sha256}"'
    assert answer.headers["content-length"] == answer.headers["x-linked-size"] == str(len(weights))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.content == (weights if method == "GET" else b"")


def test_a_get_tells_what_is_there_now_whatever_the_head_before_it_found(lin_hf: HfPerson, tea: str) -> None:
    for text in (b"first\n", b"second\n", b"third\n"):
        commit = lin_hf.put(tea, {"a.txt": text})
        for method, content in (("HEAD", b""), ("GET", text), ("GET", text)):
            answer = lin_hf.http.request(method, f"/{tea}/resolve/main/a.txt")
            assert answer.headers["x-repo-commit"] == commit
            assert (answer.headers.get_list("content-length"), answer.content) == ([str(len(text))], content)
        assert lin_hf.http.get(f"/{tea}/resolve/main/a.txt", headers={"range": "bytes=1-2"}).content == text[1:3]


def test_the_etag_of_a_file_is_what_the_tree_says(lin_hf: HfPerson, tea: str, weights: bytes) -> None:
    lin_hf.put(tea, {"a.txt": TEXT})
    lin_hf.put_lfs(tea, "model.bin", weights)
    nodes = {node["path"]: node for node in lin_hf.http.get(f"/api/models/{tea}/tree/main").json()}
    assert lin_hf.head(tea, "a.txt").headers["etag"] == f'"{nodes["a.txt"]["oid"]}"'
    assert lin_hf.head(tea, "model.bin").headers["etag"] == f'"{nodes["model.bin"]["lfs"]["oid"]}"'
    assert nodes["model.bin"]["size"] == nodes["model.bin"]["lfs"]["size"] == len(weights)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_missing_file_is_no_entry_at_a_known_commit(lin_hf: HfPerson, tea: str, method: str) -> None:
    commit = lin_hf.put(tea, {"a.txt": TEXT})
    answer = lin_hf.http.request(method, f"/{tea}/resolve/main/b.txt")
    assert answer.status_code == 404
    assert answer.headers["x-error-code"] == "EntryNotFound"
    assert answer.headers["x-repo-commit"] == commit


def test_a_folder_is_no_file(lin_hf: HfPerson, tea: str) -> None:
    lin_hf.put(tea, {"docs/a.txt": TEXT})
    assert lin_hf.head(tea, "docs").headers["x-error-code"] == "EntryNotFound"


def test_a_revision_may_be_a_branch_a_tag_a_commit_or_its_beginning(lin_hf: HfPerson, tea: str) -> None:
    first = lin_hf.put(tea, {"a.txt": b"one"})
    lin_hf.api.create_tag(tea, tag="v1")
    lin_hf.api.create_branch(tea, branch="dev/green-tea")
    second = lin_hf.put(tea, {"a.txt": b"two"})
    revisions = {
        "main": second,
        "v1": first,
        "dev/green-tea": first,
        first: first,
        first[:9]: first,
        second[:7]: second,
    }
    for revision, commit in revisions.items():
        answer = lin_hf.get(tea, "a.txt", rev=revision)
        assert (answer.status_code, answer.headers["x-repo-commit"]) == (200, commit), revision
        assert answer.content == (b"one" if commit == first else b"two")


def test_a_pull_request_is_one_segment_of_the_address(lin_hf: HfPerson, tea: str) -> None:
    lin_hf.put(tea, {"a.txt": b"one"})
    answer = lin_hf.send(
        tea, [header("better"), {"key": "file", "value": {"path": "a.txt", "content": "dHdv"}}], create_pr="1"
    )
    assert answer.status_code == 200
    seen = lin_hf.http.get(f"/{tea}/resolve/refs%2Fpr%2F1/a.txt")
    assert seen.content == b"two"
    assert seen.headers["x-repo-commit"] == answer.json()["commitOid"]
    assert lin_hf.get(tea, "a.txt").content == b"one"


@pytest.mark.parametrize("rev", ["nowhere", "refs/pr/7", "0" * 40, "v1.0", "main/a.txt"])
def test_an_unknown_revision_is_told_as_such(lin_hf: HfPerson, tea: str, rev: str) -> None:
    answer = lin_hf.head(tea, "a.txt", rev=rev)
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")
    assert answer.headers["x-error-message"] == f"Invalid rev id: {rev}"


@pytest.mark.parametrize("name", ["a.txt", "model.bin"])
def test_ranges_and_conditions(lin_hf: HfPerson, tea: str, weights: bytes, name: str) -> None:
    data = weights if name == "model.bin" else weights[:5000].hex().encode()
    (lin_hf.put_lfs if name == "model.bin" else lambda repo, path, data: lin_hf.put(repo, {path: data}))(
        tea, name, data
    )
    size, etag = len(data), lin_hf.head(tea, name).headers["etag"]

    middle = lin_hf.get(tea, name, range="bytes=10-99")
    assert (middle.status_code, middle.content) == (206, data[10:100])
    assert middle.headers["content-range"] == f"bytes 10-99/{size}"
    assert middle.headers["content-length"] == "90"
    assert middle.headers["etag"] == etag and middle.headers["x-repo-commit"]

    rest, tail = lin_hf.get(tea, name, range=f"bytes={size - 7}-"), lin_hf.get(tea, name, range="bytes=-7")
    assert rest.status_code == tail.status_code == 206
    assert rest.content == tail.content == data[-7:]
    beyond = lin_hf.get(tea, name, range="bytes=0-99999999999")
    assert (beyond.status_code, beyond.content) == (206, data)

    outside = lin_hf.get(tea, name, range=f"bytes={size}-")
    assert (outside.status_code, outside.headers["content-range"]) == (416, f"bytes */{size}")

    same = lin_hf.get(tea, name, range="bytes=0-4", if_range=etag)
    assert (same.status_code, same.content) == (206, data[:5])
    changed = lin_hf.get(tea, name, range="bytes=0-4", if_range='"another"')
    assert (changed.status_code, changed.content) == (200, data)

    known = lin_hf.get(tea, name, if_none_match=etag)
    assert (known.status_code, known.content) == (304, b"")
    assert lin_hf.get(tea, name, if_none_match='"another"').status_code == 200


AWKWARD = [
    "what? yes.txt",
    "a#b.txt",
    "100% sure.txt",
    "%2e%2e.txt",
    "a%2Fb.txt",
    "9:30, tea + cake.txt",
    "中文 文件夹/龙井 茶.txt",
    "a&b=c;d.txt",
    "quote\"and'quote.txt",
    "[x] {y} ~z^`|.txt",
    "back\\slash.txt",
    "...dots...txt",
    "é vs é.txt",
    "🍵.txt",
]


def test_awkward_names_come_back_as_they_were(lin_hf: HfPerson, stranger: HfPerson, tea: str) -> None:
    lin_hf.put(tea, {name: name.encode() for name in AWKWARD})
    assert sorted(lin_hf.paths(tea)) == sorted(AWKWARD)
    for name in AWKWARD:
        answer = stranger.http.get(f"/{tea}/resolve/main/{quote(name)}")
        assert (answer.status_code, answer.content) == (200, name.encode()), name
    info = lin_hf.http.post(f"/api/models/{tea}/paths-info/main", data={"paths": AWKWARD}).json()
    assert sorted(node["path"] for node in info) == sorted(AWKWARD)


def test_awkward_folders_are_listed_by_their_quoted_address(lin_hf: HfPerson, tea: str) -> None:
    lin_hf.put(tea, {"中文 #1/100%/a?.txt": b"x"})
    path = quote("中文 #1/100%")
    nodes = lin_hf.http.get(f"/api/models/{tea}/tree/main/{path}").json()
    assert [node["path"] for node in nodes] == ["中文 #1/100%/a?.txt"]


def test_one_content_serves_two_branches_and_two_repos(
    lin_hf: HfPerson, live: LiveHub, tea: str, weights: bytes
) -> None:
    lin_hf.put_lfs(tea, "model.bin", weights)
    lin_hf.api.create_branch(tea, branch="dev")
    sha256 = hashlib.sha256(weights).hexdigest()
    assert lin_hf.send(tea, [header("again"), lfs_file("copy.bin", sha256, len(weights))], rev="dev").status_code == 200
    other = lin_hf.create(live.fresh_name("other"))
    assert "actions" not in lin_hf.lfs_batch(tea, sha256, len(weights))
    lin_hf.put_lfs(other, "model.bin", weights)
    assert lin_hf.get(tea, "copy.bin", rev="dev").content == lin_hf.get(other, "model.bin").content == weights


@pytest.mark.parametrize("name", ["page.html", "image.svg", "script.js", "page.xhtml", "data.xml"])
def test_active_content_is_not_shown_by_a_browser(lin_hf: HfPerson, tea: str, name: str) -> None:
    lin_hf.put(tea, {name: b"<script>alert(1)</script>"})
    headers = lin_hf.get(tea, name).headers
    assert "sandbox" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "html" not in headers["content-type"] and "xml;" not in headers["content-type"]


def test_what_is_private_is_kept_out_of_shared_caches(lin_hf: HfPerson, silk: str, tea: str) -> None:
    commit = lin_hf.put(silk, {"a.txt": TEXT})
    assert "public" not in lin_hf.get(silk, "a.txt", rev=commit).headers["cache-control"]
    commit = lin_hf.put(tea, {"a.txt": TEXT})
    assert "immutable" in lin_hf.get(tea, "a.txt", rev=commit).headers["cache-control"]
    assert "immutable" not in lin_hf.get(tea, "a.txt").headers["cache-control"]


def test_datasets_and_spaces_have_their_own_addresses(lin_hf: HfPerson, live: LiveHub) -> None:
    for kind in ("dataset", "space"):
        repo = lin_hf.create(live.fresh_name(kind), kind=kind)
        commit = lin_hf.put(repo, {"a.txt": TEXT}, kind=kind)
        answer = lin_hf.http.get(f"/{kind}s/{repo}/resolve/main/a.txt")
        assert (answer.content, answer.headers["x-repo-commit"]) == (TEXT, commit)
        assert lin_hf.head(repo, "a.txt").headers["x-error-code"] == "RepoNotFound"
