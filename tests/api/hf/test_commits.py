"""Commits over the wire: broken lines, wrong paths, many files, many writers; all of it lands or none of it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.hf import NDJSON, HfPerson, Line, deleted, encoded, file, header, lfs_file
from support.servers import LiveHub
from yungu import accounts

MIB = 1 << 20


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert words.casefold() in answer.json()["error"].casefold(), answer.text
    assert answer.headers["x-error-message"]


def test_a_commit_is_told_in_full(lin_hf: HfPerson, tea: str) -> None:
    lines = [header("First flush", description="Picked\nby hand"), file("a.txt", b"x")]
    answer = lin_hf.send(tea, lines).json()
    assert answer["success"] is True
    assert len(answer["commitOid"]) == 40
    assert answer["commitUrl"] == f"{lin_hf.url}/{tea}/commit/{answer['commitOid']}"
    top = lin_hf.http.get(f"/api/models/{tea}/commits/main").json()[0]
    assert (top["id"], top["title"], top["message"]) == (answer["commitOid"], "First flush", "Picked\nby hand")
    assert top["authors"][0]["user"] == lin_hf.name


BROKEN: list[tuple[str, list[Line | bytes], int, str]] = [
    ("not JSON", [header("x"), b"this is no json\n"], 400, "line of the commit"),
    ("cut off", [header("x"), b'{"key":"file","value":{"path":"a'], 400, "line of the commit"),
    ("unknown key", [header("x"), {"key": "chmod", "value": {"path": "a"}}], 400, "chmod"),
    ("no key", [header("x"), {"value": {"path": "a"}}], 400, "key"),
    ("no value", [header("x"), {"key": "file"}], 400, "value"),
    ("no path", [header("x"), {"key": "file", "value": {"content": ""}}], 400, "path"),
    ("a list", [header("x"), b"[1,2]\n"], 400, "line of the commit"),
    ("deep", [header("x"), b'{"key":' + b"[" * 5000 + b"]" * 5000 + b"}\n"], 400, "line of the commit"),
    ("bad base64", [header("x"), {"key": "file", "value": {"path": "a", "content": "###"}}], 400, "base64"),
    ("unpadded", [header("x"), {"key": "file", "value": {"path": "a", "content": "YWI"}}], 400, "base64"),
    ("utf-7", [header("x"), {"key": "file", "value": {"path": "a", "content": "", "encoding": "utf-7"}}], 400, "utf-7"),
    ("wrong algo", [header("x"), {"key": "lfsFile", "value": {"path": "a", "oid": "0", "algo": "md5"}}], 400, "md5"),
    ("not UTF-8", [header("x"), b'{"key":"file","value":{"path":"\xff","content":""}}\n'], 400, "line of the"),
    ("no such content", [header("x"), lfs_file("a.bin", "0" * 64, 5)], 422, "does not exist"),
    ("an oid that is none", [header("x"), lfs_file("a.bin", "../../etc/passwd", 5)], 422, "does not exist"),
    ("nothing to do", [header("x")], 400, "at least one"),
    ("nothing at all", [], 400, "at least one"),
    ("gone already", [header("x"), deleted("none.txt")], 404, "none.txt"),
    ("too large", [header("x"), file("a.txt", b"x" * (10 * MIB + 1))], 400, "git-lfs"),
    ("endless", [header("x"), b'{"key":"file","value":{"path":"a","content":"' + b"A" * (17 * MIB)], 413, "line"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "status", "words"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_commit_is_refused_with_the_reason(
    lin_hf: HfPerson, tea: str, lines: list[Line | bytes], status: int, words: str
) -> None:
    refused(lin_hf.send(tea, lines), status, words)
    assert lin_hf.history(tea) == ["initial commit"]


@pytest.mark.parametrize(
    "bad", [row[1][1] for row in BROKEN if len(row[1]) > 1], ids=[r[0] for r in BROKEN if len(r[1]) > 1]
)
def test_one_bad_change_takes_the_good_ones_with_it(lin_hf: HfPerson, tea: str, bad: Line | bytes) -> None:
    lin_hf.put(tea, {"a.txt": b"one"})
    answer = lin_hf.send(tea, [header("mixed"), file("good.txt", b"good"), deleted("a.txt"), bad])
    assert 400 <= answer.status_code < 500
    assert lin_hf.paths(tea) == ["a.txt"]
    assert lin_hf.history(tea) == ["put", "initial commit"]
    assert lin_hf.get(tea, "good.txt").status_code == 404


def test_blank_lines_and_missing_ends_are_no_matter(lin_hf: HfPerson, tea: str) -> None:
    lines = [header("x"), b"\n\n", json.dumps(file("a.txt", b"hello")).encode()]
    assert lin_hf.send(tea, lines).status_code == 200
    assert lin_hf.get(tea, "a.txt").content == b"hello"


@pytest.mark.parametrize("kind", ["application/json", "text/plain", None])
def test_another_content_type_is_no_matter_when_the_lines_are_good(
    lin_hf: HfPerson, tea: str, kind: str | None
) -> None:
    """What counts is the body; a page of another site cannot send our tokens along."""
    body = b"".join(json.dumps(line).encode() + b"\n" for line in [header("x"), file("a.txt", b"hello")])
    headers = {"content-type": kind} if kind else {}
    assert lin_hf.http.post(f"/api/models/{tea}/commit/main", content=body, headers=headers).status_code == 200


def test_a_json_document_is_no_commit(lin_hf: HfPerson, tea: str) -> None:
    body = json.dumps({"summary": "x", "files": []}, indent=1).encode()
    refused(lin_hf.http.post(f"/api/models/{tea}/commit/main", content=body, headers=NDJSON), 400, "line of the commit")


PATHS = [
    ("../evil.txt", "'..'"),
    ("a/../../evil.txt", "'..'"),
    ("./a.txt", "'.'"),
    ("..", "'..'"),
    ("/abs.txt", "empty segment"),
    ("a//b.txt", "empty segment"),
    ("a/", "empty segment"),
    ("", "empty"),
    (".git/config", "'.git'"),
    ("a/.GIT/hooks/post-checkout", "'.git'"),
    ("git~1/config", "'.git'"),
    (".git /config", "'.git'"),
    ("..\\evil.txt", "climbs out"),
    ("a\nb.txt", "control"),
    ("a\0b.txt", "control"),
    ("a\x7fb.txt", "control"),
    ("\ud800.txt", "control"),
    ("n" * 300 + ".txt", "longer than 255 bytes"),
    ("茶" * 100 + ".txt", "longer than 255 bytes"),
    ("/".join(["deep"] * 101), "folders deep"),
    ("long/" * 90 + "x" * 255 + "/" + "/".join(["y" * 250] * 15), "longer than"),
]


@pytest.mark.parametrize(("path", "reason"), PATHS, ids=[repr(path[:20]) for path, _ in PATHS])
def test_a_path_that_no_work_tree_could_hold_is_refused(lin_hf: HfPerson, tea: str, path: str, reason: str) -> None:
    content = lin_hf.upload_lfs(tea, b"weights")
    for change in (file(path, b"x"), lfs_file(path, content, 7)):
        answer = lin_hf.send(tea, [header("attack"), file("good.txt", b"x"), change])
        assert answer.status_code == (400 if "\ud800" in path else 422), answer.text
        if "\ud800" not in path:
            refused(answer, 422, reason)
    assert lin_hf.paths(tea) == []


def test_a_file_cannot_be_a_folder_too(lin_hf: HfPerson, tea: str) -> None:
    lin_hf.put(tea, {"a": b"x"})
    answer = lin_hf.send(tea, [header("x"), file("b", b"x"), file("b/c", b"x")])
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]
    assert lin_hf.paths(tea) == ["a"]


def test_ten_thousand_files_are_one_commit(lin_hf: HfPerson, tea: str) -> None:
    files = {f"folder-{number % 97}/{number}.txt": b"leaf %d" % number for number in range(10_000)}
    commit = lin_hf.put(tea, files)
    assert len(lin_hf.paths(tea)) == 10_000
    assert lin_hf.get(tea, "folder-8/9999.txt", rev=commit).content == b"leaf 9999"
    gone = lin_hf.send(tea, [header("half"), *(deleted(path) for path in list(files)[:5000])])
    assert gone.status_code == 200
    assert len(lin_hf.paths(tea)) == 5000


def test_a_body_in_many_small_pieces_is_the_same_commit(lin_hf: HfPerson, tea: str) -> None:
    body = b"".join(json.dumps(line).encode() + b"\n" for line in [header("x"), file("a.bin", bytes(range(256)) * 4)])

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    assert lin_hf.http.post(f"/api/models/{tea}/commit/main", content=pieces(), headers=NDJSON).status_code == 200
    assert lin_hf.get(tea, "a.bin").content == bytes(range(256)) * 4


def test_a_stale_parent_is_told_and_a_good_one_taken(lin_hf: HfPerson, tea: str) -> None:
    first = lin_hf.put(tea, {"a.txt": b"one"})
    second = lin_hf.put(tea, {"a.txt": b"two"})
    stale = lin_hf.send(tea, [header("late", parentCommit=first), file("a.txt", b"late")])
    refused(stale, 412, "The branch was updated since you opened this page")
    assert lin_hf.get(tea, "a.txt").content == b"two"
    good = lin_hf.send(tea, [header("next", parentCommit=second), file("a.txt", b"three")])
    assert good.status_code == 200
    short = lin_hf.send(
        tea, [header("next", parentCommit=good.json()["commitOid"][:8].upper()), file("a.txt", b"four")]
    )
    assert short.status_code == 200


def test_commits_at_the_same_time_all_land(live: LiveHub, lin_hf: HfPerson, tea: str) -> None:
    def write(number: int) -> int:
        return lin_hf.send(
            tea, [header(f"w{number}"), file(f"{number}.txt", b"x"), file("same.txt", b"%d" % number)]
        ).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(write, range(40)))
    assert statuses == [200] * 40
    assert len(lin_hf.paths(tea)) == 41
    titles = lin_hf.history(tea)
    assert sorted(titles[:-1]) == sorted(f"w{number}" for number in range(40))
    newest = titles[0].removeprefix("w")
    assert lin_hf.get(tea, "same.txt").content == newest.encode()


def test_of_commits_on_the_same_parent_one_lands(lin_hf: HfPerson, tea: str) -> None:
    parent = lin_hf.put(tea, {"a.txt": b"start"})
    start = threading.Barrier(8)

    def write(number: int) -> int:
        start.wait()
        return lin_hf.send(tea, [header(f"w{number}", parentCommit=parent), file("a.txt", b"%d" % number)]).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(write, range(8)))
    assert sorted(statuses) == [200] + [412] * 7
    assert lin_hf.history(tea)[0] == f"w{statuses.index(200)}"


@pytest.mark.parametrize("live", ["postgresql"], indirect=True)
def test_commits_at_the_same_time_land_or_are_told_on_postgresql(live: LiveHub) -> None:
    name = live.user()
    person = HfPerson(live.url, name, live.token(name))
    repo = person.create("tea")

    def write(number: int) -> int:
        return person.send(repo, [header(f"w{number}"), file(f"{number}.txt", b"x")]).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(write, range(40)))
    assert set(statuses) <= {200, 409, 412}
    landed = {f"{number}.txt" for number, status in enumerate(statuses) if status == 200}
    assert landed and set(person.paths(repo)) == landed
    assert len(person.history(repo)) == len(landed) + 1


def test_an_unknown_branch_is_no_place_for_a_commit(lin_hf: HfPerson, tea: str) -> None:
    answer = lin_hf.send(tea, [header("x"), file("a", b"x")], rev="nowhere")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")


def test_preupload_says_how_each_file_goes_up(lin_hf: HfPerson, tea: str) -> None:
    commit = lin_hf.put(tea, {"a.txt": b"x", ".gitignore": b"*.log\n"})
    assert commit
    samples = {
        "a.txt": b"x",
        "b.txt": b"text",
        "c.dat": b"\0\1",
        "d.safetensors": b"{}",
        "e.log": b"x",
        "大.txt": "大".encode(),
    }
    files = [{"path": p, "size": len(s), "sample": base64.b64encode(s).decode()} for p, s in samples.items()]
    files.append({"path": "huge.txt", "size": 11 * MIB, "sample": base64.b64encode(b"text").decode()})
    answer = lin_hf.http.post(f"/api/models/{tea}/preupload/main", json={"files": files}).json()["files"]
    modes = {item["path"]: item["uploadMode"] for item in answer}
    assert modes == {
        "a.txt": "regular", "b.txt": "regular", "c.dat": "lfs", "d.safetensors": "lfs", "e.log": "regular",
        "大.txt": "regular", "huge.txt": "lfs",
    }  # fmt: skip
    assert [item["path"] for item in answer if item["shouldIgnore"]] == ["e.log"]
    oid = next(item["oid"] for item in answer if item["path"] == "a.txt")
    assert f'"{oid}"' == lin_hf.head(tea, "a.txt").headers["etag"]
    assert all("oid" not in item for item in answer if item["path"] != "a.txt")


def test_a_change_that_changes_nothing_makes_no_commit(lin_hf: HfPerson, tea: str) -> None:
    first = lin_hf.put(tea, {"a.txt": b"x"})
    assert lin_hf.put(tea, {"a.txt": b"x"}) == first
    assert lin_hf.history(tea) == ["put", "initial commit"]


def test_who_loses_the_right_in_the_middle_of_a_commit_commits_nothing(
    lin_hf: HfPerson, live: LiveHub, tea: str
) -> None:
    lin = live.actor(lin_hf.name).user

    def body() -> Iterator[bytes]:
        yield encoded([header("late"), file("late.txt", b"x" * MIB)])
        live.world.write_in(accounts.suspend_user, lin, by=None)

    answer = lin_hf.http.post(f"/api/models/{tea}/commit/main", content=body(), headers=NDJSON)

    assert answer.status_code == 401
    live.world.write_in(accounts.unsuspend_user, lin, by=None)
    assert "late.txt" not in lin_hf.paths(tea)
