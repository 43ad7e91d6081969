"""Clones and fetches with the real git."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest

from support.desk import Desk, Place
from support.servers import LiveHub
from yungu import hub
from yungu.hub import Kind


def test_a_clone_has_the_files_and_the_history(desk: Desk, place: Place) -> None:
    place.live.world.commit(place.repo, {"b/c.txt": b"more"}, by=place.live.actor(place.owner), title="more")
    clone = desk.clone(place.url(""), "c")
    assert clone.read("a.txt") == b"hello\n"
    assert clone.read("b/c.txt") == b"more"
    assert clone.git("log", "--format=%s").splitlines() == ["more", "initial commit"]
    assert clone.git("fsck", "--strict") == ""


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_every_version_of_the_protocol_is_spoken(desk: Desk, place: Place, version: str) -> None:
    desk.git("clone", "-q", "-c", f"protocol.version={version}", place.url(""), "c")
    assert (desk.folder / "c/a.txt").read_bytes() == b"hello\n"
    heads = desk.git("-c", f"protocol.version={version}", "ls-remote", "--symref", place.url(""))
    assert heads.splitlines()[0] == "ref: refs/heads/main\tHEAD"


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_every_way_to_write_the_address_leads_to_the_repo(desk: Desk, live: LiveHub, kind: Kind) -> None:
    place = Place(live, kind, "public")
    name = place.repo.repo_id
    paths = [f"/{kind}s/{name}", f"/{kind}s/{name}.git"] + ([f"/{name}", f"/{name}.git"] if kind == "model" else [])
    for path in paths:
        assert desk.git("ls-remote", place.url("", path), "refs/heads/main").startswith(place.refs()["refs/heads/main"])


def test_a_former_name_still_leads_to_the_repo(desk: Desk, place: Place) -> None:
    before, after = place.url(""), f"{place.owner}/{place.live.fresh_name('new')}"
    place.live.world.write_in(hub.move_repo, place.repo, after, place.live.actor(place.owner))
    assert desk.clone(before, "c").read("a.txt") == b"hello\n"


def test_a_shallow_clone_has_one_commit_and_deepens(desk: Desk, place: Place) -> None:
    for number in range(5):
        place.live.world.commit(place.repo, {"n": b"%d" % number}, by=place.live.actor(place.owner))
    clone = desk.clone(place.url(""), "c", "--depth=1")
    assert clone.git("rev-list", "--count", "HEAD") == "1"
    clone.git("fetch", "-q", "--deepen=2")
    assert clone.git("rev-list", "--count", "HEAD") == "3"
    clone.git("fetch", "-q", "--unshallow")
    assert clone.git("rev-list", "--count", "HEAD") == "6"


def test_a_partial_clone_fetches_blobs_when_they_are_needed(desk: Desk, place: Place) -> None:
    place.live.world.commit(place.repo, {"a.txt": b"second\n"}, by=place.live.actor(place.owner))
    clone = desk.clone(place.url(""), "c", "--filter=blob:none", "--no-checkout")
    missing = clone.git("rev-list", "--objects", "--missing=print", "--all").count("?")
    assert missing == 3
    assert clone.git("show", "HEAD~1:a.txt") == "hello"
    assert clone.git("rev-list", "--objects", "--missing=print", "--all").count("?") == 2


def test_a_single_branch_clone_has_only_that_branch(desk: Desk, place: Place) -> None:
    lin = place.live.actor(place.owner)
    place.live.world.write_in(hub.create_branch, place.live.site.git, place.repo, "dev", lin)
    place.live.world.commit(place.repo, {"d": b"dev"}, by=lin, branch="dev")
    clone = desk.clone(place.url(""), "c", "--single-branch", "--branch=dev")
    assert clone.git("branch", "-r").split() == ["origin/dev"]
    assert clone.read("d") == b"dev"


def test_a_commit_made_through_the_api_is_pulled(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(""), "c")
    commit = place.live.world.commit(place.repo, {"new.txt": b"new"}, by=place.live.actor(place.owner))
    clone.git("pull", "-q")
    assert clone.head() == commit.oid
    assert clone.read("new.txt") == b"new"


def test_a_repo_without_any_ref_can_be_cloned(desk: Desk, place: Place) -> None:
    lin = place.live.actor(place.owner)
    place.live.world.write_in(
        hub.move_ref,
        place.live.site.git,
        place.repo,
        "refs/heads/main",
        expect=place.refs()["refs/heads/main"],
        to=None,
        actor_id=lin.id,
    )
    clone = desk.clone(place.url(), "c")
    assert clone.git("branch", "--show-current") == "main"
    oid = clone.commit({"first": b"1"})
    clone.git("push", "-q", "origin", "main")
    assert place.refs() == {"refs/heads/main": oid}


def test_a_request_may_be_packed_with_gzip(place: Place) -> None:
    body = b"0014command=ls-refs\n0013agent=test/1.0\n00010009peel\n0000"
    headers = {
        "content-type": "application/x-git-upload-pack-request",
        "content-encoding": "gzip",
        "git-protocol": "version=2",
    }
    answer = httpx.post(f"{place.url('')}/git-upload-pack", content=gzip.compress(body), headers=headers)
    assert f"{place.refs()['refs/heads/main']} refs/heads/main".encode() in answer.content
    for broken in (gzip.compress(body)[:-12], b"no gzip"):
        answer = httpx.post(f"{place.url('')}/git-upload-pack", content=broken, headers=headers)
        assert answer.status_code == 400


def test_a_packed_bomb_is_refused(place: Place) -> None:
    bomb = gzip.compress(b"0" * (80 << 20))
    headers = {"content-type": "application/x-git-upload-pack-request", "content-encoding": "gzip"}
    assert httpx.post(f"{place.url('')}/git-upload-pack", content=bomb, headers=headers).status_code == 413


def test_what_is_not_git_is_refused_in_words(place: Place) -> None:
    base = place.url("")
    headers = {"content-type": "application/x-git-upload-pack-request"}
    assert httpx.post(f"{base}/git-upload-pack", content=b"zzzz", headers=headers).status_code == 400
    assert (
        httpx.post(f"{base}/git-upload-pack", content=b"0000", headers={"content-type": "text/plain"}).status_code
        == 400
    )
    assert "smart protocol" in httpx.get(f"{base}/info/refs").text
    assert httpx.get(f"{base}/info/refs?service=git-evil").status_code == 403


def test_the_machines_own_git_configuration_does_not_matter(
    desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".gitconfig").write_text("[uploadpack]\n\tpackObjectsHook = false\n[core]\n\tbroken")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert desk.clone(place.url(""), "c").read("a.txt") == b"hello\n"


def test_refs_are_listed_as_git_would_list_them(desk: Desk, place: Place) -> None:
    clone = desk.clone(place.url(), "c")
    clone.git("tag", "light")
    clone.git("tag", "-a", "heavy", "-m", "x")
    clone.git("push", "-q", "origin", "light", "heavy", "HEAD:refs/heads/dev/x")
    asked = [[], ["--symref"], ["--tags"], ["--heads", "--symref"], ["refs/heads/dev/*"], ["HEAD"], ["nothing"]]
    for options in asked:
        ours = desk.git("ls-remote", place.url(""), *options)
        gits = desk.git("-c", "protocol.version=0", "ls-remote", place.url(""), *options)
        assert ours == gits


def test_a_request_for_refs_that_is_out_of_the_ordinary_is_judged_by_git(place: Place) -> None:
    headers = {"content-type": "application/x-git-upload-pack-request", "git-protocol": "version=2"}
    odd = b"0014command=ls-refs\n00010008odd\n0000"
    assert httpx.post(f"{place.url('')}/git-upload-pack", content=odd, headers=headers).status_code in (200, 400)
    for broken in (odd[:-4], b"0014command=ls-refs\n0001zzzz", b"0014command=ls-refs\n000100ffpeel\n0000"):
        assert httpx.post(f"{place.url('')}/git-upload-pack", content=broken, headers=headers).status_code == 400
