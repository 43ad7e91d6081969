"""What is on the pages."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from support.web_forge import png, safetensors
from yungu import hub
from yungu.hub import LfsPut, Repo

Visit = Callable[..., Visitor]
CARD = b"""---
license: apache-2.0
pipeline_tag: text-generation
tags: [tea]
---
# Dragon well

A *calm* model, see [the code](src/brew.py), ![a leaf](img/leaf.png).

| leaf | cups |
|---|---|
| green | 3 |

- [x] picked

```python
def brew(): return "tea"
```
"""


def _repo(live: LiveHub, owner: str, files: dict[str, bytes] | None = None, **options: Any) -> Repo:
    return live.world.repo(f"{owner}/{live.fresh_name('repo')}", by=live.actor(owner), files=files, **options)


def test_the_first_page_tells_how_to_point_a_client_here(live: LiveHub, visit: Visit):
    page = visit().read("/")

    assert f"export HF_ENDPOINT={live.url}" in page
    assert 'action="/search"' in page


def test_a_list_shows_only_what_the_visitor_may_see(live: LiveHub, visit: Visit, lin_name: str):
    shown = _repo(live, lin_name)
    hidden = _repo(live, lin_name, visibility="private")

    stranger = visit().read(f"/models?author={lin_name}")
    owner = visit(lin_name).read(f"/models?author={lin_name}")

    assert shown.name in stranger and hidden.name not in stranger
    assert shown.name in owner and hidden.name in owner


def test_a_list_is_searched_filtered_and_sorted_by_its_address(live: LiveHub, visit: Visit, lin_name: str):
    tea = _repo(live, lin_name, {"README.md": CARD})
    other = _repo(live, lin_name)
    live.settle()
    reader = visit()

    for query in (f"search={tea.name}", "tag=tea", "task=text-generation", f"search={tea.name}&sort=created"):
        page = reader.read(f"/models?author={lin_name}&{query}")
        assert f"<b>{tea.name}</b>" in page, query
        assert other.name not in page, query


def test_pages_of_a_list_follow_one_another_without_gaps(live: LiveHub, visit: Visit, lin_name: str):
    names = {_repo(live, lin_name).name for _ in range(33)}
    reader, address, seen = visit(), f"/models?author={lin_name}&sort=created", set()

    for _ in range(2):
        page = reader.read(address)
        seen |= {name for name in names if f"<b>{name}</b>" in page}
        following = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        address = following or address

    assert seen == names
    assert 'rel="next"' not in reader.read(address)


def test_a_made_up_cursor_is_explained(visit: Visit):
    assert "no longer valid" in visit().read("/models?cursor=nonsense", 400)


def test_search_finds_repos_and_people(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name)
    live.settle()

    page = visit().read(f"/search?q={lin_name}")

    assert f'href="/{lin_name}"' in page
    assert repo.name in page


def test_a_repo_page_shows_the_card_and_how_to_use_it(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name, {"README.md": CARD, "src/brew.py": b"x = 1\n", "img/leaf.png": png()})

    page = visit().read(f"/{repo.repo_id}")

    assert "<em>calm</em>" in page
    assert f'href="/{repo.repo_id}/blob/main/src/brew.py"' in page
    assert f'src="/{repo.repo_id}/resolve/main/img/leaf.png"' in page
    assert "<td>green</td>" in page
    assert '<span class="k">def</span>' in page
    assert "apache-2.0" in page and "text-generation" in page
    assert f"hf download {repo.repo_id}" in page
    assert f"git clone {live.url}/{repo.repo_id}" in page
    assert "pipeline_tag:" not in page


def test_a_broken_card_is_told_kindly_and_still_shown(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name, {"README.md": b"---\nlicense: [oops\n---\n# Oolong\n"})

    page = visit().read(f"/{repo.repo_id}")

    assert "This card can be improved" in page and "invalid YAML" in page
    assert "Oolong" in page


def test_a_renamed_repo_leads_to_its_new_page(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name)
    moved = live.world.write_in(hub.move_repo, repo, f"{lin_name}/{live.fresh_name('new')}", live.actor(lin_name))

    response = visit().get(f"/{repo.repo_id}")

    assert response.status_code == 307
    assert response.headers["location"] == f"/{moved.repo_id}"


def test_datasets_and_spaces_have_pages_of_their_own(live: LiveHub, visit: Visit, lin_name: str):
    data = _repo(live, lin_name, kind="dataset")

    assert "Use this dataset" in visit().read(f"/datasets/{data.repo_id}")
    visit().read(f"/{data.repo_id}", 404)


def test_a_dataset_called_settings_is_reachable(live: LiveHub, visit: Visit, lin_name: str):
    live.world.repo(f"{lin_name}/settings", by=live.actor(lin_name), kind="dataset")

    assert "Use this dataset" in visit().read(f"/datasets/{lin_name}/settings")


def test_what_may_not_be_seen_looks_like_what_is_not_there(live: LiveHub, visit: Visit, lin_name: str):
    secret = _repo(live, lin_name, {"a.txt": b"secret"}, visibility="private")
    stranger = visit(live.user())

    for path in ("", "/tree/main", "/blob/main/a.txt", "/commits/main", "/commit/main", "/settings"):
        hidden = stranger.read(f"/{secret.repo_id}{path}", 404)
        missing = stranger.read(f"/{lin_name}/nothing{path}", 404)
        assert hidden.replace(secret.name, "nothing") == missing


def test_a_gated_repo_shows_its_card_but_not_its_files(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name, {"README.md": b"# Open card", "a.txt": b"closed content"})
    live.world.write_in(hub.change_settings, repo, live.actor(lin_name), gated="manual")
    stranger = visit()

    assert "Open card" in stranger.read(f"/{repo.repo_id}")
    assert "closed content" not in stranger.read(f"/{repo.repo_id}/blob/main/a.txt", 403)
    assert "closed content" in visit(lin_name).read(f"/{repo.repo_id}/blob/main/a.txt")


def test_a_folder_lists_entries_with_sizes_and_last_commits(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name, {"a.txt": b"12345", "docs/b.txt": b"b"})
    live.world.commit(repo, {"a.txt": b"123456789"}, by=live.actor(lin_name), title="Make it longer")

    page = visit().read(f"/{repo.repo_id}/tree/main")

    assert "9 B" in page and "Make it longer" in page and "initial commit" in page
    assert page.index("docs") < page.index("a.txt")
    assert "b.txt" in visit().read(f"/{repo.repo_id}/tree/main/docs")


def test_addresses_of_files_and_folders_lead_to_one_another(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name, {"docs/b.txt": b"b"})
    reader = visit()

    assert reader.get(f"/{repo.repo_id}/blob/main/docs").headers["location"] == f"/{repo.repo_id}/tree/main/docs"
    tree = reader.get(f"/{repo.repo_id}/tree/main/docs/b.txt")
    assert tree.headers["location"] == f"/{repo.repo_id}/blob/main/docs/b.txt"


def test_branches_and_tags_can_be_chosen(live: LiveHub, visit: Visit, lin_name: str):
    repo, lin = _repo(live, lin_name, {"a.txt": b"old"}), live.actor(lin_name)
    live.world.write_in(hub.create_branch, live.site.git, repo, "feature/hot", lin)
    live.world.write_in(hub.create_tag, live.site.git, repo, "v1", lin)
    live.world.commit(repo, {"a.txt": b"new"}, by=lin)

    page = visit().read(f"/{repo.repo_id}/blob/main/a.txt")

    assert f'href="/{repo.repo_id}/blob/feature%2Fhot/a.txt"' in page
    assert "old" in visit().read(f"/{repo.repo_id}/blob/feature%2Fhot/a.txt")
    assert "old" in visit().read(f"/{repo.repo_id}/blob/v1/a.txt")


def test_source_is_shown_with_line_numbers_and_colours(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name, {"brew.py": b"import tea\n\n\ndef brew():\n    return 1\n"})

    page = visit().read(f"/{repo.repo_id}/blob/main/brew.py")

    assert 'id="L5"' in page and 'id="L6"' not in page
    assert '<span class="kn">import</span>' in page


def test_json_on_one_line_is_laid_out(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name, {"config.json": b'{"a":1,"b":2}'})

    assert 'id="L4"' in visit().read(f"/{repo.repo_id}/blob/main/config.json")


def test_long_files_are_shown_in_part_and_binary_ones_offered_for_download(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name, {"long.txt": b"line\n" * 300_000, "odd.dat": b"\0\1\2"})
    reader = visit()

    assert "Only the beginning is shown." in reader.read(f"/{repo.repo_id}/blob/main/long.txt")
    assert "is not text" in reader.read(f"/{repo.repo_id}/blob/main/odd.dat")


def test_an_image_is_shown(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name, {"leaf.png": png()})

    assert f'<img src="/{repo.repo_id}/resolve/main/leaf.png"' in visit().read(f"/{repo.repo_id}/blob/main/leaf.png")


def _with_weights(live: LiveHub, owner: str, data: bytes) -> Repo:
    repo, actor = _repo(live, owner), live.actor(owner)
    put = live.world.upload(repo, data, by=actor)
    plan = hub.CommitPlan(branch="main", changes=[LfsPut("model.safetensors", put.sha256)], title="weights")
    live.world.apply(repo, plan, by=actor)
    return repo


def test_the_header_of_a_safetensors_file_is_shown(live: LiveHub, visit: Visit, lin_name: str):
    repo = _with_weights(live, lin_name, safetensors({"embed": ("BF16", [100, 20]), "norm": ("F32", [20])}))

    page = visit().read(f"/{repo.repo_id}/blob/main/model.safetensors")

    assert "<code>embed</code>" in page and "<code>[100, 20]</code>" in page and "BF16" in page
    assert "<b>2.02k</b>" in page  # 100 * 20 + 20 parameters


def test_a_false_safetensors_file_is_told_not_shown(live: LiveHub, visit: Visit, lin_name: str):
    bombs = [
        struct.pack("<Q", 2**62) + b"{}",
        b"short",
        struct.pack("<Q", 4000) + b"{}",
        struct.pack("<Q", 60) + json.dumps({"w": {"dtype": "F32", "shape": [-1]}}).encode().ljust(60),
    ]
    for data in bombs:
        repo = _with_weights(live, lin_name, data)
        assert "cannot be shown" in visit().read(f"/{repo.repo_id}/blob/main/model.safetensors")


def test_history_has_pages_and_commits_have_diffs(live: LiveHub, visit: Visit, lin_name: str):
    repo, lin = _repo(live, lin_name, {"a.txt": b"one\ntwo\n"}), live.actor(lin_name)
    commit = live.world.commit(repo, {"a.txt": b"one\n2\n", "b.bin": b"\0"}, by=lin, title="Count", body="Because.")

    assert "Count" in visit().read(f"/{repo.repo_id}/commits/main")
    page = visit().read(f"/{repo.repo_id}/commit/{commit.oid}")

    assert "-two" in page and "+2" in page and "Because." in page
    assert "Not text" in page
    assert "2 files changed" in page


def test_a_user_and_an_organization_have_pages(live: LiveHub, visit: Visit, lin_name: str):
    name = live.fresh_name("org")
    live.world.organization(name, admin=live.actor(lin_name))
    repo = live.world.repo(f"{name}/tea", by=live.actor(lin_name))

    page = visit().read(f"/{name}")

    assert lin_name in page and repo.name in page
    assert name in visit().read(f"/{lin_name}")
    visit().read("/nobody-here", 404)


def test_a_clone_address_in_a_browser_leads_to_the_page(live: LiveHub, visit: Visit, lin_name: str):
    repo = _repo(live, lin_name)

    assert visit().get(f"/{repo.repo_id}.git").headers["location"] == f"/{repo.repo_id}"
    assert visit().get(f"/models/{repo.repo_id}").headers["location"] == f"/{repo.repo_id}"


def test_programs_get_errors_they_can_read(visit: Visit):
    response = visit().get("/nobody/nothing", headers={"accept": "*/*"})

    assert response.status_code == 404
    assert "nobody/nothing" in response.json()["error"]


def test_unknown_addresses_get_a_page_in_the_sites_look(visit: Visit):
    page = visit().read("/no/such/place/at/all", 404)

    assert "There is nothing at this address." in page and "/static/site.css" in page


def test_the_server_says_that_it_lives(visit: Visit):
    assert visit().read("/healthz") == "ok\n"


def test_static_files_may_be_kept_forever_under_their_digest(visit: Visit):
    reader = visit()
    address = reader.read("/").partition('rel="stylesheet" href="')[2].partition('"')[0]

    fresh = reader.get(address)
    assert "immutable" in fresh.headers["cache-control"]
    assert reader.get(address, headers={"if-none-match": fresh.headers["etag"]}).status_code == 304
    assert "immutable" not in reader.get("/static/site.css").headers["cache-control"]
    assert reader.get("/static/..%2froutes.py").status_code == 404


@pytest.mark.parametrize(
    "path", ["/%2Fevil.example/x.git", "/models/%2Fevil.example/x", "/%2Fevil.example/x/settings/move"]
)
def test_no_address_here_leads_to_another_site(visit: Visit, path: str):
    assert visit().get(path).headers["location"] == "/"
