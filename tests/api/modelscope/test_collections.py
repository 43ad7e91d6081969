"""Collections of repos and skills, made by the newer API and read by the download command."""

from __future__ import annotations

from typing import Any

import pytest

from support.ms import MsPerson
from support.servers import LiveHub

BASE = "/openapi/v1/collections"


def ask(person: MsPerson, method: str, rest: str = "", body: Any = None) -> dict[str, Any]:
    return dict(person.http.request(method, f"{BASE}{rest}", json=body).json())


def elements(person: MsPerson, slug: str, **query: str) -> list[str]:
    data = person.http.get("/api/v1/collections", params={"Fid": slug} | query).json()["Data"]
    found = data["CollectionElements"]["CollectionElementVoList"]
    return [f"{item['ElementPath']}/{item['ElementName']}" for item in found]


@pytest.fixture
def skill(lin: MsPerson, live: LiveHub) -> str:
    body = {"owner": lin.name, "skill_name": live.fresh_name("brew"), "private": False}
    return str(lin.http.post("/openapi/v1/skills", json=body).json()["data"]["id"])


@pytest.fixture
def shelf(lin: MsPerson, live: LiveHub, tea: str, silk: str, skill: str) -> dict[str, Any]:
    """A public collection of a public model, a private dataset and a public skill."""
    made = ask(lin, "POST", "", {"title": live.fresh_name("shelf"), "private": False})["data"]
    for kind, name in (("model", tea), ("dataset", silk), ("skill", skill)):
        answer = ask(lin, "POST", f"/{made['id']}/items", {"item_type": kind, "item_id": name})
        assert answer["success"] is True, answer
    return dict(made)


def test_a_collection_shows_what_the_asker_may_know_of(
    lin: MsPerson, mei: MsPerson, shelf: dict[str, Any], tea: str, silk: str, skill: str
) -> None:
    assert elements(lin, shelf["slug"]) == [tea, silk, skill]
    assert elements(lin, shelf["slug"], ElementType="dataset") == [silk]
    assert elements(mei, shelf["slug"]) == [tea, skill]
    assert elements(mei, shelf["id"], ElementType="skill") == [skill]
    items = ask(mei, "GET", f"/{shelf['id']}/items")["data"]
    assert [(item["item_type"], item["item_id"]) for item in items["items"]] == [("model", tea), ("skill", skill)]
    assert items["total_count"] == 2


def test_a_collection_is_the_same_in_the_other_dialect(stranger: MsPerson, shelf: dict[str, Any], tea: str) -> None:
    found = stranger.http.get(f"/api/collections/{shelf['slug']}").json()
    assert (found["title"], [item["id"] for item in found["items"]]) == (shelf["title"], [tea])


def test_a_collection_changes_and_goes(lin: MsPerson, mei: MsPerson, shelf: dict[str, Any]) -> None:
    number = shelf["id"]
    changed = ask(lin, "PATCH", f"/{number}", {"description": "of spring", "private": True})["data"]
    assert (changed["description"], changed["private"], changed["items_count"]) == ("of spring", True, 3)
    assert ask(mei, "GET", f"/{number}")["code"] == "ResourceNotFound"
    first = ask(lin, "GET", f"/{number}")["data"]["items"][0]
    assert ask(lin, "DELETE", f"/{number}/items/{first['id']}")["success"] is True
    assert ask(lin, "DELETE", f"/{number}/items/{first['id']}")["code"] == "ResourceNotFound"
    assert ask(lin, "DELETE", f"/{number}")["success"] is True
    assert ask(lin, "GET", f"/{number}")["code"] == "ResourceNotFound"


def test_collections_are_listed_in_pages(lin: MsPerson, mei: MsPerson, live: LiveHub) -> None:
    titles = [live.fresh_name("shelf") for _ in range(3)]
    for title in titles:
        ask(lin, "POST", "", {"title": title, "private": title == titles[0]})
    for person, shown in ((lin, titles), (mei, titles[1:])):
        pages = [ask(person, "GET", f"?owner={lin.name}&page_number={n}&page_size=2")["data"] for n in (1, 2)]
        found = [item["title"] for page in pages for item in page["collections"]]
        assert (found, pages[0]["total_count"]) == (shown[::-1], len(shown))


def test_a_collection_of_which_nothing_was_said_is_private(lin: MsPerson, live: LiveHub) -> None:
    assert ask(lin, "POST", "", {"title": live.fresh_name("shelf")})["data"]["private"] is True


@pytest.mark.parametrize(
    ("method", "rest", "body", "code"),
    [
        ("POST", "", {}, "InputParameterError"), ("POST", "", {"title": "SAME"}, "DuplicateEntity"),
        ("POST", "", {"title": "x", "owner": "nobody-at-all"}, "OperationNotAllowed"),
        ("POST", "/ID/items", {"item_type": "car", "item_id": "a/b"}, "InputParameterError"),
        ("POST", "/ID/items", {"item_type": "model", "item_id": "no/where"}, "ResourceNotFound"),
        ("POST", "/ID/items", {"item_type": "model", "item_id": "TEA"}, "DuplicateEntity"),
        ("DELETE", "/ID/items/x", None, "ResourceNotFound"), ("GET", "/nonsense", None, "ResourceNotFound"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    lin: MsPerson, shelf: dict[str, Any], tea: str, method: str, rest: str, body: Any, code: str
) -> None:
    said = {key: {"SAME": shelf["title"], "TEA": tea}.get(value, value) for key, value in (body or {}).items()}
    answer = ask(lin, method, rest.replace("ID", shelf["id"]), said)
    assert (answer["success"], answer["code"]) == (False, code)


def test_others_change_nothing(mei: MsPerson, stranger: MsPerson, shelf: dict[str, Any]) -> None:
    for person, code in ((mei, "OperationNotAllowed"), (stranger, "InvalidAuthentication")):
        assert ask(person, "PATCH", f"/{shelf['id']}", {"title": "mine"})["code"] == code
        assert ask(person, "DELETE", f"/{shelf['id']}")["code"] == code
