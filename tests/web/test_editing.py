"""Files written, renamed, deleted and uploaded on the pages, without JavaScript; and what scripts send in parts."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import hub
from yungu.api.web.views import upload
from yungu.hub import Repo

Visit = Callable[..., Visitor]


@pytest.fixture
def tea(live: LiveHub, lin_name: str) -> Repo:
    files = {"a.txt": b"one\ntwo\n", "docs/b.md": b"# B\n", "dos.txt": b"one\r\ntwo\r\n", "raw.dat": b"\0\1\2"}
    return live.world.repo(f"{lin_name}/tea", by=live.actor(lin_name), files=files)


def base_of(page: str) -> str:
    found = re.search(r'name="base" value="([0-9a-f]{40})"', page)
    assert found is not None
    return found[1]


# --- new, changed, renamed, deleted


def test_a_new_file_is_committed_and_said_so_once(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    visitor = visit(lin_name)

    done = visitor.submit(
        f"/{tea.repo_id}/new/main/docs", path="docs/use.md", content="\r\n# Use\r\n", title="Say how", description="why"
    )

    assert done.headers["location"] == f"/{tea.repo_id}/blob/main/docs/use.md"
    assert live.world.read(tea, "docs/use.md") == b"\n# Use\n"
    assert "Committed: Say how" in visitor.read(done.headers["location"])
    assert "Committed: Say how" not in visitor.read(f"/{tea.repo_id}").partition("<main")[0]


@pytest.mark.parametrize(
    ("path", "said"),
    [("a.txt", "already a file"), ("docs", "already a file"), ("../up", "path"), ("w.bin", "git-lfs"), ("", "empty")],
)
def test_a_bad_name_is_told_at_its_field_and_the_text_is_kept(
    live: LiveHub, visit: Visit, lin_name: str, tea: Repo, path: str, said: str
) -> None:
    response = visit(lin_name).submit(f"/{tea.repo_id}/new/main", path=path, content="\nlong <work>", title="t")

    at_field = re.search(r'id="e-path">([^<]*)<', response.text)
    assert response.status_code == 400 and at_field is not None and said in at_field[1]
    assert "\n\nlong &lt;work&gt;</textarea>" in response.text
    assert live.world.history(tea) == ["initial commit"]


def test_a_file_is_changed_and_keeps_its_line_ends(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    visitor = visit(lin_name)
    for name, text in {"a.txt": b"one\nthree\n", "dos.txt": b"one\r\nthree\r\n"}.items():
        page = f"/{tea.repo_id}/edit/main/{name}"
        done = visitor.submit(page, path=name, content="one\r\nthree\r\n", base=base_of(visitor.read(page)))
        assert done.status_code == 303
        assert live.world.read(tea, name) == text


def test_a_file_is_renamed_whether_or_not_it_is_text(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    visitor, page = visit(lin_name), f"/{tea.repo_id}/edit/main/raw.dat"
    assert '<textarea id="f-content"' not in visitor.read(page)

    visitor.submit(page, path="data/raw.dat", base=base_of(visitor.read(page)))

    assert live.world.read(tea, "data/raw.dat") == b"\0\1\2"
    assert "raw.dat" not in live.world.paths(tea)


def test_what_somebody_else_changed_meanwhile_is_told_and_nothing_typed_is_lost(
    live: LiveHub, visit: Visit, lin_name: str, tea: Repo
) -> None:
    visitor, page = visit(lin_name), f"/{tea.repo_id}/edit/main/a.txt"
    base = base_of(visitor.read(page))
    live.world.commit(tea, {"a.txt": b"theirs\n"}, by=live.actor(lin_name))

    told = visitor.submit(page, path="a.txt", content="mine\n", base=base)

    assert told.status_code == 409 and "has been changed since you opened it" in told.text
    assert "mine\n</textarea>" in told.text and "theirs\n</textarea>" in told.text
    again = visitor.submit(page, path="a.txt", content="both\n", base=base_of(told.text))
    assert again.status_code == 303 and live.world.read(tea, "a.txt") == b"both\n"


def test_a_change_elsewhere_is_no_conflict(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    visitor, page = visit(lin_name), f"/{tea.repo_id}/edit/main/a.txt"
    base = base_of(visitor.read(page))
    live.world.commit(tea, {"other.txt": b"x"}, by=live.actor(lin_name))

    assert visitor.submit(page, path="a.txt", content="mine\n", base=base).status_code == 303
    assert live.world.read(tea, "other.txt") == b"x"


def test_a_file_and_a_folder_are_deleted(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    visitor = visit(lin_name)
    for path in ("a.txt", "docs"):
        page = f"/{tea.repo_id}/delete/main/{path}"
        assert visitor.submit(page, base=base_of(visitor.read(page))).status_code == 303

    assert live.world.paths(tea) == ["dos.txt", "raw.dat"]


def test_who_may_not_write_opens_a_pull_request(live: LiveHub, visit: Visit, tea: Repo) -> None:
    visitor, page = visit(live.user()), f"/{tea.repo_id}/edit/main/a.txt"
    assert "proposed as a pull request" in visitor.read(page)

    done = visitor.submit(page, path="a.txt", content="better\n", base=base_of(visitor.read(page)), how="direct")

    assert done.status_code == 303
    assert live.world.read(tea, "a.txt") == b"one\ntwo\n"
    assert live.world.read(tea, "a.txt", "refs/pr/1") == b"better\n"
    more = f"/{tea.repo_id}/edit/refs%2Fpr%2F1/a.txt"
    visitor.submit(more, path="a.txt", content="best\n", base=base_of(visitor.read(more)))
    assert live.world.read(tea, "a.txt", "refs/pr/1") == b"best\n"


def test_only_branches_can_be_changed(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    visitor = visit(lin_name)

    for revision in (live.world.resolve(tea), "refs%2Fheads%2Fmain", "nowhere"):
        visitor.read(f"/{tea.repo_id}/new/{revision}", 404)


# --- uploads in one form


def test_files_of_a_form_are_committed_as_what_they_are(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    visitor, page = visit(lin_name), f"/{tea.repo_id}/upload/main/data"
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', visitor.read(page))
    assert token is not None
    weights = bytes(range(256)) * 100
    files = [("files", ("notes 茶.txt", b"hello\n")), ("files", ("w.bin", weights)), ("files", ("", b""))]

    done = visitor.post(page, data={"form_token": token[1], "folder": "data", "title": "Bring"}, files=files)

    assert done.status_code == 303, done.text[:500]
    assert live.world.read(tea, "data/notes 茶.txt") == b"hello\n"
    pointer = hub.parse_pointer(live.world.read(tea, "data/w.bin"))
    assert pointer is not None and pointer.size_bytes == len(weights)
    assert visitor.get(f"/{tea.repo_id}/resolve/main/data/w.bin").content == weights
    assert live.world.history(tea)[0] == "Bring"


def test_an_upload_that_is_refused_keeps_the_files(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    visitor, page = visit(lin_name), f"/{tea.repo_id}/upload/main"
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', visitor.read(page))
    assert token is not None
    files = [("files", ("x.txt", b"precious\n"))]

    refused = visitor.post(page, data={"form_token": token[1], "folder": "../out"}, files=files)

    assert refused.status_code == 400 and 'id="e-folder"' in refused.text
    kept = re.search(r'name="uploaded" value="([^"]+)"', refused.text)
    assert kept is not None
    assert visitor.submit(page, folder="in", uploaded=kept[1]).status_code == 303
    assert live.world.read(tea, "in/x.txt") == b"precious\n"


def test_no_file_of_a_forged_form_is_taken(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    files = [("files", ("x.txt", b"forged"))]

    response = visit(lin_name).post(f"/{tea.repo_id}/upload/main", data={"form_token": "0" * 64}, files=files)

    assert response.status_code == 403
    assert live.world.history(tea) == ["initial commit"]


def test_nobody_commits_content_that_they_only_know_by_name(
    live: LiveHub, visit: Visit, lin_name: str, tea: Repo
) -> None:
    other = live.actor(live.user())
    hidden = live.world.repo(f"{other.name}/hidden", by=other, visibility="private")
    secret = live.world.upload(hidden, b"a secret" * 1000, by=other)

    response = visit(lin_name).submit(f"/{tea.repo_id}/upload/main", uploaded=f"{secret.sha256} stolen.bin")

    assert response.status_code == 400 and "did not arrive" in response.text


def test_an_empty_upload_is_told_at_its_field(visit: Visit, lin_name: str, tea: Repo) -> None:
    response = visit(lin_name).submit(f"/{tea.repo_id}/upload/main", title="nothing")

    assert response.status_code == 400 and 'id="e-files">Choose at least one file.' in response.text


# --- uploads in parts


class Sender:
    """What ``upload.js`` does."""

    def __init__(self, visitor: Visitor, repo: Repo) -> None:
        self.visitor, self.place = visitor, f"/{repo.repo_id}/uploads"
        token = re.search(r'name="form_token" value="([0-9a-f]+)"', visitor.read(f"/{repo.repo_id}/upload/main"))
        assert token is not None
        self.headers = {"accept": "application/json", "x-form-token": token[1]}

    def plan(self, path: str, size: int) -> dict[str, object]:
        body = {"files": [{"path": path, "size": size, "modified": 7}]}
        answer = self.visitor.post(self.place, json=body, headers=self.headers)
        assert answer.status_code == 200, answer.text
        planned: dict[str, object] = answer.json()["files"][0]
        return planned

    def put(self, token: object, part: int, data: bytes) -> httpx.Response:
        query = {"token": str(token), "part": str(part)}
        return self.visitor.put(self.place, params=query, content=data, headers=self.headers)

    def complete(self, token: object) -> httpx.Response:
        return self.visitor.post(f"{self.place}/complete", params={"token": str(token)}, headers=self.headers)


def test_a_file_sent_in_parts_goes_on_where_it_stopped(
    live: LiveHub, visit: Visit, lin_name: str, tea: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "PART_BYTES", 1000)
    data = bytes(range(250)) * 10
    first = Sender(visit(lin_name), tea)
    token = first.plan("w.bin", len(data))["token"]
    assert first.put(token, 2, data[1000:2000]).status_code == 200
    assert first.put(token, 3, data[2000:2400]).status_code == 400, "too short"
    assert first.complete(token).status_code >= 400, "parts are missing"

    again = Sender(visit(lin_name), tea)  # another session, after a reload
    planned = again.plan("w.bin", len(data))
    assert planned["held"] == [2] and planned["part_count"] == 3
    again.put(planned["token"], 1, data[:1000])
    again.put(planned["token"], 3, data[2000:])
    sha256 = again.complete(planned["token"]).json()["sha256"]
    done = again.visitor.submit(f"/{tea.repo_id}/upload/main", uploaded=f"{sha256} deep/w.bin")

    assert done.status_code == 303
    assert again.visitor.get(f"/{tea.repo_id}/resolve/main/deep/w.bin").content == data


def test_parts_are_taken_from_nobody_else(live: LiveHub, visit: Visit, lin_name: str, tea: Repo) -> None:
    mine = Sender(visit(lin_name), tea)
    token = mine.plan("w.bin", 3)["token"]

    assert Sender(visit(live.user()), tea).put(token, 1, b"abc").status_code == 403
    assert mine.put("made-up", 1, b"abc").status_code == 403
    assert mine.put(token, 2, b"abc").status_code == 400
    mine.headers["x-form-token"] = "0" * 64
    refused = mine.visitor.post(mine.place, json={"files": []}, headers=mine.headers)
    assert refused.status_code == 403
