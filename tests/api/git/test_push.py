"""Pushes with the real git, and by hand where git would not do it."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from support.desk import Clone, Desk, Place
from support.servers import LiveHub, SpawnedServer, live_hub
from yungu.hub.service import pushes
from yungu.storage import quarantine

NOTHING = "0" * 40
PUSH_TYPE = {"content-type": "application/x-git-receive-pack-request"}


@pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)
def test_a_pushed_commit_is_seen_through_the_hub_at_once(desk: Desk, live: LiveHub) -> None:
    place = Place(live, "model", "public")
    clone = desk.clone(place.url(), "c")
    oid = clone.commit({"b/new.txt": b"new", "README.md": b"---\nlicense: mit\n---\n"}, "from git")
    clone.git("push", "-q", "origin", "main")
    assert live.world.resolve(place.repo) == oid
    assert live.world.read(place.repo, "b/new.txt") == b"new"
    assert live.world.history(place.repo) == ["from git", "initial commit"]
    assert "license:mit" in live.world.fresh(place.repo).tags
    assert place.quarantines() == []


def test_a_push_of_many_objects_is_kept_as_a_pack(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    clone.commit({f"d{number % 7}/f{number}.txt": b"%d\n" % number for number in range(300)})
    clone.git("push", "-q", "origin", "main")
    objects = place.live.site.git.path(place.repo.id) / "objects"
    assert len(list(objects.glob("pack/*.pack"))) == 1
    assert len(place.live.world.paths(place.repo)) == 301
    assert desk.clone(place.url(""), "again").read("d2/f9.txt") == b"9\n"


def test_a_thin_pack_is_completed(desk: Desk, place: Place) -> None:
    text = "".join(f"line {number}\n" for number in range(2000)).encode()
    clone = desk.clone(place.url(), "c")
    clone.commit({"long.txt": text, **{f"f{number}.txt": b"%d" % number for number in range(150)}})
    clone.git("push", "-q", "origin", "main")
    clone.commit({"long.txt": text + b"one more\n", **{f"g{number}.txt": b"%d" % number for number in range(150)}})
    clone.git("push", "-q", "origin", "main")
    assert place.live.world.read(place.repo, "long.txt") == text + b"one more\n"
    bare = place.live.site.git.path(place.repo.id)
    assert desk.git("-c", f"safe.directory={bare}", f"--git-dir={bare}", "fsck", "--full", "--no-dangling") == ""


def test_branches_and_tags_come_move_and_go(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    first = clone.commit({"x": b"1"})
    clone.git("tag", "-a", "v1", "-m", "the first")
    clone.git("push", "-q", "origin", "HEAD:refs/heads/dev/one", "v1")
    assert place.refs()["refs/heads/dev/one"] == first
    assert place.refs()["refs/tags/v1"] == clone.head("v1") != first
    assert place.live.world.resolve(place.repo, "v1") == first
    clone.git("commit", "-q", "--amend", "-m", "amended")
    assert "rejected" in clone.try_git("push", "-q", "origin", "HEAD:refs/heads/dev/one").err
    clone.git("push", "-q", "--force", "origin", "HEAD:refs/heads/dev/one")
    assert place.refs()["refs/heads/dev/one"] == clone.head() != first
    clone.git("push", "-q", "origin", ":dev/one", ":refs/tags/v1")
    assert list(place.refs()) == ["refs/heads/main"]


def test_the_default_branch_cannot_be_deleted(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    said = clone.try_git("push", "origin", ":main")
    assert said.status != 0
    assert "it is the default branch" in said.err
    assert "refs/heads/main" in place.refs()


@pytest.mark.parametrize("ref", ["refs/pr/1", "refs/notes/commits", "refs/convert/parquet", "refs/x/y"])
def test_refs_of_the_hub_cannot_be_pushed_and_others_beside_them_can(desk: Desk, place: Place, ref: str) -> None:
    clone = desk.clone(place.url(), "c")
    clone.commit({"x": b"1"})
    said = clone.try_git("push", "origin", f"HEAD:{ref}", "HEAD:refs/heads/dev")
    assert "Only branches, tags and open pull requests can be pushed" in said.err
    assert set(place.refs()) == {"refs/heads/main", "refs/heads/dev"}


def test_an_atomic_push_moves_all_refs_or_none(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    clone.commit({"x": b"1"})
    said = clone.try_git("push", "--atomic", "origin", "HEAD:refs/pr/1", "HEAD:refs/heads/dev")
    assert "Another ref of this atomic push was refused" in said.err
    assert set(place.refs()) == {"refs/heads/main"}
    clone.git("push", "-q", "--atomic", "origin", "HEAD:refs/heads/one", "HEAD:refs/heads/two")
    assert set(place.refs()) == {"refs/heads/main", "refs/heads/one", "refs/heads/two"}


def test_a_branch_below_another_branch_is_refused(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    said = clone.try_git("push", "origin", "HEAD:refs/heads/main/x")
    assert "Reference refs/heads/main already exists" in said.err
    assert set(place.refs()) == {"refs/heads/main"}


@pytest.mark.parametrize(
    "name", ["refs/heads/a..b", "refs/heads/a b", "refs/heads/.a", "refs/heads/a.lock", "refs/heads/HEAD"]
)
def test_a_bad_ref_name_is_refused(desk: Desk, place: Place, name: str) -> None:
    clone = desk.clone(place.url(), "c")
    oid = clone.commit({"x": b"1"})
    answer = post(place, clone.push_body([(NOTHING, oid, name)]))
    assert f"ng {name} ".encode() in answer.content
    assert set(place.refs()) == {"refs/heads/main"}


def test_a_push_from_behind_is_rejected_even_when_the_client_does_not_notice(desk: Desk, place: Place) -> None:
    one, two = desk.clone(place.url(), "one"), desk.clone(place.url(), "two")
    before = one.head()
    after = one.commit({"x": b"1"})
    one.git("push", "-q", "origin", "main")
    other = two.commit({"y": b"2"})
    answer = post(place, two.push_body([(before, other, "refs/heads/main")]))
    assert b"ng refs/heads/main it was moved by somebody else meanwhile, fetch first" in answer.content
    assert place.refs() == {"refs/heads/main": after}


def test_of_pushes_at_the_same_time_one_wins_and_the_others_are_told(desk: Desk, place: Place) -> None:
    clones = [desk.clone(place.url(), f"c{number}") for number in range(4)]
    before = clones[0].head()
    bodies = [
        clone.push_body([(before, clone.commit({f"{n}": b"x"}), "refs/heads/main")]) for n, clone in enumerate(clones)
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda body: post(place, body).content, bodies))
    assert sorted(b"ok refs/heads/main" in answer for answer in answers) == [False, False, False, True]
    assert sorted(b"ng refs/heads/main it was moved" in answer for answer in answers) == [False, True, True, True]
    winner = next(clone for clone, answer in zip(clones, answers, strict=True) if b"ok refs" in answer)
    assert place.refs() == {"refs/heads/main": winner.head()}
    loser = next(clone for clone in clones if clone != winner)
    loser.git("pull", "-q", "--rebase")
    loser.git("push", "-q", "origin", "main")
    assert place.live.world.resolve(place.repo) == loser.head()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (b".git/config", ""),
        (b"a/.GIT/hooks/post-checkout", ""),
        (b"../outside", ""),
        (b"a/./b", ""),
        (b"bad\nname", "control characters"),
        (b"x" * 256, "longer than 255 bytes"),
        (b"/".join([b"d"] * 101), "more than 100 folders deep"),
        (b"latin-\xe9", "not UTF-8"),
        (b"git~1/x", ""),
    ],
)
def test_a_path_that_no_work_tree_should_have_is_refused(desk: Desk, place: Place, path: bytes, reason: str) -> None:
    clone = desk.clone(place.url(), "c")
    oid = commit_path(clone, path)
    said = clone.try_git("push", "origin", f"{oid}:refs/heads/bad")
    assert said.status != 0
    assert reason in said.err
    assert "rejected" in said.err
    assert set(place.refs()) == {"refs/heads/main"}
    assert place.quarantines() == []


def test_a_bad_path_is_found_in_an_older_commit_too(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    oid = commit_path(clone, b"bad\nname")
    clean = clone.git("commit-tree", "-p", oid, "-m", "cleaned", clone.git("rev-parse", "HEAD^{tree}"))
    said = clone.try_git("push", "origin", f"{clean}:refs/heads/bad")
    assert "control characters" in said.err


def test_a_large_regular_file_is_refused_with_the_way_out(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    clone.commit({"fits.txt": os.urandom(10 << 20)})
    clone.git("push", "-q", "origin", "main")
    clone.commit({"big.txt": os.urandom((10 << 20) + 1)})
    said = clone.try_git("push", "origin", "main", "HEAD:refs/heads/two")
    assert "'big.txt' is larger than 10 MiB and must be stored with git-lfs" in said.err
    assert "remote: git lfs track 'big.txt'" in said.err
    assert set(place.refs()) == {"refs/heads/main"}


def test_only_the_ref_with_the_bad_commit_is_refused(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    good = clone.commit({"good": b"1"})
    bad = commit_path(clone, b"bad\nname")
    said = clone.try_git("push", "origin", f"{good}:refs/heads/good", f"{bad}:refs/heads/bad")
    assert "control characters" in said.err
    assert place.refs()["refs/heads/good"] == good
    assert "refs/heads/bad" not in place.refs()


def test_symlinks_executables_merges_and_submodules_pass(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    (clone.path / "link").symlink_to("a.txt")
    (clone.path / "run.sh").write_bytes(b"#!/bin/sh\n")
    (clone.path / "run.sh").chmod(0o755)
    clone.git("add", "-A")
    clone.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    clone.git("commit", "-q", "-m", "odd modes")
    clone.git("checkout", "-q", "-b", "side", "HEAD~1")
    clone.commit({"side": b"s"})
    clone.git("checkout", "-q", "main")
    clone.git("merge", "-q", "-m", "merged", "side")
    clone.git("push", "-q", "origin", "main")
    modes = {line.split()[0] for line in desk.clone(place.url(""), "again").git("ls-tree", "-r", "HEAD").splitlines()}
    assert modes == {"100644", "100755", "120000", "160000"}


@pytest.mark.parametrize("parents", [2, 3])
def test_what_only_a_merge_brings_is_checked_too(desk: Desk, place: Place, parents: int) -> None:
    clone = desk.clone(place.url(), "c")
    sides = []
    for number in range(parents):
        clone.git("checkout", "-q", "-b", f"side-{number}", "origin/main")
        sides.append(clone.commit({"a.txt": b"of side %d\n" % number}))
    clone.git("push", "-q", "origin", *(f"side-{number}" for number in range(parents)))
    clone.commit({"a.txt": os.urandom((10 << 20) + 1)})
    links = [word for side in sides for word in ("-p", side)]
    merge = clone.git("commit-tree", *links, "-m", "merged", clone.head("HEAD^{tree}"))
    said = clone.try_git("push", "origin", f"{merge}:refs/heads/merged")
    assert "'a.txt' is larger than 10 MiB" in said.err
    assert "refs/heads/merged" not in place.refs()


def test_a_history_with_a_hole_is_refused(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    before = clone.head()
    clone.commit({"one": b"1"})
    two = clone.commit({"two": b"2"})
    body = clone.push_body([(before, two, "refs/heads/main")]).split(b"PACK")[0]
    tree, blob = clone.head("HEAD^{tree}"), clone.head("HEAD:two")
    for objects in ([two], [two, tree], [two, tree, blob]):
        pack = ["git", "pack-objects", "-q", "--stdout"]
        env = {"PATH": os.environ["PATH"], "HOME": str(desk.folder)}
        text = "".join(f"{oid}\n" for oid in objects).encode()
        data = subprocess.run(pack, cwd=clone.path, input=text, capture_output=True, check=True, env=env).stdout
        assert b"ng refs/heads/main" in post(place, body + data).content
    assert place.refs() == {"refs/heads/main": before}
    assert place.quarantines() == []


def test_a_branch_cannot_point_at_a_file_or_a_tag(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    clone.git("tag", "-a", "v1", "-m", "x")
    for oid in (clone.head("HEAD:a.txt"), clone.head("v1")):
        answer = post(place, clone.push_body([(NOTHING, oid, "refs/heads/odd")]))
        assert b"ng refs/heads/odd There is no object" in answer.content
    assert set(place.refs()) == {"refs/heads/main"}


@pytest.mark.parametrize(
    "damage", [b"PACK\0\0\0\2\0\0\0\1garbage", b"JUNKJUNKJUNKJUNK", b"PACK\0\0\0\x09\0\0\0\1", b"PA"]
)
def test_a_damaged_pack_is_refused(desk: Desk, place: Place, damage: bytes) -> None:
    clone = desk.clone(place.url(), "c")
    oid = clone.commit({"x": b"1"})
    body = clone.push_body([(NOTHING, oid, "refs/heads/x")]).split(b"PACK")[0]
    answer = post(place, body + damage)
    assert answer.status_code == 200
    assert b"unpack ok" not in answer.content
    assert b"ng refs/heads/x" in answer.content
    assert set(place.refs()) == {"refs/heads/main"}
    assert place.quarantines() == []


@pytest.mark.parametrize(
    "body", [b"zzzz", b"0003", b"0020 not a command at all     \n0000", b"00ff" + b"x" * 20, b"0010" + b"\xff" * 12]
)
def test_what_is_no_push_is_refused_in_words(place: Place, body: bytes) -> None:
    answer = post(place, body)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")


def test_an_empty_push_is_an_answer_to_a_client_that_tries_its_credentials(place: Place) -> None:
    answer = post(place, b"0000")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-git-receive-pack-result")


def test_a_push_that_is_cut_off_leaves_nothing(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    oid = clone.commit({f"f{number}.txt": os.urandom(10_000) for number in range(300)})
    body = clone.push_body([(NOTHING, oid, "refs/heads/x")])
    with half_a_push(place.live.url, place.path, place.token, body):
        wait_until(lambda: place.quarantines() != [])
    wait_until(lambda: place.quarantines() == [])
    assert set(place.refs()) == {"refs/heads/main"}


def test_a_server_killed_in_the_middle_of_a_push_shows_nothing_of_it(
    desk: Desk, tmp_path: Path, spawn_server: Callable[..., SpawnedServer]
) -> None:
    data = tmp_path / "data"
    with live_hub(data) as live:
        place = Place(live, "model", "public")
    server = spawn_server(data)
    url = server.url.replace("://", f"://{place.owner}:{place.token}@") + place.path
    clone = desk.clone(url, "c")
    oid = clone.commit({f"f{number}.txt": os.urandom(10_000) for number in range(300)})
    body = clone.push_body([(NOTHING, oid, "refs/heads/x")])
    bare = data / "git" / f"{place.repo.id % 256:02x}" / f"{place.repo.id}.git"
    with half_a_push(server.url, place.path, place.token, body):
        wait_until(lambda: list(bare.glob("incoming/*")) != [])
        server.kill()
    again = spawn_server(data)
    url = again.url.replace("://", f"://{place.owner}:{place.token}@") + place.path
    assert desk.git("ls-remote", url).count("\n") == 2  # HEAD, main, and its other name
    assert desk.git("-c", f"safe.directory={bare}", f"--git-dir={bare}", "fsck", "--full", "--no-dangling") == ""
    clone.git("push", "-q", url, "HEAD:refs/heads/x")
    assert oid in desk.git("ls-remote", url, "refs/heads/x")


def post(place: Place, body: bytes) -> httpx.Response:
    return httpx.post(f"{place.url()}/git-receive-pack", content=body, headers=PUSH_TYPE, timeout=60)


def commit_path(clone: Clone, path: bytes) -> str:
    """A commit that git itself would not make, with a file at ``path``."""
    oid = clone.git("hash-object", "-w", "--stdin", stdin=b"evil")
    tree = ""
    for depth, name in enumerate(reversed(path.split(b"/"))):
        kind = b"100644 blob" if depth == 0 else b"040000 tree"
        entry = kind + b" " + oid.encode() + b"\t" + name + b"\0"
        tree = oid = clone.git("mktree", "-z", stdin=entry)
    return clone.git("commit-tree", "-p", "HEAD", "-m", "odd", tree)


class half_a_push:  # noqa: N801 - reads as a sentence
    """A connection on which all but the end of a push was sent; cut off at the end."""

    def __init__(self, url: str, path: str, token: str, body: bytes) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self.socket = socket.create_connection((address.hostname, address.port or 80), timeout=30)
        head = [
            f"POST {path}/git-receive-pack HTTP/1.1",
            f"Host: {address.netloc}",
            f"Authorization: Bearer {token}",
            f"Content-Type: {PUSH_TYPE['content-type']}",
            f"Content-Length: {len(body)}",
        ]
        self.bytes = "\r\n".join([*head, "", ""]).encode() + body[: len(body) - 1000]

    def __enter__(self) -> None:
        threading.Thread(target=self.socket.sendall, args=(self.bytes,)).start()

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# --- small pushes that unfold


def bomb(clone: Clone, levels: int) -> str:
    """A commit with 10 to the power of ``levels`` files, made of a handful of objects."""
    oid, kind = clone.git("hash-object", "-w", "--stdin", stdin=b"x"), "100644 blob"
    for _ in range(levels):
        entries = "".join(f"{kind} {oid}\t{number}\n" for number in range(10))
        oid, kind = clone.git("mktree", stdin=entries.encode()), "040000 tree"
    return clone.git("commit-tree", oid, "-m", "boom")


def test_folders_inside_each_other_are_counted(desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushes, "MAX_CHANGES", 1000)
    clone = desk.clone(place.url(), "c")
    clone.git("push", "-q", "origin", f"{bomb(clone, 2)}:refs/heads/small")
    assert "at most 1000 files" in clone.try_git("push", "origin", f"{bomb(clone, 4)}:refs/heads/large").err
    assert set(place.refs()) == {"refs/heads/main", "refs/heads/small"}


def test_folders_inside_each_other_do_not_fill_the_memory(
    desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "_MOST_MEMORY_BYTES", 32 << 20)
    clone = desk.clone(place.url(), "c")
    assert "out of memory" in clone.try_git("push", "origin", f"{bomb(clone, 9)}:refs/heads/large").err.lower()
    assert set(place.refs()) == {"refs/heads/main"}
