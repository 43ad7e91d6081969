"""Trees and files: sizes and sums are those of the content, ranges are exact, pages are stable."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from support.desk import Desk
from support.ms import MsPerson, drop, lfs, normal
from support.servers import LiveHub
from yungu.app import worker

BIG = bytes(range(256)) * 500


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def full(lin: MsPerson, tea: str) -> str:
    """A repo with regular, large and empty files."""
    lin.put(tea, {"a.txt": b"hello", "empty": b"", "sub/dir/b.txt": "茶".encode(), "汉字 %.txt": b"name"})
    lin.put_lfs(tea, "sub/w.bin", BIG)
    return tea


def test_a_listing_speaks_of_the_content(lin: MsPerson, full: str) -> None:
    found = lin.files(full)
    for path, data in (("a.txt", b"hello"), ("empty", b""), ("sub/w.bin", BIG), ("sub/dir/b.txt", "茶".encode())):
        entry = found[path]
        assert (entry["Type"], entry["Size"], entry["Sha256"]) == ("blob", len(data), sha256(data)), path
        assert entry["IsLFS"] is (path == "sub/w.bin")
        answer = lin.get(full, path)
        assert (answer.content, answer.headers["etag"].strip('"')) == (data, sha256(data))
    assert (found["sub"]["Type"], found["sub"]["Size"], found["sub"]["Sha256"]) == ("tree", 0, "")
    assert lin.get(full, "汉字 %.txt").content == b"name"


def test_a_submodule_is_a_folder_without_files(lin: MsPerson, tea: str, tmp_path: Path) -> None:
    """As a file it would have neither content nor sum, and no snapshot of the repo would succeed."""
    address = f"{lin.url.replace('://', f'://{lin.name}:{lin.token}@')}/{tea}.git"
    clone = Desk(tmp_path).clone(address, "clone", "-b", "master")
    clone.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    clone.git("commit", "-q", "-m", "a submodule")
    clone.git("push", "-q", "origin", "master")
    entry = lin.files(tea)["sub"]
    assert (entry["Type"], entry["Size"], entry["Sha256"]) == ("tree", 0, "")
    assert lin.get(tea, "sub").status_code == 404


def test_an_entry_names_the_commit_that_changed_it_last(lin: MsPerson, full: str) -> None:
    before = lin.files(full)
    oid = lin.put(full, {"a.txt": b"changed"}, title="change a")
    after = lin.files(full)
    assert (after["a.txt"]["Revision"], after["a.txt"]["CommitMessage"]) == (oid, "change a")
    assert after["sub/w.bin"]["Revision"] == before["sub/w.bin"]["Revision"]


def test_a_listing_may_begin_in_a_folder_and_stay_there(lin: MsPerson, full: str) -> None:
    assert set(lin.files(full, Root="sub")) == {"sub/dir", "sub/dir/b.txt", "sub/w.bin"}
    assert set(lin.files(full, Root="/sub/", Recursive="False")) == {"sub/dir", "sub/w.bin"}
    assert lin.files(full, Root="none") == {}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_hold_every_entry_once(lin: MsPerson, silk: str, size: int) -> None:
    lin.put(silk, {f"data/{number}.csv": b"x" * number for number in range(5)}, kind="dataset")
    found: list[str] = []
    for number in range(1, 20):
        query = {"Recursive": "True", "PageNumber": number, "PageSize": size, "Revision": "master"}
        data = lin.http.get(f"/api/v1/datasets/{silk}/repo/tree", params=query).json()["Data"]
        found += [item["Path"] for item in data["Files"]]
        assert data["TotalCount"] == 9
        if len(data["Files"]) < size:
            break
    assert len(found) == 9
    assert len(set(found)) == 9


def test_more_than_three_thousand_files_are_all_told(lin: MsPerson, tea: str) -> None:
    for start in (0, 1600):
        lin.put(tea, {f"flat/{number}": b"%d" % number for number in range(start, start + 1600)})
    assert len(lin.files(tea, Root="flat")) == 3200


@pytest.mark.parametrize("path", ["a.txt", "sub/w.bin"])
def test_ranges_are_exact(lin: MsPerson, full: str, path: str) -> None:
    whole = lin.get(full, path).content
    last = len(whole) - 1
    for asked, part in ((f"bytes=0-{last}", whole), ("bytes=2-3", whole[2:4]), ("bytes=1-", whole[1:])):
        answer = lin.get(full, path, range=asked)
        assert (answer.status_code, answer.content) == (206, part)
        start = len(whole) - len(part) if asked.endswith("-") else int(asked[6])
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(part) - 1}/{len(whole)}"
    beyond = lin.get(full, path, range=f"bytes={len(whole)}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole)}")


def test_head_tells_what_get_would(lin: MsPerson, full: str) -> None:
    query = {"Revision": "master", "FilePath": "sub/w.bin", "Source": "SDK", "View": "False"}
    answer = lin.http.head(f"/api/v1/models/{full}/repo", params=query)
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(BIG)))
    assert answer.headers["x-linked-etag"] == f'"{sha256(BIG)}"'
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_snapshot_counts_once(lin: MsPerson, mei: MsPerson, full: str, live: LiveHub) -> None:
    mei.http.get(f"/api/v1/models/{full}/repo/files", headers={"snapshot": "True"})
    for path in ("a.txt", "empty", "sub/w.bin"):
        mei.get(full, path)
    mei.http.get(f"/api/v1/models/{full}/downloads")
    assert downloads(lin, full, live) == 1


def downloads(person: MsPerson, repo: str, live: LiveHub) -> int:
    """What both dialects show once what was counted is written."""
    worker.flush(live.site)
    here, new = person.http.get(f"/api/v1/models/{repo}").json(), person.http.get(f"/openapi/v1/models/{repo}").json()
    found = {
        here["Data"]["Downloads"],
        new["data"]["downloads"],
        person.http.get(f"/api/models/{repo}").json()["downloads"],
    }
    assert len(found) == 1
    return int(found.pop())


@pytest.mark.parametrize("place", ["/api/v1/models/{repo}/repo?FilePath=sub/w.bin", "/{repo}/resolve/main/sub/w.bin"])
def test_only_taking_a_file_from_its_beginning_counts(
    lin: MsPerson, mei: MsPerson, full: str, place: str, live: LiveHub
) -> None:
    address = place.replace("{repo}", full)
    tag = mei.http.head(address).headers["etag"]
    mei.http.get(address, headers={"range": "bytes=1000-"})
    assert mei.http.get(address, headers={"if-none-match": tag}).status_code == 304
    assert downloads(lin, full, live) == 0
    mei.http.get(address, headers={"range": f"bytes=0-{len(BIG) - 1}"})
    mei.http.get(address, headers={"range": "bytes=1000-"})
    mei.http.get(address)
    assert downloads(lin, full, live) == 1


def test_views_are_counted_once_for_each_visitor(
    lin: MsPerson, mei: MsPerson, stranger: MsPerson, tea: str, live: LiveHub
) -> None:
    for person in (lin, mei, mei):
        person.http.get(f"/openapi/v1/models/{tea}")
    for _ in range(2):
        assert stranger.http.get(f"/{tea}").status_code == 200
    worker.flush(live.site)
    assert lin.http.get(f"/openapi/v1/models/{tea}").json()["data"]["views"] == 3
    assert lin.http.get(f"/api/v1/models/{tea}").json()["Data"]["Views"] == 3


def test_likes_are_the_same_in_both_dialects(lin: MsPerson, mei: MsPerson, tea: str) -> None:
    assert mei.http.post(f"/api/models/{tea}/like").status_code == 200
    data = lin.http.get(f"/api/v1/models/{tea}").json()["Data"]
    new = lin.http.get(f"/openapi/v1/models/{tea}").json()["data"]
    assert (data["Likes"], data["Stars"], new["likes"]) == (1, 1, 1)


def test_an_archive_holds_every_file(lin: MsPerson, full: str) -> None:
    answer = lin.http.get(f"/api/v1/models/{full}/archive/zip/master")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) >= {"a.txt", "empty", "sub/w.bin", "汉字 %.txt"}
        assert archive.read("sub/w.bin") == BIG


def test_revisions_show_the_default_branch_as_master(lin: MsPerson, full: str) -> None:
    oid = lin.put(full, {"a.txt": b"on a branch"}, rev="feature/x")
    lin.http.post(f"/api/v1/models/{full}/repo/tag", json={"TagName": "v1", "Ref": "feature/x"})
    found = lin.http.get(f"/api/v1/models/{full}/revisions").json()["Data"]["RevisionMap"]
    assert [item["Revision"] for item in found["Branches"]] == ["feature/x", "master"]
    assert [item["Revision"] for item in found["Tags"]] == ["v1"]
    for rev in ("feature/x", "v1", oid):
        assert lin.get(full, "a.txt", rev=rev).content == b"on a branch"
    for rev in ("master", "main"):
        assert lin.get(full, "a.txt", rev=rev).content == b"hello"
    old = lin.http.get(f"/api/v1/models/{full}/revisions", params={"EndTime": "1000000000"}).json()["Data"]
    assert (len(old["RevisionMap"]["Branches"]), old["RevisionMap"]["Tags"]) == (2, [])


def test_history_has_pages(lin: MsPerson, tea: str) -> None:
    for number in range(3):
        lin.put(tea, {"n": b"%d" % number}, title=f"change {number}\n\nwith words")
    pages = [
        lin.http.get(f"/api/v1/models/{tea}/commits", params={"Ref": "master", "PageNumber": n, "PageSize": 2}).json()
        for n in (1, 2)
    ]
    titles = [commit["Title"] for page in pages for commit in page["Data"]["Commit"]]
    assert titles == ["change 2", "change 1", "change 0", "initial commit"]
    assert pages[0]["TotalCount"] == 4
    assert pages[0]["Data"]["Commit"][0]["Message"].endswith("with words")


def test_one_commit_creates_changes_and_deletes(lin: MsPerson, full: str) -> None:
    sha = lin.upload(full, b"large" * 9)
    actions = [
        normal("a.txt", b"again"), normal("n.txt", b"new", "update"), drop("empty"), drop("never/was"),
        lfs("sub/l.bin", sha, 45),
    ]  # fmt: skip
    assert lin.commit(full, actions).json()["Code"] == 200
    found = lin.files(full)
    assert "empty" not in found
    assert lin.get(full, "a.txt").content == b"again"
    assert found["sub/l.bin"]["Size"] == 45
    assert lin.http.delete(f"/api/v1/models/{full}/file", params={"FilePath": "n.txt"}).json()["Code"] == 200
    assert lin.http.delete(f"/api/v1/models/{full}/file", params={"FilePath": "n.txt"}).json()["Code"] == 404
    assert "n.txt" not in lin.files(full)


def test_content_of_somebody_elses_private_repo_has_to_be_sent(lin: MsPerson, mei: MsPerson, live: LiveHub) -> None:
    secret = b"secret" * 999
    hers = mei.create(live.fresh_name("hers"))
    mei.put_lfs(hers, "w.bin", secret)
    ours = lin.create(live.fresh_name("ours"))
    sha, href = lin.plan(ours, secret)
    assert href is not None
    assert lin.commit(ours, [lfs("w.bin", sha, len(secret))]).json()["Code"] == 400
    assert mei.plan(hers, secret)[1] is None


def test_bytes_that_are_not_what_was_announced_are_refused(lin: MsPerson, tea: str) -> None:
    sha, href = lin.plan(tea, b"right")
    assert href is not None
    assert lin.http.put(href, content=b"wrong").json()["Code"] == 400
    assert lin.http.put(href, content=b"too long").json()["Code"] == 413
    assert lin.http.put(href.replace(sha, "ab" * 32), content=b"right").json()["Code"] == 403
    bad = {"authorization": "Bearer bad"}
    assert lin.http.put(href, content=b"right", headers=bad).json()["Code"] == 401
    answer = lin.http.put(href, content=b"right").json()
    assert (answer["Code"], answer["Message"]) == (200, "success")
    assert lin.plan(tea, b"right")[1] is None
