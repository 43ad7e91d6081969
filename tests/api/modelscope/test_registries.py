"""The catalogue of MCP servers, and single small files."""

from __future__ import annotations

from typing import Any

import pytest

from support.ms import MsPerson
from support.servers import LiveHub
from yungu import hub


@pytest.fixture
def word(live: LiveHub) -> str:
    """A word that only two servers of the catalogue have: one runs, one does not."""
    word = live.fresh_name("w")
    live.world.write_in(hub.put_mcp_server, f"@{word}/idle", name="idle", category="demo", server_config=[{"a": 1}])
    urls = [{"url": "http://127.0.0.1:9/sse", "transport_type": "sse"}]
    live.world.write_in(hub.put_mcp_server, f"@{word}/busy", name="busy", operational_urls=urls)
    return word


def search(person: MsPerson, **body: Any) -> dict[str, Any]:
    return dict(person.http.put("/openapi/v1/mcp/servers", json=body).json())


def test_servers_are_searched_in_pages(stranger: MsPerson, word: str) -> None:
    found = search(stranger, search=word, page_number=1, page_size=1)["data"]
    assert ([item["name"] for item in found["mcp_server_list"]], found["total_count"]) == (["idle"], 2)
    for chosen, name in (({"category": "demo"}, "idle"), ({"is_hosted": True}, "busy"), ({"is_hosted": False}, "idle")):
        found = search(stranger, search=word, filter=chosen)["data"]
        assert [item["name"] for item in found["mcp_server_list"]] == [name]
    assert search(stranger, page_number=11, page_size=10)["code"] == "InputParameterError"


def test_where_a_server_runs_is_for_those_who_are_signed_in(lin: MsPerson, stranger: MsPerson, word: str) -> None:
    place = f"/openapi/v1/mcp/servers/@{word}/busy"
    shown = lin.http.get(place, params={"get_operational_url": "True"}).json()["data"]
    assert [each["url"] for each in shown["operational_urls"]] == ["http://127.0.0.1:9/sse"]
    assert stranger.http.get(place).json()["data"]["operational_urls"] == []
    listed = lin.http.get("/openapi/v1/mcp/servers/operational").json()["data"]["mcp_server_list"]
    assert f"@{word}/busy" in [item["id"] for item in listed]


def test_what_does_not_run_cannot_be_deployed(lin: MsPerson, word: str) -> None:
    body = {"transport_type": "sse"}
    busy = lin.http.post(f"/openapi/v1/mcp/servers/@{word}/busy/deploy", json=body).json()
    idle = lin.http.post(f"/openapi/v1/mcp/servers/@{word}/idle/deploy", json=body).json()
    assert (busy["success"], idle["code"]) == (True, "OperationNotAllowed")
    assert "no runner is configured" in idle["message"]
    assert "Run it yourself" in idle["message"]


@pytest.mark.parametrize(("name", "words"), [("busy", "by the operator, who alone can stop it"), ("idle", "no runner")])
def test_what_the_operator_runs_is_not_stopped_by_others(lin: MsPerson, word: str, name: str, words: str) -> None:
    told = lin.http.delete(f"/openapi/v1/mcp/servers/@{word}/{name}/undeploy").json()
    assert told["code"] == "OperationNotAllowed"
    assert words in told["message"]


def test_a_deployment_is_asked_for_by_somebody(stranger: MsPerson, word: str) -> None:
    answer = stranger.http.post(f"/openapi/v1/mcp/servers/@{word}/busy/deploy", json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "InvalidAuthentication")


def test_a_small_file_is_committed(lin: MsPerson, tea: str) -> None:
    form = {"path": (None, "a/b.txt"), "repo_id": (None, tea), "repo_type": (None, "model"), "file": ("b", b"\0\xff")}
    made = lin.http.post("/openapi/v1/files/upload", files=form).json()["data"]
    assert (made["size"], lin.get(tea, "a/b.txt").content) == (2, b"\0\xff")
    large = form | {"file": ("b", bytes(6 << 20))}
    assert lin.http.post("/openapi/v1/files/upload", files=large).status_code == 413
