"""Large content: pointers, which files are large, and who may refer to whose bytes."""

from __future__ import annotations

import subprocess
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.hub import Repo
from yungu.hub.rules import DEFAULT_ATTRIBUTES, LfsDecider, ignore_matcher, make_pointer, parse_pointer
from yungu.storage import content

WEIGHTS = b"these are the weights" * 100


def commit_lfs(
    world: World, repo: Repo, sha256: str, *, by: Actor, path: str = "w.bin", size: int | None = None
) -> None:
    world.apply(repo, hub.CommitPlan("main", [hub.LfsPut(path, sha256, size)], "weights"), by=by)


# --- who may refer to what


def test_uploaded_content_is_committed_as_a_pointer_and_measured(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    put = world.upload(repo, WEIGHTS, by=lin)
    commit_lfs(world, repo, put.sha256, by=lin)
    file = hub.get_file(world.objects(repo), world.resolve(repo), "w.bin")
    assert (file.size_bytes, file.etag) == (len(WEIGHTS), put.sha256)
    assert world.read(repo, "w.bin") == make_pointer(put.sha256, len(WEIGHTS))
    assert world.fresh(repo).stored_bytes == len(WEIGHTS)


def test_the_size_that_a_commit_claims_must_be_true(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    put = world.upload(repo, WEIGHTS, by=lin)
    with pytest.raises(hub.LfsSizeWrong):
        commit_lfs(world, repo, put.sha256, by=lin, size=len(WEIGHTS) + 1)
    assert world.paths(repo) == []


def test_a_strangers_private_content_cannot_be_had_by_knowing_its_hash(world: World, lin: Actor, mei: Actor) -> None:
    private = world.repo("lin/private", by=lin, visibility="private")
    put = world.upload(private, WEIGHTS, by=lin)
    commit_lfs(world, private, put.sha256, by=lin)
    mine = world.repo("mei/mine", by=mei)
    with pytest.raises(hub.LfsObjectMissing) as held:
        commit_lfs(world, mine, put.sha256, by=mei)
    with pytest.raises(hub.LfsObjectMissing) as absent:
        commit_lfs(world, mine, "0" * 64, by=mei)
    assert held.value.message.replace(put.sha256, "") == absent.value.message.replace("0" * 64, "")


def test_uploaded_but_uncommitted_content_is_not_given_to_others(world: World, lin: Actor, mei: Actor) -> None:
    public = world.repo("lin/public", by=lin)
    put = world.upload(public, WEIGHTS, by=lin)
    with pytest.raises(hub.LfsObjectMissing):
        commit_lfs(world, world.repo("mei/mine", by=mei), put.sha256, by=mei)


def test_content_that_one_may_read_anyway_need_not_be_sent_again(world: World, lin: Actor, mei: Actor) -> None:
    public = world.repo("lin/public", by=lin)
    put = world.upload(public, WEIGHTS, by=lin)
    commit_lfs(world, public, put.sha256, by=lin)
    mine = world.repo("mei/mine", by=mei)
    commit_lfs(world, mine, put.sha256, by=mei)
    assert world.paths(mine) == ["w.bin"]


def test_content_of_a_gated_repo_is_not_given_to_those_outside(world: World, lin: Actor, mei: Actor) -> None:
    gated = world.repo("lin/gated", by=lin)
    put = world.upload(gated, WEIGHTS, by=lin)
    commit_lfs(world, gated, put.sha256, by=lin)
    world.write_in(hub.change_settings, world.fresh(gated), lin, gated="manual")
    with pytest.raises(hub.LfsObjectMissing):
        commit_lfs(world, world.repo("mei/mine", by=mei), put.sha256, by=mei)


def test_a_token_that_may_not_read_a_repo_may_not_take_from_it(world: World, lin: Actor) -> None:
    private = world.repo("lin/private", by=lin, visibility="private")
    put = world.upload(private, WEIGHTS, by=lin)
    commit_lfs(world, private, put.sha256, by=lin)
    world.repo("lin/other", by=lin)
    narrow = world.with_token("lin", "fine-grained", ("models/lin/other", "write"))
    other = world.read_in(hub.writable_repo, "model", "lin/other", narrow)
    with pytest.raises(hub.LfsObjectMissing):
        commit_lfs(world, other, put.sha256, by=narrow)


def test_many_contents_are_one_commit(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    sha256s = [f"{number:064x}" for number in range(600)]
    with world.site.db.write() as session:
        for sha256 in sha256s:
            content.record_raw(session, sha256, 5)
            hub.link_upload(session, repo, sha256, lin.id)
    changes = [hub.LfsPut(f"w{sha256}.bin", sha256) for sha256 in sha256s]
    world.apply(repo, hub.CommitPlan("main", changes, "many"), by=lin)
    assert len(world.paths(repo)) == 600
    assert world.fresh(repo).stored_bytes == 3000


# --- pointers


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**62))
def test_a_pointer_reads_back_as_what_it_was_made_of(digest: bytes, size: int) -> None:
    pointer = parse_pointer(make_pointer(digest.hex(), size))
    assert pointer is not None
    assert (pointer.sha256, pointer.size_bytes) == (digest.hex(), size)


@given(st.binary(max_size=2000))
def test_ordinary_bytes_are_no_pointer(data: bytes) -> None:
    assert parse_pointer(data) is None


GOOD = make_pointer("ab" * 32, 12)


@pytest.mark.parametrize(
    "text",
    [
        GOOD[:-4],
        GOOD.replace(b"sha256:", b"md5:"),
        GOOD.replace(b"ab", b"xy"),
        GOOD.replace(b"size 12", b"size -12"),
        GOOD.replace(b"size 12", b"size 12e3"),
        b" " + GOOD,
        GOOD.upper(),
        GOOD + b"#" * 1024,
    ],
)
def test_a_broken_pointer_is_no_pointer(text: bytes) -> None:
    assert parse_pointer(text) is None


def test_a_pointer_with_extensions_is_a_pointer() -> None:
    lines = GOOD.split(b"\n")
    extended = b"\n".join([lines[0], b"ext-0-foo sha256:" + b"cd" * 32, *lines[1:]])
    assert parse_pointer(extended) is not None


# --- which files are large


@pytest.mark.parametrize(
    ("path", "size", "sample", "large"),
    [
        ("README.md", 100, b"# hi", False),
        ("model.safetensors", 0, b"", True),
        ("deep/folder/pytorch_model.bin", 5, b"text", True),
        ("notes.txt", 10, b"has a \0 in it", True),
        ("notes.txt", 10, "中文字".encode(), False),
        ("notes.txt", 600, "中文字".encode()[:-1], False),
        ("notes.txt", 10, b"\xff\xfe\xfd broken utf-8 here", True),
        ("big.txt", 11 * 1024 * 1024, b"text", True),
        ("empty", 0, b"", False),
        ("runs/events.out.tfevents.123", 5, b"x", True),
    ],
)
def test_a_file_is_large_by_name_size_or_content(path: str, size: int, sample: bytes, large: bool) -> None:
    assert LfsDecider(DEFAULT_ATTRIBUTES).belongs(path, size, sample) is large


def test_the_last_matching_line_of_the_attributes_counts() -> None:
    decider = LfsDecider("*.bin filter=lfs\nsmall.bin -filter\nfolder/** filter=lfs\n# *.md filter=lfs\n")
    tracked = [path for path in ("a.bin", "small.bin", "folder/x", "a.md", "x") if decider.tracks(path)]
    assert tracked == ["a.bin", "folder/x"]


ODD = [
    "",
    "\n\n",
    "[ filter=lfs",
    "\\ filter=lfs",
    "! filter=lfs",
    "/ filter=lfs",
    "** ** **",
    "\0 filter=lfs",
    "*" * 50,
]


@pytest.mark.parametrize("text", ODD)
def test_odd_attributes_and_ignore_lines_spare_the_good_ones(text: str) -> None:
    assert LfsDecider(f"{text}\n*.bin filter=lfs").tracks("a/b.bin")
    assert ignore_matcher(f"{text.partition(' ')[0]}\n*.log")("a/b.log")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("a*" * 12 + "b", "a" * 250), ("**/a/" * 12 + "b", "a/" * 99 + "a"), ("*/**/" * 9 + "b", "a/" * 99 + "a")],
)
def test_no_pattern_takes_longer_than_its_path_is_long(pattern: str, path: str) -> None:
    assert not ignore_matcher(pattern)(path)
    assert not LfsDecider(f"{pattern} filter=lfs").tracks(path)


@pytest.mark.parametrize(
    "pattern", ["a*", "*a*b*", "*?b*", "**/b", "a/**/b", "**/a/**/b", "a/**/*a*b", "a**b", "/*/b/", "[ab]*a", "a/**"]
)
def test_patterns_match_as_git_says(pattern: str, tmp_path: Path) -> None:
    paths = [path for path in map("".join, product("ab/", repeat=5)) if "//" not in path and path.strip("/") == path]
    (tmp_path / ".gitignore").write_text(pattern)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    asked = ["git", "check-ignore", "--no-index", "--stdin"]
    said = subprocess.run(asked, cwd=tmp_path, input="\n".join(paths).encode(), capture_output=True).stdout.decode()
    is_ignored = ignore_matcher(pattern)
    assert [path for path in paths if is_ignored(path)] == said.split()
