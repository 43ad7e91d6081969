"""Studios are spaces whose owners' wishes are kept; nothing runs them, and every answer is honest about that."""

from __future__ import annotations

from typing import Any

import pytest

from support.ms import MsPerson
from support.servers import LiveHub
from yungu import hub, trust


@pytest.fixture
def studio(lin: MsPerson, live: LiveHub) -> str:
    name = live.fresh_name("studio")
    body = {"owner": lin.name, "repo_name": name, "private": False, "display_name": "Tea house", "hardware": "small"}
    assert lin.http.post("/openapi/v1/studios", json=body).json()["success"] is True
    return f"{lin.name}/{name}"


def of(person: MsPerson, studio: str, rest: str = "", method: str = "GET", **options: Any) -> dict[str, Any]:
    return dict(person.http.request(method, f"/openapi/v1/studios/{studio}{rest}", **options).json())


def test_a_studio_is_a_space_in_every_dialect(lin: MsPerson, stranger: MsPerson, studio: str) -> None:
    shown = of(stranger, studio)["data"]
    assert (shown["id"], shown["display_name"], shown["private"]) == (studio, "Tea house", False)
    assert shown["runtime"]["status"] == "Initialized"
    assert stranger.http.get(f"/api/spaces/{studio}").json()["id"] == studio
    assert set(stranger.files(studio, kind="studio")) == {".gitattributes", "README.md"}
    assert stranger.http.get(f"/studios/{studio}.git/info/refs?service=git-upload-pack").status_code == 200
    listed = stranger.http.get("/openapi/v1/studios", params={"owner": lin.name}).json()
    assert ([item["id"] for item in listed["studios"]], listed["total_count"]) == ([studio], 1)
    assert lin.http.delete(f"/api/v1/studios/{studio}").json()["Code"] == 200
    assert of(stranger, studio)["code"] == "ResourceNotFound"


def test_a_studio_of_which_nothing_was_said_is_private(lin: MsPerson, stranger: MsPerson, live: LiveHub) -> None:
    name = live.fresh_name("studio")
    made = lin.http.post("/openapi/v1/studios", json={"owner": lin.name, "repo_name": name}).json()["data"]
    assert made["private"] is True
    assert of(stranger, made["id"])["code"] == "ResourceNotFound"


def test_a_wish_is_noted_and_its_log_says_that_nothing_runs(lin: MsPerson, studio: str) -> None:
    told = of(lin, studio, "/deploy", "POST")
    assert "No runner" in told["message"]
    assert told["data"]["runtime"]["status"] == "Failed"
    log = of(lin, studio, "/logs/run")["data"]
    assert (log["total_count"], log["page_num"], log["total_page_num"]) == (1, 1, 1)
    assert "No runner is configured" in log["logs"][0]["message"]
    assert of(lin, studio, "/logs/run?keyword=nothing-like-it")["data"]["logs"] == []
    assert of(lin, studio, "/stop", "POST")["data"]["runtime"]["status"] == "Stopped"
    assert of(lin, studio, "/logs/none")["code"] == "InputParameterError"


def test_settings_are_kept_and_shown_to_its_writers(lin: MsPerson, mei: MsPerson, studio: str) -> None:
    of(lin, studio, "/settings", "PATCH", json={"cpu": "2", "hardware": None, "private": True})
    shown = of(lin, studio)["data"]
    assert (shown["cpu"], shown["hardware"], shown["private"]) == ("2", "", True)
    assert of(mei, studio)["code"] == "ResourceNotFound"


def test_secrets_lie_sealed_in_the_database(lin: MsPerson, studio: str, live: LiveHub) -> None:
    for place in ("/secrets", "/variables"):
        of(lin, studio, place, "POST", json={"key": f"KEY_{place[1:]}", "value": "hf_plain_words"})
    repo = live.world.read_in(hub.find_repo, "space", studio)
    assert repo is not None
    held = [live.world.read_in(hub.list_space_variables, repo, secret=secret)[0] for secret in (True, False)]
    assert "hf_plain_words" not in held[0].value
    assert held[1].value == "hf_plain_words"
    place = hub.space_secret_place(repo, "KEY_secrets")
    assert trust.unseal(live.site.secret, place, held[0].value) == "hf_plain_words"


def test_secrets_are_never_told_and_variables_are(lin: MsPerson, mei: MsPerson, studio: str) -> None:
    for place in ("/secrets", "/variables"):
        key = f"KEY_{place[1:]}"
        assert of(lin, studio, place, "POST", json={"key": key, "value": "one"})["success"] is True
        assert of(lin, studio, place, "POST", json={"key": key, "value": "one"})["code"] == "DuplicateEntity"
        assert of(lin, studio, place, "PUT", json={"key": key, "value": "two"})["success"] is True
        assert of(lin, studio, place, "PUT", json={"key": "OTHER", "value": ""})["code"] == "ResourceNotFound"
        assert of(lin, studio, place, "POST", json={"key": "9 bad", "value": ""})["code"] == "InputParameterError"
        assert of(mei, studio, place)["code"] == "OperationNotAllowed"
        items = of(lin, studio, place)["data"][place[1:]]
        assert [item["key"] for item in items] == [key]
        assert items[0].get("value") == (None if place == "/secrets" else "two")
        assert of(lin, studio, place, "DELETE", json={"key": key})["success"] is True
        assert of(lin, studio, place)["data"][place[1:]] == []
