"""How the hub says no: the status, the code that the client dispatches on, a sentence, and no existence given away."""

from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from support.hf import HfPerson, header
from support.servers import LiveHub
from yungu import accounts, hub
from yungu.api.hf.errors import status_of
from yungu.api.http.uploads import BodyTooLarge
from yungu.kernel.errors import YunguError
from yungu.storage.errors import StorageFull

READS = [
    ("GET", "/api/models/{repo}"),
    ("HEAD", "/api/models/{repo}"),
    ("GET", "/api/models/{repo}/revision/main"),
    ("GET", "/api/models/{repo}/refs"),
    ("GET", "/api/models/{repo}/tree/main"),
    ("GET", "/api/models/{repo}/commits/main"),
    ("GET", "/api/models/{repo}/compare/main..main"),
    ("GET", "/api/models/{repo}/lfs-files"),
    ("GET", "/api/models/{repo}/discussions"),
    ("GET", "/api/models/{repo}/auth-check"),
    ("GET", "/api/models/{repo}/xet-read-token/main"),
    ("POST", "/api/models/{repo}/paths-info/main"),
    ("GET", "/{repo}/resolve/main/a.txt"),
    ("HEAD", "/{repo}/resolve/main/a.txt"),
    ("GET", "/{repo}/raw/main/a.txt"),
]
WRITES = [
    ("GET", "/api/models/{repo}/xet-write-token/main"),
    ("GET", "/api/models/{repo}/auth-check/write"),
    ("POST", "/api/models/{repo}/preupload/main"),
    ("POST", "/api/models/{repo}/commit/main"),
    ("POST", "/api/models/{repo}/branch/dev"),
    ("DELETE", "/api/models/{repo}/branch/dev"),
    ("POST", "/api/models/{repo}/tag/main"),
    ("DELETE", "/api/models/{repo}/tag/v1"),
    ("POST", "/api/models/{repo}/super-squash/main"),
    ("PUT", "/api/models/{repo}/settings"),
    ("POST", "/api/models/{repo}/lfs-files/batch"),
    ("POST", "/api/models/{repo}/duplicate"),
    ("POST", "/api/models/{repo}/discussions"),
]
BODIES: dict[str, Any] = {
    "preupload": {"files": []},
    "tag": {"tag": "v1"},
    "batch": {"deletions": {"sha": []}},
    "duplicate": {"repository": "x"},
    "discussions": {"title": "hello"},
}


def ask(person: HfPerson, method: str, path: str) -> Any:
    body = next((body for word, body in BODIES.items() if f"/{word}" in path), {})
    if "/commit/" in path:
        return person.http.post(path, content=b'{"key":"header","value":{"summary":"x"}}\n')
    return person.http.request(method, path, json=body if method in ("POST", "PUT") else None)


@pytest.mark.parametrize(("method", "path"), READS + WRITES)
def test_a_private_repo_is_not_there_for_others(
    silk: str, stranger: HfPerson, mei_hf: HfPerson, method: str, path: str
) -> None:
    for person in (stranger, mei_hf):
        there, nowhere = ask(person, method, path.format(repo=silk)), ask(person, method, path.format(repo="no/such"))
        assert there.status_code == nowhere.status_code == 404
        assert there.headers["x-error-code"] == nowhere.headers["x-error-code"] == "RepoNotFound"
        assert there.headers["x-error-message"] == nowhere.headers["x-error-message"] == "Repository not found"
        assert there.content.replace(silk.encode(), b"no/such") == nowhere.content


@pytest.mark.parametrize(
    ("method", "path"), [row for row in WRITES if not row[1].endswith(("duplicate", "discussions"))]
)
def test_a_public_repo_may_be_read_but_not_written_by_others(
    tea: str, stranger: HfPerson, mei_hf: HfPerson, method: str, path: str
) -> None:
    assert ask(mei_hf, method, path.format(repo=tea)).status_code == 403
    assert ask(stranger, method, path.format(repo=tea)).status_code == 401


@pytest.mark.parametrize(("method", "path"), [*READS, *WRITES, ("GET", "/api/whoami-v2"), ("GET", "/api/models")])
def test_a_bad_token_is_told_so_even_where_none_is_needed(live: LiveHub, tea: str, method: str, path: str) -> None:
    answer = ask(HfPerson(live.url, token="yg_" + "x" * 43), method, path.format(repo=tea))
    assert answer.status_code == 401
    assert answer.headers["x-error-message"] == "Invalid credentials in Authorization header"
    assert "x-error-code" not in answer.headers


def test_a_read_token_does_not_write(live: LiveHub, lin_hf: HfPerson, tea: str) -> None:
    reader = HfPerson(live.url, lin_hf.name, live.token(lin_hf.name, "read"))
    assert reader.send(tea, [header("x")]).status_code == 403
    assert reader.http.post("/api/repos/create", json={"name": "new"}).status_code == 403
    assert reader.http.get(f"/api/models/{tea}").status_code == 200


def test_who_one_is_needs_a_token(stranger: HfPerson, lin_hf: HfPerson) -> None:
    assert stranger.http.get("/api/whoami-v2").status_code == 401
    assert lin_hf.api.whoami()["name"] == lin_hf.name


TABLE: list[tuple[YunguError, int]] = [
    (accounts.TokenInvalid(), 401),
    (accounts.SignInRequired(), 401),
    (hub.RepoNotFound("a/b"), 404),
    (hub.RevisionNotFound("v1"), 404),
    (hub.EntryNotFound("a", "0" * 40), 404),
    (hub.DropMissing("a"), 404),
    (hub.DiscussionNotFound(3), 404),
    (hub.RepoGated("model", "a/b"), 403),
    (hub.RepoDenied("a/b", "write"), 403),
    (hub.NamespaceDenied("a"), 403),
    (hub.RepoExists("model", "a/b"), 409),
    (hub.RefExists("refs/heads/a"), 409),
    (hub.MergeConflict(["a"]), 409),
    (hub.RefMoved("refs/heads/main"), 412),
    (hub.ParentStale("refs/heads/main"), 412),
    (hub.PathInvalid("a", "b"), 422),
    (hub.LfsObjectMissing(["0"]), 422),
    (hub.LfsSizeWrong("a", 1, 2), 422),
    (hub.CommitTooBig(1), 413),
    (BodyTooLarge("x"), 413),
    (hub.RepoNameInvalid("a", "b"), 400),
    (hub.CommitEmpty(), 400),
    (StorageFull("x"), 507),
    (YunguError("x"), 500),
]


@pytest.mark.parametrize(("error", "status"), TABLE, ids=lambda value: type(value).__name__)
def test_every_refusal_has_its_status(error: YunguError, status: int) -> None:
    assert status_of(error) == status


def test_the_real_client_raises_its_own_errors(lin_hf: HfPerson, mei_hf: HfPerson, tea: str, silk: str) -> None:
    with pytest.raises(RepositoryNotFoundError):
        mei_hf.api.model_info(silk)
    with pytest.raises(RepositoryNotFoundError):
        mei_hf.api.model_info("gpt2")
    with pytest.raises(RevisionNotFoundError):
        lin_hf.api.model_info(tea, revision="v9")
    with pytest.raises(EntryNotFoundError):
        lin_hf.api.get_hf_file_metadata(url=f"{lin_hf.url}/{tea}/resolve/main/none.txt")
    with pytest.raises(EntryNotFoundError):
        list(lin_hf.api.list_repo_tree(tea, "none"))
    assert not mei_hf.api.repo_exists(silk)
    assert not lin_hf.api.file_exists(tea, "none.txt")
    assert not lin_hf.api.revision_exists(tea, "v9")
    with pytest.raises(HfHubHTTPError, match="409"):
        lin_hf.api.create_repo(tea)
    assert lin_hf.api.create_repo(tea, exist_ok=True).repo_id == tea
    with pytest.raises(HfHubHTTPError, match="403"):
        mei_hf.api.create_repo(f"{lin_hf.name}/mine")


def test_a_gated_repo_shows_itself_but_keeps_its_files(
    lin_hf: HfPerson, mei_hf: HfPerson, stranger: HfPerson, tea: str
) -> None:
    lin_hf.put(tea, {"a.txt": b"for friends"})
    sha256 = lin_hf.upload_lfs(tea, b"for friends " * 100)
    lin_hf.put_lfs(tea, "model.bin", b"for friends " * 100)
    assert lin_hf.http.put(f"/api/models/{tea}/settings", json={"gated": "manual"}).status_code == 200
    for person in (mei_hf, stranger):
        assert person.http.get(f"/api/models/{tea}").json()["gated"] == "manual"
        for name in ("a.txt", "model.bin"):
            answer = person.get(tea, name)
            assert (answer.status_code, answer.headers["x-error-code"]) == (403, "GatedRepo")
            assert b"friends" not in answer.content
        assert person.http.get(f"/api/models/{tea}/xet-read-token/main").headers["x-error-code"] == "GatedRepo"
        batch = person.http.post(
            f"/{tea}.git/info/lfs/objects/batch",
            json={"operation": "download", "objects": [{"oid": sha256, "size": 1200}]},
            headers={"content-type": "application/vnd.git-lfs+json"},
        )
        assert batch.status_code in (401, 403)
        assert person.http.get(f"/{tea}.git/info/refs?service=git-upload-pack").status_code in (401, 403)
    with pytest.raises(GatedRepoError):
        mei_hf.api.get_hf_file_metadata(url=f"{mei_hf.url}/{tea}/resolve/main/a.txt")
    assert lin_hf.get(tea, "a.txt").content == b"for friends"


@pytest.mark.parametrize("path", ["/api/models/gpt2", "/api/datasets/squad", "/gpt2/resolve/main/config.json"])
def test_a_repo_without_a_namespace_is_no_repo(stranger: HfPerson, path: str) -> None:
    answer = stranger.http.get(path)
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")


def test_a_name_that_fits_in_no_header_is_refused(lin_hf: HfPerson) -> None:
    answer = lin_hf.http.post("/api/repos/create", json={"name": "a\0b\r\nx: y\u8336"})
    assert answer.status_code == 400
    assert "a?b" in answer.headers["x-error-message"]


def test_a_wrong_method_is_told_what_is_possible(stranger: HfPerson, tea: str) -> None:
    answer = stranger.http.patch(f"/api/models/{tea}")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_a_refusal_names_the_request(stranger: HfPerson) -> None:
    answer = stranger.http.get("/api/models/no/such", headers={"x-amzn-trace-id": "1234-abcd"})
    assert answer.headers["x-request-id"] == "1234-abcd"


def test_messages_in_any_language_stay_one_header_line(lin_hf: HfPerson, tea: str) -> None:
    answer = lin_hf.head(tea, "没有/这个文件.txt")
    assert answer.status_code == 404
    assert "\n" not in answer.headers["x-error-message"]
    answer = lin_hf.head(tea, "a%0d%0aSet-Cookie: x=1")
    assert "set-cookie" not in answer.headers
