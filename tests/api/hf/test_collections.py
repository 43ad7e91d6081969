"""Collections, as the client uses them."""

from __future__ import annotations

import pytest
from huggingface_hub.errors import HfHubHTTPError

from support.hf import HfPerson


def test_a_collection_is_made_filled_changed_and_deleted(lin_hf: HfPerson, stranger: HfPerson, tea: str) -> None:
    api = lin_hf.api
    made = api.create_collection("Spring Teas", description="picked early")
    assert made.url == f"{lin_hf.url}/collections/{made.slug}"
    api.add_collection_item(made.slug, tea, "model", note="best")
    inner = api.create_collection("Inner")
    api.add_collection_item(made.slug, inner.slug, "collection")
    seen = stranger.api.get_collection(made.slug)
    assert [(item.item_id, item.item_type, item.note) for item in seen.items] == [
        (tea, "model", "best"),
        (inner.slug, "collection", None),
    ]
    api.update_collection_item(made.slug, seen.items[0].item_object_id, position=1)
    api.delete_collection_item(made.slug, seen.items[1].item_object_id)
    renamed = api.update_collection_metadata(made.slug, title="Autumn Teas", theme="pink")
    assert [item.item_id for item in stranger.api.get_collection(made.slug).items] == [tea]
    assert renamed.slug.startswith(f"{lin_hf.name}/autumn-teas-")
    api.delete_collection(made.slug)
    with pytest.raises(HfHubHTTPError):
        api.get_collection(renamed.slug)
    api.delete_collection(made.slug, missing_ok=True)


def test_making_it_again_leads_to_the_same_one(lin_hf: HfPerson) -> None:
    made = lin_hf.api.create_collection("Twice")
    with pytest.raises(HfHubHTTPError):
        lin_hf.api.create_collection("Twice")
    assert lin_hf.api.create_collection("Twice", exists_ok=True).slug == made.slug


def test_a_thing_is_added_once(lin_hf: HfPerson, tea: str) -> None:
    made = lin_hf.api.create_collection("Once")
    lin_hf.api.add_collection_item(made.slug, tea, "model")
    with pytest.raises(HfHubHTTPError):
        lin_hf.api.add_collection_item(made.slug, tea, "model")
    assert len(lin_hf.api.add_collection_item(made.slug, tea, "model", exists_ok=True).items) == 1


def test_collections_are_listed_by_owner_and_item(lin_hf: HfPerson, mei_hf: HfPerson, tea: str, silk: str) -> None:
    for title, item in (("with tea", tea), ("with silk", silk)):
        slug = lin_hf.api.create_collection(title).slug
        lin_hf.api.add_collection_item(slug, item, "model")
    mine = lin_hf.api.list_collections
    theirs = mei_hf.api.list_collections
    assert [found.title for found in mine(owner=lin_hf.name)] == ["with silk", "with tea"]
    assert [found.title for found in theirs(item=f"models/{tea}")] == ["with tea"]
    assert [found.title for found in mine(item=f"models/{silk}")] == ["with silk"]
    assert list(theirs(item=f"models/{silk}")) == []
    assert [found.items for found in theirs(owner=lin_hf.name, limit=1)] == [[]]


def test_a_private_collection_is_not_there_for_others(lin_hf: HfPerson, mei_hf: HfPerson, tea: str) -> None:
    slug = lin_hf.api.create_collection("Secret", private=True).slug
    base = f"/api/collections/{slug}"
    for method, path, body in (
        ("GET", base, None),
        ("PATCH", base, {"private": False}),
        ("DELETE", base, None),
        ("POST", f"{base}/items", {"item": {"id": tea, "type": "model"}}),
    ):
        assert mei_hf.http.request(method, path, json=body).status_code == 404
    assert list(mei_hf.api.list_collections(owner=lin_hf.name)) == []


def test_a_public_collection_is_changed_by_its_owner_only(
    lin_hf: HfPerson, mei_hf: HfPerson, stranger: HfPerson
) -> None:
    slug = lin_hf.api.create_collection("Open").slug
    for person, status in ((mei_hf, 403), (stranger, 401)):
        assert person.http.patch(f"/api/collections/{slug}", json={"title": "Mine"}).status_code == status
        assert person.http.delete(f"/api/collections/{slug}").status_code == status
    answer = mei_hf.http.post("/api/collections", json={"title": "x", "namespace": lin_hf.name, "private": False})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("item", "status"),
    [
        ({"id": "nobody/nothing", "type": "model"}, 404),
        ({"id": "2307.09288", "type": "paper"}, 400),
        ({"id": "nobody/none-" + "f" * 24, "type": "collection"}, 404),
    ],
)
def test_what_is_not_there_cannot_be_collected(lin_hf: HfPerson, item: dict[str, str], status: int) -> None:
    slug = lin_hf.api.create_collection(f"Nothing {item['type']}").slug
    assert lin_hf.http.post(f"/api/collections/{slug}/items", json={"item": item}).status_code == status


def test_a_hidden_repo_cannot_be_found_out_by_collecting_it(lin_hf: HfPerson, mei_hf: HfPerson, silk: str) -> None:
    slug = mei_hf.api.create_collection("Guesses").slug
    answers = [
        mei_hf.http.post(f"/api/collections/{slug}/items", json={"item": {"id": repo, "type": "model"}})
        for repo in (silk, f"{lin_hf.name}/silk-that-is-not-there")
    ]
    assert [(answer.status_code, answer.headers["x-error-code"]) for answer in answers] == [(404, "RepoNotFound")] * 2
