"""Lists longer than a page: trees, history, repos. Links are absolute, repeat the filters, and pages stay put."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from support.hf import HfPerson
from support.servers import LiveHub
from yungu import hub
from yungu.kernel.pages import encode_cursor
from yungu.storage.git import Commit


@pytest.fixture(scope="module")
def forest(live: LiveHub) -> tuple[HfPerson, str]:
    """A repo with 2,345 files: 1,100 on top and 1,245 in folders."""
    name = live.user()
    person = HfPerson(live.url, name, live.token(name))
    repo = person.create("forest")
    files = {f"leaf-{number:04}.txt": b"%d" % number for number in range(1100)}
    files |= {f"branch-{number % 5}/twig-{number:04}.txt": b"%d" % number for number in range(1245)}
    person.put(repo, files)
    return person, repo


@pytest.mark.parametrize(("query", "sizes"), [("", [1000, 106]), ("?recursive=true", [1000, 1000, 351])])
def test_a_large_tree_comes_in_pages(forest: tuple[HfPerson, str], query: str, sizes: list[int]) -> None:
    person, repo = forest
    pages = list(person.pages(f"/api/models/{repo}/tree/main{query}"))
    assert [len(page) for page in pages] == sizes
    nodes = [node for page in pages for node in page]
    paths = [node["path"] for node in nodes]
    assert len(set(paths)) == len(paths)
    assert sum(node["type"] == "directory" for node in nodes) == 5
    leaf = next(node for node in nodes if node["path"] == "leaf-1099.txt")
    assert leaf["oid"] == hashlib.sha1(b"blob 4\x001099").hexdigest()
    assert leaf["size"] == 4


def test_the_link_of_a_tree_is_absolute_and_repeats_what_was_asked(forest: tuple[HfPerson, str]) -> None:
    person, repo = forest
    answer = person.http.get(f"/api/models/{repo}/tree/main?recursive=True&expand=False&limit=400")
    link = urlsplit(answer.links["next"]["url"])
    assert f"{link.scheme}://{link.netloc}" == person.url
    assert link.path == f"/api/models/{repo}/tree/main"
    asked = parse_qs(link.query)
    assert asked.pop("cursor")
    assert asked == {"recursive": ["True"], "expand": ["False"], "limit": ["400"]}
    assert len(answer.json()) == 400


def test_the_link_names_the_host_that_the_client_used(forest: tuple[HfPerson, str]) -> None:
    person, repo = forest
    answer = person.http.get(f"/api/models/{repo}/tree/main", headers={"host": "hub.example:8443"})
    assert answer.links["next"]["url"].startswith("http://hub.example:8443/api/")


def test_a_tree_with_last_commits_comes_in_shorter_pages(forest: tuple[HfPerson, str]) -> None:
    person, repo = forest
    pages = list(person.pages(f"/api/models/{repo}/tree/main/branch-1?expand=true"))
    assert [len(page) for page in pages] == [200, 49]
    assert {node["lastCommit"]["title"] for page in pages for node in page} == {"put"}


def test_the_real_client_walks_all_pages(forest: tuple[HfPerson, str]) -> None:
    person, repo = forest
    assert len(person.api.list_repo_files(repo)) == 2346
    assert len(list(person.api.list_repo_tree(repo))) == 1106
    info = person.api.model_info(repo, files_metadata=True)
    assert info.siblings is not None and len(info.siblings) == 2346
    wanted = [f"branch-{number % 5}/twig-{number:04}.txt" for number in range(1245)]
    assert len(person.api.get_paths_info(repo, paths=wanted)) == 1245


def test_pages_of_a_tree_belong_to_the_commit_of_the_first(lin_hf: HfPerson, tea: str) -> None:
    lin_hf.put(tea, {f"{number:04}.txt": b"x" for number in range(30)})
    pages = lin_hf.pages(f"/api/models/{tea}/tree/main?limit=10")
    seen = [node["path"] for node in next(pages)]
    lin_hf.put(tea, {f"{number:04}-new.txt": b"x" for number in range(30)})
    seen += [node["path"] for page in pages for node in page]
    assert seen == [".gitattributes"] + [f"{number:04}.txt" for number in range(30)]


def test_a_missing_folder_is_no_entry(lin_hf: HfPerson, tea: str) -> None:
    commit = lin_hf.put(tea, {"a.txt": b"x"})
    for path in ("additional_chat_templates", "a.txt", "a.txt/b"):
        answer = lin_hf.http.get(f"/api/models/{tea}/tree/main/{path}")
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound"), path
        assert answer.headers["x-repo-commit"] == commit


FORGED = [
    "x", "e30", "WzFd", "%00", encode_cursor("a", -1), encode_cursor("main", -1), encode_cursor("main", 1 << 70),
    encode_cursor(0, -1), encode_cursor(0.0, 1 << 70), encode_cursor(1e308, 1), encode_cursor(["main"], [1]),
]  # fmt: skip


@pytest.mark.parametrize("address", ["/api/models/{repo}/tree/main", "/api/models/{repo}/commits/main", "/api/models"])
@pytest.mark.parametrize("cursor", FORGED)
def test_a_cursor_that_nobody_gave_breaks_nothing(forest: tuple[HfPerson, str], address: str, cursor: str) -> None:
    person, repo = forest
    answer = person.http.get(address.format(repo=repo), params={"cursor": cursor})
    assert answer.status_code in (200, 400, 404), answer.text


def test_a_long_history_comes_in_pages(live: LiveHub, lin_hf: HfPerson, tea: str) -> None:
    titles = [f"pick {number}" for number in range(250)]
    _grow(live, lin_hf, tea, titles)
    pages = list(lin_hf.pages(f"/api/models/{tea}/commits/main"))
    assert [len(page) for page in pages] == [100, 100, 51]
    seen = [commit["title"] for page in pages for commit in page]
    assert seen == [*reversed(titles), "initial commit"]
    assert len(lin_hf.api.list_repo_commits(tea)) == 251


def test_pages_of_a_history_belong_to_the_commit_of_the_first(live: LiveHub, lin_hf: HfPerson, tea: str) -> None:
    _grow(live, lin_hf, tea, [f"pick {number}" for number in range(150)])
    pages = lin_hf.pages(f"/api/models/{tea}/commits/main")
    seen = [commit["title"] for commit in next(pages)]
    lin_hf.put(tea, {"new.txt": b"x"}, title="new")
    seen += [commit["title"] for page in pages for commit in page]
    assert "new" not in seen
    assert len(set(seen)) == len(seen) == 151


def _grow(live: LiveHub, person: HfPerson, repo: str, titles: list[str]) -> None:
    """A history made behind the hub's back where that is only a matter of time."""
    world, actor = live.world, live.actor(person.name)
    found = world.read_in(hub.visible_repo, "model", repo, actor)
    for title in titles:
        made: Commit = world.commit(found, {"a.txt": title.encode()}, by=actor, title=title)
        assert made.title == title
