"""Repos by filter, search and sort, and what ``expand`` tells of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from support.hf import HfPerson
from support.servers import LiveHub


def ids(person: HfPerson, path: str = "/api/models", **query: Any) -> list[str]:
    answer = person.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [repo["id"].rpartition("/")[2] for repo in answer.json()]


def card(**front: Any) -> bytes:
    import yaml

    return f"---\n{yaml.safe_dump(front)}---\n# A card\n".encode()


@pytest.fixture
def shelf(live: LiveHub, lin_hf: HfPerson) -> HfPerson:
    """lin's models a, b, c with cards, the private d, and the dataset e."""
    lin_hf.put(
        lin_hf.create("oolong-a"), {"README.md": card(license="mit", tags=["tea", "Green"], language=["zh", "en"])}
    )
    lin_hf.put(
        lin_hf.create("oolong-b"),
        {"README.md": card(license="apache-2.0", tags=["tea"], pipeline_tag="text-generation")},
    )
    lin_hf.put(
        lin_hf.create("puer-c"), {"README.md": card(library_name="transformers", base_model=f"{lin_hf.name}/oolong-a")}
    )
    lin_hf.create("oolong-d", private=True)
    lin_hf.put(lin_hf.create("leaves-e", kind="dataset"), {"README.md": card(size_categories=["n<1K"])}, kind="dataset")
    return lin_hf


def test_a_list_has_what_its_reader_may_see(shelf: HfPerson, stranger: HfPerson, mei_hf: HfPerson) -> None:
    everybody = {"oolong-a", "oolong-b", "puer-c"}
    assert set(ids(stranger, author=shelf.name)) == everybody
    assert set(ids(mei_hf, author=shelf.name)) == everybody
    assert set(ids(shelf, author=shelf.name)) == everybody | {"oolong-d"}
    assert ids(stranger, "/api/datasets", author=shelf.name) == ["leaves-e"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"search": "oolong"}, {"oolong-a", "oolong-b"}),
        ({"search": "OOLONG"}, {"oolong-a", "oolong-b"}),
        ({"search": "%"}, set()),
        ({"search": "_"}, set()),
        ({"filter": "tea"}, {"oolong-a", "oolong-b"}),
        ({"filter": ["tea", "green"]}, {"oolong-a"}),
        ({"filter": "tea,green"}, {"oolong-a"}),
        ({"filter": "license:mit"}, {"oolong-a"}),
        ({"filter": "zh"}, {"oolong-a"}),
        ({"filter": "text-generation"}, {"oolong-b"}),
        ({"filter": "transformers"}, {"puer-c"}),
        ({"pipeline_tag": "text-generation"}, {"oolong-b"}),
        ({"filter": "nothing has this"}, set()),
        ({"gated": "true"}, set()),
        ({"gated": "false"}, {"oolong-a", "oolong-b", "puer-c"}),
    ],
)
def test_filters_narrow_the_list(shelf: HfPerson, stranger: HfPerson, query: dict[str, Any], found: set[str]) -> None:
    assert set(ids(stranger, author=shelf.name, **query)) == found


def test_a_list_is_filtered_by_base_model(shelf: HfPerson, stranger: HfPerson) -> None:
    assert ids(stranger, filter=f"base_model:{shelf.name}/oolong-a") == ["puer-c"]


@pytest.mark.parametrize("sort", ["createdAt", "lastModified", "created_at", "last_modified"])
def test_a_list_is_sorted_newest_first(shelf: HfPerson, stranger: HfPerson, sort: str) -> None:
    assert ids(stranger, author=shelf.name, sort=sort) == ["puer-c", "oolong-b", "oolong-a"]


def test_a_list_is_sorted_by_likes_and_downloads(live: LiveHub, shelf: HfPerson, stranger: HfPerson) -> None:
    with live.site.db.write() as session:
        session.exec_driver_sql(
            f"UPDATE repos SET likes_count = 7 WHERE namespace = '{shelf.name}' AND name = 'oolong-b'"
        )
        session.exec_driver_sql(
            f"UPDATE repos SET downloads_count = 9 WHERE namespace = '{shelf.name}' AND name = 'oolong-a'"
        )
    assert ids(stranger, author=shelf.name, sort="likes")[0] == "oolong-b"
    assert ids(stranger, author=shelf.name, sort="downloads")[0] == "oolong-a"
    assert stranger.http.get("/api/models", params={"author": shelf.name, "sort": "likes"}).json()[0]["likes"] == 7


def test_a_wrong_sort_or_limit_is_refused_with_what_is_possible(stranger: HfPerson) -> None:
    answer = stranger.http.get("/api/models?sort=beauty")
    assert answer.status_code == 400
    assert "lastModified" in answer.json()["error"]
    for limit in ("none", "0", "-1", "1.5", "²", "9" * 5000):
        assert stranger.http.get("/api/models", params={"limit": limit}).status_code == 400, limit


def test_odd_numbers_in_addresses_break_nothing(lin_hf: HfPerson, tea: str) -> None:
    for number in ("²", "9" * 40, "9" * 5000, "-1"):
        assert lin_hf.http.get(f"/api/models/{tea}/discussions", params={"p": number}).status_code == 200
        assert lin_hf.http.get(f"/api/models/{tea}/discussions/{number}").status_code == 404
        assert lin_hf.http.get(f"/api/models/{tea}/tree/main", params={"limit": number}).status_code == 200
    huge = lin_hf.http.get("/api/models", params={"num_parameters": f"min:{'9' * 400}B"})
    assert huge.status_code == 400


def test_pages_repeat_the_filters_and_lose_nobody_when_others_come(
    live: LiveHub, shelf: HfPerson, stranger: HfPerson
) -> None:
    first = stranger.http.get(
        "/api/models", params={"author": shelf.name, "sort": "createdAt", "limit": 2, "filter": ["tea", "tea"]}
    )
    assert "next" not in first.links
    query = {"author": shelf.name, "sort": "createdAt", "limit": 1, "expand": ["sha", "tags"]}
    first = stranger.http.get("/api/models", params=query)
    link = first.links["next"]["url"]
    asked = parse_qs(urlsplit(link).query)
    assert link.startswith(f"{live.url}/api/models?")
    assert asked.pop("cursor")
    assert asked == {"author": [shelf.name], "sort": ["createdAt"], "limit": ["1"], "expand": ["sha", "tags"]}

    shelf.create("newcomer")
    seen = first.json() + [repo for page in stranger.pages(link) for repo in page]
    assert [repo["id"].rpartition("/")[2] for repo in seen] == ["puer-c", "oolong-b", "oolong-a"]
    assert all(set(repo) == {"_id", "id", "modelId", "sha", "tags"} for repo in seen)


def test_pages_of_equal_rank_lose_nobody_and_repeat_nobody(shelf: HfPerson, stranger: HfPerson) -> None:
    pages = stranger.pages(f"/api/models?author={shelf.name}&sort=likes&limit=1")
    assert sorted(repo["id"] for page in pages for repo in page) == sorted(
        f"{shelf.name}/{name}" for name in ("oolong-a", "oolong-b", "puer-c")
    )


@pytest.mark.parametrize("address", ["/api/models", "/api/models/{repo}", "/api/models/{repo}/revision/main"])
def test_an_unknown_property_is_refused_with_the_list_of_known_ones(shelf: HfPerson, address: str) -> None:
    answer = shelf.http.get(address.format(repo=f"{shelf.name}/oolong-a"), params={"expand": ["sha", "flavour"]})
    assert answer.status_code == 400
    assert '"expand": expected one of "author"|"baseModels"|' in answer.json()["error"]
    assert "safetensors" in answer.json()["error"]


def test_every_kind_has_properties_of_its_own(shelf: HfPerson, stranger: HfPerson) -> None:
    assert stranger.http.get("/api/models?author=nobody&expand=flavour").status_code == 400
    assert stranger.http.get("/api/datasets?expand=citation").status_code == 200
    assert stranger.http.get("/api/datasets?expand=sdk").status_code == 400
    assert stranger.http.get("/api/models?expand=citation").status_code == 400
    assert stranger.http.get("/api/spaces?expand=runtime").status_code == 200


def test_all_known_properties_can_be_asked_of_all_repos(shelf: HfPerson) -> None:
    """What the client itself knows is what it will ask for."""
    from typing import get_args

    from huggingface_hub.hf_api import ExpandDatasetProperty_T, ExpandModelProperty_T, ExpandSpaceProperty_T

    known = {"models": ExpandModelProperty_T, "datasets": ExpandDatasetProperty_T, "spaces": ExpandSpaceProperty_T}
    for kinds, properties in known.items():
        answer = shelf.http.get(f"/api/{kinds}", params={"expand": get_args(properties), "author": shelf.name})
        assert answer.status_code == 200, answer.text


def test_the_real_client_reads_info_and_lists(shelf: HfPerson) -> None:
    repo = f"{shelf.name}/oolong-b"
    info = shelf.api.model_info(repo)
    assert (info.id, info.author, info.private, info.gated) == (repo, shelf.name, False, False)
    assert info.pipeline_tag == "text-generation"
    assert info.card_data is not None and info.card_data.license == "apache-2.0"
    assert info.tags is not None and {"tea", "license:apache-2.0"} <= set(info.tags)
    assert info.sha == shelf.head(repo, "README.md").headers["x-repo-commit"]
    assert info.created_at is not None and info.last_modified is not None and info.last_modified >= info.created_at
    found = shelf.api.list_models(author=shelf.name, filter="tea", sort="created_at", limit=1)
    assert [model.id for model in found] == [repo]
    assert shelf.api.dataset_info(f"{shelf.name}/leaves-e").id == f"{shelf.name}/leaves-e"


@pytest.mark.parametrize("old", ["xetEnabled", "securityRepoStatus"])
def test_what_only_old_clients_ask_for_is_answered_but_not_advertised(shelf: HfPerson, old: str) -> None:
    address = f"/api/models/{shelf.name}/oolong-a"
    assert shelf.http.get(address, params={"expand": old}).status_code == 200
    assert old not in shelf.http.get(address, params={"expand": "flavour"}).text


def test_spaces_are_found_by_the_models_and_datasets_they_use(lin_hf: HfPerson) -> None:
    for name, front in (("shop", {"models": ["lin/tea"], "datasets": ["leaves"]}), ("empty", {})):
        lin_hf.put(
            lin_hf.create(name, kind="space"), {"README.md": card(sdk="static", title=name, **front)}, kind="space"
        )
    for query in ({"models": "lin/tea"}, {"datasets": "leaves"}, {"models": "lin/tea", "datasets": "leaves"}):
        assert ids(lin_hf, "/api/spaces", author=lin_hf.name, **query) == ["shop"]
    [found] = lin_hf.http.get("/api/spaces", params={"author": lin_hf.name, "models": "lin/tea"}).json()
    assert (found["models"], found["datasets"], found["tags"]) == (["lin/tea"], ["leaves"], ["static"])


def listed(person: HfPerson, author: str, **query: Any) -> dict[str, dict[str, Any]]:
    """What a list tells of each repo of somebody, by name, twice asked."""
    first, again = (person.http.get("/api/models", params={"author": author, **query}).json() for _ in range(2))
    assert first == again
    return {repo["id"].rpartition("/")[2]: repo for repo in first}


@pytest.mark.parametrize("query", [{}, {"search": "oolong"}, {"cardData": "true"}])
def test_a_list_follows_every_change_at_once(
    shelf: HfPerson, stranger: HfPerson, mei_hf: HfPerson, query: dict[str, str]
) -> None:
    name, repo = shelf.name, f"{shelf.name}/oolong-a"
    assert listed(stranger, name, **query)["oolong-a"]["likes"] == 0
    assert mei_hf.http.post(f"/api/models/{repo}/like").status_code == 200
    assert listed(stranger, name, **query)["oolong-a"]["likes"] == 1
    shelf.put(repo, {"README.md": card(tags=["black"], pipeline_tag="fill-mask")})
    changed = listed(stranger, name, **query)["oolong-a"]
    assert (changed["tags"], changed["pipeline_tag"]) == (["black", "fill-mask"], "fill-mask")
    assert shelf.http.put(f"/api/models/{repo}/settings", json={"gated": "manual"}).status_code == 200
    assert listed(stranger, name, **query)["oolong-a"]["gated"] == "manual"
    shelf.api.move_repo(repo, f"{name}/oolong-z")
    renamed = listed(stranger, name, **query)
    assert "oolong-a" not in renamed
    assert renamed["oolong-z"]["modelId"] == f"{name}/oolong-z"


def test_what_was_in_a_list_is_gone_from_it_once_it_is_hidden(shelf: HfPerson, stranger: HfPerson) -> None:
    repo = f"{shelf.name}/oolong-a"
    assert listed(stranger, shelf.name)["oolong-a"]["private"] is False
    assert listed(shelf, shelf.name)["oolong-a"]["private"] is False
    shelf.api.update_repo_settings(repo, private=True)
    assert "oolong-a" not in listed(stranger, shelf.name)
    assert listed(shelf, shelf.name)["oolong-a"]["private"] is True
    shelf.api.delete_repo(repo)
    assert "oolong-a" not in listed(shelf, shelf.name)


def test_a_token_for_one_repo_lists_no_other_private_one(live: LiveHub, shelf: HfPerson) -> None:
    token = live.world.token(shelf.name, "fine-grained", grants=[(f"models/{shelf.name}/oolong-d", "read")])
    other = shelf.create("oolong-hidden", private=True).rpartition("/")[2]
    assert other in listed(shelf, shelf.name)
    found = listed(HfPerson(live.url, shelf.name, token), shelf.name)
    assert "oolong-d" in found
    assert other not in found


def test_a_list_tells_the_same_of_a_repo_whatever_way_it_is_made(shelf: HfPerson, stranger: HfPerson) -> None:
    long = {"README.md": card(tags=[f"leaf-{number}" for number in range(1000)])}
    shelf.put(shelf.create("oolong-long"), long)
    plain, full = listed(stranger, shelf.name), listed(stranger, shelf.name, full="true")
    assert len(plain["oolong-long"]["tags"]) == 1000
    assert plain == {name: {key: repo[key] for key in plain[name]} for name, repo in full.items()}
