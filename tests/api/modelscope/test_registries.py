"""The catalogues of MCP servers and skills, collections, and single small files."""

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
    assert "no runner" in idle["message"]


def test_a_skill_is_found_by_those_who_may(lin: MsPerson, mei: MsPerson, live: LiveHub) -> None:
    name = live.fresh_name("brew")
    body = {"owner": lin.name, "skill_name": name, "display_name": "Brew", "category": "kitchen"}
    made = lin.http.post("/openapi/v1/skills", json=body).json()["data"]
    assert (made["id"], made["private"]) == (f"{lin.name}/{name}", True)
    assert mei.http.get(f"/openapi/v1/skills/{made['id']}").json()["code"] == "ResourceNotFound"
    assert lin.http.post("/openapi/v1/skills", json=body).json()["code"] == "DuplicateEntity"
    lin.http.patch(f"/openapi/v1/skills/{made['id']}/settings", json={"private": False, "category": "tea"})
    found = mei.http.get("/openapi/v1/skills", params={"filter.owner": lin.name, "filter.category": "tea"}).json()
    assert ([item["id"] for item in found["data"]["skills"]], found["data"]["total_count"]) == ([made["id"]], 1)
    assert mei.http.patch(f"/openapi/v1/skills/{made['id']}/settings", json={}).json()["code"] == "OperationNotAllowed"
    assert lin.http.get(f"/api/v1/skills/{made['id']}/archive/zip/master").json()["Code"] == 404
    assert lin.http.delete(f"/api/v1/skills/{made['id']}").json()["Code"] == 200
    assert lin.http.get(f"/openapi/v1/skills/{made['id']}").json()["code"] == "ResourceNotFound"


def test_a_collection_shows_what_the_asker_may_know_of(
    lin: MsPerson, mei: MsPerson, live: LiveHub, tea: str, silk: str
) -> None:
    actor, world = live.actor(lin.name), live.world
    made = world.write_in(hub.create_collection, lin.name, live.fresh_name("shelf"), actor)
    for kind, repo_id in (("model", tea), ("dataset", silk)):
        repo = world.read_in(hub.visible_repo, kind, repo_id, actor)
        world.write_in(hub.add_collection_item, made, repo, actor)

    def elements(person: MsPerson, **query: str) -> list[str]:
        data = person.http.get("/api/v1/collections", params={"Fid": made.slug} | query).json()["Data"]
        found = data["CollectionElements"]["CollectionElementVoList"]
        return [f"{item['ElementPath']}/{item['ElementName']}" for item in found]

    assert elements(lin) == [tea, silk]
    assert elements(lin, ElementType="dataset") == [silk]
    assert elements(mei) == [tea]


def test_a_small_file_is_committed(lin: MsPerson, tea: str) -> None:
    form = {"path": (None, "a/b.txt"), "repo_id": (None, tea), "repo_type": (None, "model"), "file": ("b", b"\0\xff")}
    made = lin.http.post("/openapi/v1/files/upload", files=form).json()["data"]
    assert (made["size"], lin.get(tea, "a/b.txt").content) == (2, b"\0\xff")
    alone = lin.http.post("/openapi/v1/files/upload", files={"file": ("b", b"x")}).json()
    assert alone["code"] == "ResourceNotFound"
    large = form | {"file": ("b", bytes(6 << 20))}
    assert lin.http.post("/openapi/v1/files/upload", files=large).status_code == 413
