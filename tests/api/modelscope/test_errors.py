"""Every refusal comes in the envelope of its API, all of whose fields are there."""

from __future__ import annotations

import pytest

from support.ms import MsPerson, drop, lfs, normal
from yungu import hub
from yungu.api.modelscope.errors import status_of
from yungu.kernel.errors import Exhausted, Unavailable

LEGACY = {"Code", "Success", "Message", "RequestId", "Data"}
OPEN = {"success", "code", "message", "request_id"}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/models/nobody/nothing", 404), ("/api/v1/models/nobody/nothing/repo/files", 404),
        ("/api/v1/nothing/here", 404), ("/api/v1/models/{tea}/repo/files?Revision=none", 404),
        ("/api/v1/models/{tea}/repo?FilePath=none", 404), ("/api/v1/models/{tea}/repo", 400),
        ("/api/v1/models/{tea}/commits?PageSize=x", 400), ("/api/v1/datasets/{tea}", 404),
        ("/api/v1/collections?Fid=none", 404), ("/api/v1/datasets/{tea}/ststoken", 404),
        ("/api/v1/datasets/{tea}/oss/tree", 404), ("/api/v1/deployer/endpoint", 404),
    ],
)  # fmt: skip
def test_reads_are_refused_in_the_older_envelope(lin: MsPerson, tea: str, address: str, status: int) -> None:
    answer = lin.http.get(address.replace("{tea}", tea), headers={"x-request-id": "abc"})
    body = answer.json()
    assert (answer.status_code, set(body), body["Code"], body["Success"]) == (status, LEGACY, status, False)
    assert (body["RequestId"], answer.headers["x-request-id"]) == ("abc", "abc")
    assert body["Message"]


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/openapi/v1/models/nobody/nothing", 404, "ResourceNotFound"),
        ("/openapi/v1/nothing", 404, "ResourceNotFound"),
        ("/openapi/v1/studios/nobody/nothing", 404, "ResourceNotFound"),
        ("/openapi/v1/skills/nobody/nothing", 404, "ResourceNotFound"),
        ("/openapi/v1/mcp/servers/@nobody/nothing", 404, "ResourceNotFound"),
        ("/openapi/v1/galleries", 404, "ResourceNotFound"), ("/openapi/v1/agents/a/b", 404, "ResourceNotFound"),
        ("/openapi/v1/models?page_size=0", 400, "InputParameterError"),
        ("/openapi/v1/mcp/servers/operational", 401, "InvalidAuthentication"),
    ],
)  # fmt: skip
def test_reads_are_refused_in_the_newer_envelope(stranger: MsPerson, address: str, status: int, code: str) -> None:
    answer = stranger.http.get(address)
    body = answer.json()
    assert (answer.status_code, set(body), body["code"], body["success"]) == (status, OPEN, code, False)


def test_writing_takes_somebody_who_may(lin: MsPerson, mei: MsPerson, stranger: MsPerson, tea: str, silk: str) -> None:
    actions = [normal("a.txt", b"a")]
    assert [who.commit(tea, actions).json()["Code"] for who in (stranger, mei, lin)] == [401, 403, 200]
    hidden = [who.commit(silk, actions, kind="dataset") for who in (stranger, mei, lin)]
    assert [answer.json()["Code"] for answer in hidden] == [404, 404, 200]
    body = {"Path": lin.name, "Name": "x", "Visibility": 1}
    assert mei.http.post("/api/v1/models", json=body).json()["Code"] == 403
    assert stranger.http.post("/api/v1/models", json=body).json()["Code"] == 401


def test_what_a_commit_cannot_be(lin: MsPerson, tea: str) -> None:
    cases = [
        ([], 400), ([normal("../x", b"")], 400), ([normal(".git/x", b"")], 400), ([lfs("a", "ab" * 32, 3)], 400),
        ([lfs("a", "nonsense", 3)], 400), ([normal("a", b"") | {"content": "%%"}], 400),
        ([normal("a", b"") | {"action": "rename"}], 400), ([normal("a", b"") | {"type": "tree"}], 400),
        ([drop(f"{number}") for number in range(2001)], 422), ([normal("README.md/x", b"")], 409),
    ]  # fmt: skip
    before = lin.http.get(f"/api/v1/models/{tea}/commits").json()["TotalCount"]
    for actions, status in cases:
        answer = lin.commit(tea, actions)
        assert (answer.status_code, answer.json()["Code"], set(answer.json())) == (status, status, LEGACY), answer.text
    assert lin.http.get(f"/api/v1/models/{tea}/commits").json()["TotalCount"] == before


def test_a_name_that_cannot_be_is_refused(lin: MsPerson) -> None:
    for name in ("", "..", "a/b", "a--b", "x" * 200, "-x"):
        assert lin.ask_to_create(name).json()["Code"] == 400


def test_a_tag_that_is_there_is_told(lin: MsPerson, tea: str) -> None:
    tag = {"TagName": "v1", "Ref": "master"}
    answers = [lin.http.post(f"/api/v1/models/{tea}/repo/tag", json=tag).json() for _ in range(2)]
    assert [answer["Code"] for answer in answers] == [200, 409]
    assert "exist" in answers[1]["Message"]
    missing = lin.http.post(f"/api/v1/models/{tea}/repo/tag", json={"TagName": "v2", "Ref": "none"})
    assert missing.json()["Code"] == 404


def test_the_wrong_method_is_told_with_the_right_ones(lin: MsPerson, tea: str) -> None:
    answer = lin.http.patch(f"/api/v1/models/{tea}")
    assert (answer.status_code, answer.json()["Code"]) == (405, 405)
    assert set(answer.headers["allow"].split(", ")) == {"DELETE", "GET", "PUT"}


def test_a_gated_repo_shows_itself_but_not_its_files(lin: MsPerson, mei: MsPerson, tea: str) -> None:
    lin.http.put(f"/api/v1/models/{tea}", json={"ProtectedMode": 1})
    assert mei.http.get(f"/api/v1/models/{tea}").json()["Data"]["ReadMeContent"] == ""
    assert mei.http.get(f"/openapi/v1/models/{tea}").json()["data"]["gated"] is True
    assert mei.get(tea, "README.md").json()["Code"] == 403
    assert lin.get(tea, "README.md").status_code == 200


def test_the_other_kinds_of_refusal_have_their_status() -> None:
    assert status_of(hub.RefMoved("refs/heads/main")) == 409
    assert status_of(Exhausted("slower")) == 429
    assert status_of(Unavailable("later")) == 503
