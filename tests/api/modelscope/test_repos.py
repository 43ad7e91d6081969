"""Repos come, are shown and listed, change and go; what an upload creates unasked is not published."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from support.ms import SDK, MsPerson
from support.servers import LiveHub


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_new_repo_has_its_first_files_and_says_what_was_said(lin: MsPerson, live: LiveHub, kind: str) -> None:
    said = {"ChineseName": "龙井", "Description": "green: tea", "License": "Apache License 2.0"}
    repo = lin.create(live.fresh_name("tea"), kind=kind, visibility=3, **said)
    assert set(lin.files(repo, kind=kind)) == {".gitattributes", "README.md", "configuration.json"}
    data = lin.http.get(f"/api/v1/{kind}s/{repo}").json()["Data"]
    shown = {name: data[name] for name in ("ChineseName", "Description", "License", "Visibility", "Owner", "Path")}
    assert shown == {
        "ChineseName": "龙井", "Description": "green: tea", "License": "apache-2.0", "Visibility": 3,
        "Owner": lin.name, "Path": lin.name,
    }  # fmt: skip
    assert isinstance(data["Id"], int)
    assert data.get("Type") == (4 if kind == "dataset" else None)
    assert "龙井" in data["ReadMeContent"]


@pytest.mark.parametrize(("kind", "code"), [("model", 10010101001), ("dataset", 10020101001)])
def test_what_exists_cannot_be_made_again(lin: MsPerson, live: LiveHub, kind: str, code: int) -> None:
    repo = lin.create(live.fresh_name("tea"), kind=kind)
    answer = lin.ask_to_create(repo.partition("/")[2], kind=kind)
    assert (answer.status_code, answer.json()["Code"]) == (400, code)
    assert "exist" in answer.json()["Message"]


BARE: list[dict[str, Any]] = [{}, {"License": "Apache License 2.0"}, {"ChineseName": None}]


@pytest.mark.parametrize("said", BARE)
def test_what_an_upload_creates_is_private_and_the_answer_says_so(
    live: LiveHub, lin: MsPerson, stranger: MsPerson, said: dict[str, Any]
) -> None:
    client = MsPerson(lin.url, lin.name, lin.token, SDK)
    answer = client.ask_to_create(live.fresh_name("up"), visibility=5, **said)
    repo = answer.json()["Data"]
    assert (answer.status_code, repo["Visibility"]) == (200, 1)
    assert "made private" in answer.json()["Message"]
    assert stranger.http.get(f"/api/v1/models/{repo['RepoId']}").status_code == 404


MEANT: list[dict[str, Any]] = [{"ChineseName": "茶"}, {"Description": "x"}, {"License": "mit"}, {"ProtectedMode": 2}]


@pytest.mark.parametrize("said", MEANT)
def test_who_says_more_gets_what_was_asked_for(live: LiveHub, lin: MsPerson, said: dict[str, Any]) -> None:
    client = MsPerson(lin.url, lin.name, lin.token, SDK)
    answer = client.ask_to_create(live.fresh_name("up"), visibility=5, **said)
    assert (answer.json()["Data"]["Visibility"], answer.json()["Message"]) == (5, "success")


def test_a_server_may_be_told_to_create_as_asked(live: LiveHub, lin: MsPerson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.site, "modelscope_create_visibility", "as-asked")
    client = MsPerson(lin.url, lin.name, lin.token, SDK)
    assert client.ask_to_create(live.fresh_name("up"), visibility=5).json()["Data"]["Visibility"] == 5


def test_visibility_changes_by_name_and_by_number(lin: MsPerson, stranger: MsPerson, tea: str, silk: str) -> None:
    assert lin.http.put(f"/api/v1/models/{tea}", json={"Visibility": 1, "License": "x"}).json()["Code"] == 200
    assert stranger.http.get(f"/api/v1/models/{tea}").status_code == 404
    number = lin.http.get(f"/api/v1/datasets/{silk}").json()["Data"]["Id"]
    assert lin.http.put(f"/api/v1/datasets/{number}", json={"Visibility": 5, "ProtectedMode": 2}).json()["Code"] == 200
    assert stranger.http.get(f"/api/v1/datasets/{silk}").status_code == 200


def test_a_dataset_is_found_by_its_number_by_those_who_may(lin: MsPerson, mei: MsPerson, silk: str, tea: str) -> None:
    number = lin.http.get(f"/api/v1/datasets/{silk}").json()["Data"]["Id"]
    model = lin.http.get(f"/api/v1/models/{tea}").json()["Data"]["Id"]
    found = lin.http.get(f"/api/v1/datasets/{number}/repo/tree", params={"Root": "/"}).json()["Data"]
    assert {item["Path"] for item in found["Files"]} >= {"README.md", "configuration.json"}
    for person, address in ((mei, number), (lin, model), (lin, "0"), (lin, "999999999"), (lin, "x")):
        assert person.http.get(f"/api/v1/datasets/{address}/repo/tree").status_code == 404


def test_lists_have_pages_and_totals(lin: MsPerson, live: LiveHub) -> None:
    names = {lin.create(live.fresh_name("m"), visibility=5) for _ in range(3)}
    pages = [
        lin.http.get("/openapi/v1/models", params={"owner": lin.name, "page_number": n, "page_size": 2}).json()["data"]
        for n in (1, 2, 3)
    ]
    assert [len(page["models"]) for page in pages] == [2, 1, 0]
    assert {page["total_count"] for page in pages} == {3}
    assert {item["id"] for page in pages for item in page["models"]} == names
    old = lin.http.put("/api/v1/models/", content=f'{{"Path":"{lin.name}","PageNumber":1,"PageSize":10}}').json()[
        "Data"
    ]
    assert ({f"{item['Path']}/{item['Name']}" for item in old["Models"]}, old["TotalCount"]) == (names, 3)


def test_lists_show_what_the_asker_may_know_of(lin: MsPerson, mei: MsPerson, silk: str) -> None:
    query = {"PageNumber": "1", "PageSize": "10", "owner": lin.name}
    mine, hers = (who.http.get("/api/v1/datasets", params=query).json() for who in (lin, mei))
    assert ([item["RepoId"] for item in mine["Data"]], mine["TotalCount"]) == ([silk], 1)
    assert (hers["Data"], hers["TotalCount"]) == ([], 0)


def test_lists_are_filtered(lin: MsPerson, live: LiveHub) -> None:
    one, other = (lin.create(live.fresh_name("m"), visibility=5) for _ in range(2))
    lin.put(one, {"README.md": b"---\nlicense: mit\ntasks:\n- text-generation\ntags: [green]\n---\n"})
    for query in ({"filter.license": "MIT"}, {"filter.task": "text-generation"}, {"filter.custom_tag": "green"}):
        asked = {"owner": lin.name} | query
        found = lin.http.get("/openapi/v1/models", params=asked).json()["data"]["models"]
        assert [item["id"] for item in found] == [one], query
    assert lin.http.get(f"/openapi/v1/models/{one}").json()["data"]["tasks"] == ["text-generation"]
    assert other


@pytest.mark.parametrize("query", ["page_number=0", "page_number=x", "page_size=50&page_number=61", "page_size=-1"])
def test_an_impossible_page_is_refused(stranger: MsPerson, query: str) -> None:
    answer = stranger.http.get(f"/openapi/v1/models?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "InputParameterError")


def test_a_repo_is_deleted_by_who_rules_it(lin: MsPerson, mei: MsPerson, tea: str) -> None:
    assert mei.http.delete(f"/api/v1/models/{tea}").status_code == 403
    assert lin.http.delete(f"/api/v1/models/{tea}").json()["Code"] == 200
    assert lin.http.get(f"/openapi/v1/models/{tea}").status_code == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"Path":1}', b'{"Name":"x","Path":"a","Visibility":"5"}', b"\xff"])
def test_a_bad_body_is_refused(lin: MsPerson, body: bytes) -> None:
    answer = lin.http.post("/api/v1/models", content=body)
    assert (answer.status_code, answer.json()["Success"]) == (400, False)


@pytest.mark.parametrize(
    "body", [b"", b"--b\r\n\r\n", b"nonsense", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"]
)
def test_a_bad_form_is_refused(lin: MsPerson, body: bytes) -> None:
    kinds = {"content-type": "multipart/form-data; boundary=b"}
    answer = lin.http.post("/api/v1/datasets", content=body, headers=kinds)
    assert (answer.status_code, answer.json()["Success"]) == (400, False)
    assert httpx.post(f"{lin.url}/api/v1/datasets", headers={"content-type": "multipart/form-data"}).status_code == 400
