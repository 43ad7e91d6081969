"""One repo, every dialect: what one of them pushes all the others pull, byte for byte, with one history, one card."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.desk import Desk
from support.hf import HfPerson
from support.ms import MsPerson, lfs, normal
from support.servers import LiveHub

CARD = b"""---
license: mit
language:
- zh
- en
tags:
- green
pipeline_tag: text-generation
library_name: peft
---
# tea
"""
FILES = {
    "README.md": CARD,
    "plain.txt": b"hello\r\nthere",
    "empty": b"",
    "sub/dir/\xe6\xb1\x89\xe5\xad\x97 1.txt".encode("latin-1").decode(): "茶".encode(),
}
LARGE = {"weights.bin": os.urandom(200_000), "odd name [1].weird": os.urandom(100_000)}
TITLE = "push all of it"

Push = Callable[["Household"], None]
Pull = Callable[["Household", str], bytes]


class Household:
    """Lin at work with all her tools, on one public repo."""

    def __init__(self, live: LiveHub, folder: Path) -> None:
        self.live = live
        name = live.user()
        token = live.token(name, "admin")
        self.hf = HfPerson(live.url, name, token)
        self.ms = MsPerson(live.url, name, token)
        self.older_ms = MsPerson(live.url, name, headers={"cookie": f"m_session_id={token}"})
        self.repo = self.ms.create(live.fresh_name("shared"), visibility=5)
        self.desk = Desk(folder / "desk")
        self.address = f"{live.url.replace('://', f'://{name}:{token}@')}/{self.repo}.git"


def by_modelscope(house: Household) -> None:
    commit_by(house.ms, house.repo)


def by_older_modelscope(house: Household) -> None:
    """With nothing but a cookie, and every file sent as an object first, also those that the commit holds whole."""
    for data in FILES.values():
        house.older_ms.upload(house.repo, data)
    commit_by(house.older_ms, house.repo)


def commit_by(person: MsPerson, repo: str) -> None:
    sent = [lfs(path, person.upload(repo, data), len(data)) for path, data in LARGE.items()]
    actions = [*(normal(path, data) for path, data in FILES.items()), *sent]
    assert person.commit(repo, actions, title=TITLE).json()["Code"] == 200


def by_hf(house: Household) -> None:
    from huggingface_hub import CommitOperationAdd

    everything = FILES | LARGE
    operations = [CommitOperationAdd(path, data) for path, data in everything.items()]
    house.hf.api.create_commit(house.repo, operations, commit_message=TITLE)


def by_hf_without_xet(house: Household) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        by_hf(house)


def by_git(house: Household) -> None:
    clone = house.desk.clone(house.address, "pusher", "-b", "master")
    clone.git("lfs", "track", *LARGE, "--filename")
    clone.commit(FILES | LARGE, TITLE)
    clone.git("push", "-q", "origin", "master")


def from_modelscope(house: Household, path: str) -> bytes:
    return house.ms.get(house.repo, path).content


def from_older_modelscope(house: Household, path: str) -> bytes:
    """It knows the size from the listing, and asks for exactly that range."""
    size = house.older_ms.files(house.repo)[path]["Size"]
    if size == 0:
        return b""  # never asked for
    answer = house.older_ms.get(house.repo, path, range=f"bytes=0-{size - 1}")
    assert (answer.status_code, answer.headers["content-range"]) == (206, f"bytes 0-{size - 1}/{size}")
    return answer.content


def from_hf(house: Household, path: str) -> bytes:
    answer = house.hf.http.get(f"/{house.repo}/resolve/main/{path}", follow_redirects=True)
    assert answer.status_code == 200
    return answer.content


def from_streaming(house: Household, path: str) -> bytes:
    return httpx.get(f"{house.live.url}/models/{house.repo}/resolve/master/{path}").content


def from_git(house: Household, path: str) -> bytes:
    folder = house.desk.folder / "puller"
    clone = house.desk.clone(house.address, "puller") if not folder.exists() else None
    if clone is not None:
        clone.git("lfs", "pull")
    return (folder / path).read_bytes()


PUSHES: list[Push] = [by_modelscope, by_older_modelscope, by_hf, by_hf_without_xet, by_git]
PULLS: list[Pull] = [from_modelscope, from_older_modelscope, from_hf, from_streaming, from_git]


@pytest.fixture(scope="module", params=PUSHES, ids=lambda push: push.__name__)
def house(request: pytest.FixtureRequest, live: LiveHub, tmp_path_factory: pytest.TempPathFactory) -> Household:
    """A repo as one of the clients pushed it; the tests only look."""
    made = Household(live, tmp_path_factory.mktemp("house"))
    request.param(made)
    return made


@pytest.mark.parametrize("pull", PULLS, ids=lambda pull: pull.__name__)
def test_every_byte_arrives(house: Household, pull: Pull) -> None:
    for path, data in (FILES | LARGE).items():
        assert pull(house, path) == data, path


def test_all_agree_on_sizes_and_sums(house: Household) -> None:
    listed = house.ms.files(house.repo)
    tree = {node.path: node for node in house.hf.api.list_repo_tree(house.repo, recursive=True)}
    assert set(listed) == set(tree)
    for path, data in (FILES | LARGE).items():
        assert (listed[path]["Size"], listed[path]["Sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert tree[path].size == len(data)
        assert listed[path]["IsLFS"] is (path in LARGE)


def test_all_agree_on_history_and_card(house: Household) -> None:
    ours = house.ms.http.get(f"/api/v1/models/{house.repo}/commits").json()["Data"]["Commit"]
    theirs = house.hf.api.list_repo_commits(house.repo)
    gits = house.desk.git("ls-remote", house.address, "refs/heads/main", "refs/heads/master").split()
    assert [commit["Id"] for commit in ours] == [commit.commit_id for commit in theirs]
    assert [commit["Title"] for commit in ours] == [TITLE, "initial commit"]
    assert {gits[0], gits[2]} == {ours[0]["Id"]}
    assert [commit["AuthorName"] for commit in ours] == [commit.authors[0] for commit in theirs]
    clone = house.desk.clone(house.address, "history", "--no-checkout")
    assert clone.git("log", "--format=%H %an").split("\n")[:2] == [f"{c['Id']} {c['AuthorName']}" for c in ours]
    old = house.ms.http.get(f"/api/v1/models/{house.repo}").json()["Data"]
    new = house.ms.http.get(f"/openapi/v1/models/{house.repo}").json()["data"]
    info: Any = house.hf.api.model_info(house.repo)
    assert (old["License"], new["license"], info.card_data.license) == ("mit", "mit", "mit")
    assert (old["Tasks"], new["tasks"], info.pipeline_tag) == (
        [{"name": "text-generation"}], ["text-generation"], "text-generation",
    )  # fmt: skip
    assert (old["ModelFramework"], new["library"], info.library_name) == ("peft", "peft", "peft")
    assert set(info.tags) == set(old["Tags"]) >= {"green", "zh", "en", "license:mit"}
    assert info.card_data.language == ["zh", "en"]
    assert {"license:mit", "task:text-generation", "custom_tag:green"} <= set(new["tags"])
    assert (old["Downloads"], new["downloads"]) == (info.downloads, info.downloads)
