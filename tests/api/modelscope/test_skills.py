"""Skills and their files: uploaded as one small zip file, listed, taken whole or one by one."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from typing import Any

import pytest

from support.ms import MsPerson
from support.servers import LiveHub
from yungu.app import worker

TITLE = b"---\nname: brew\nversion: 1.2.0\ndescription: Brews tea.\n---\n# Brew\n"
FILES = {"SKILL.md": TITLE, "scripts/pour.py": b"print('tea')\n", "empty": b""}


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return out.getvalue()


def uploaded(person: MsPerson, data: bytes) -> str:
    answer = person.http.post("/openapi/v1/files/upload", files={"file": ("skill.zip", data)})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["id"])


def created(person: MsPerson, name: str, **said: Any) -> dict[str, Any]:
    body = {"owner": person.name, "skill_name": name} | said
    return dict(person.http.post("/openapi/v1/skills", json=body).json())


@pytest.fixture
def brew(lin: MsPerson, live: LiveHub) -> str:
    """A public skill with files."""
    said = {"private": False, "skill_file": uploaded(lin, packed(FILES))}
    return str(created(lin, live.fresh_name("brew"), **said)["data"]["id"])


def test_a_skill_is_found_by_those_who_may(lin: MsPerson, mei: MsPerson, live: LiveHub) -> None:
    name = live.fresh_name("brew")
    made = created(lin, name, display_name="Brew", category="kitchen")["data"]
    assert (made["id"], made["private"]) == (f"{lin.name}/{name}", True)
    assert mei.http.get(f"/openapi/v1/skills/{made['id']}").json()["code"] == "ResourceNotFound"
    assert created(lin, name)["code"] == "DuplicateEntity"
    lin.http.patch(f"/openapi/v1/skills/{made['id']}/settings", json={"private": False, "category": "tea"})
    found = mei.http.get("/openapi/v1/skills", params={"filter.owner": lin.name, "filter.category": "tea"}).json()
    assert ([item["id"] for item in found["data"]["skills"]], found["data"]["total_count"]) == ([made["id"]], 1)
    assert mei.http.patch(f"/openapi/v1/skills/{made['id']}/settings", json={}).json()["code"] == "OperationNotAllowed"
    assert lin.http.delete(f"/api/v1/skills/{made['id']}").json()["Code"] == 200
    assert lin.http.get(f"/openapi/v1/skills/{made['id']}").json()["code"] == "ResourceNotFound"


def test_a_skill_says_what_its_files_say_where_its_owner_said_nothing(lin: MsPerson, live: LiveHub) -> None:
    file_id = uploaded(lin, packed(FILES))
    made = created(lin, live.fresh_name("brew"), description="My own words.", skill_file=file_id)["data"]
    assert (made["description"], made["version"], made["has_files"]) == ("My own words.", "1.2.0", True)
    assert "skill_file" not in made


def test_the_files_of_a_skill_are_listed_and_taken(stranger: MsPerson, brew: str) -> None:
    listed = stranger.http.get(f"/api/v1/skills/{brew}/repo/files", params={"Revision": "master"}).json()["Data"]
    assert {item["Path"]: item["Size"] for item in listed["Files"]} == {path: len(data) for path, data in FILES.items()}
    for item in listed["Files"]:
        answer = stranger.http.get(f"/api/v1/skills/{brew}/repo", params={"FilePath": item["Path"]})
        assert answer.content == FILES[item["Path"]]
        assert item["Sha256"] == hashlib.sha256(answer.content).hexdigest() == answer.headers["etag"].strip('"')
    missing = stranger.http.get(f"/api/v1/skills/{brew}/repo", params={"FilePath": "none"})
    assert missing.json()["Code"] == 404


def test_the_archive_is_the_one_that_was_sent(lin: MsPerson, stranger: MsPerson, brew: str) -> None:
    answer = stranger.http.get(f"/api/v1/skills/{brew}/archive/zip/master")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
    assert stranger.http.get(f"/api/v1/skills/{brew}/archive/zip/v9").json()["Code"] == 404
    change = {"skill_file": uploaded(lin, packed({"SKILL.md": TITLE}))}
    lin.http.patch(f"/openapi/v1/skills/{brew}/settings", json=change)
    assert len(stranger.http.get(f"/api/v1/skills/{brew}/repo/files").json()["Data"]["Files"]) == 1


def test_the_files_of_a_private_skill_are_nobody_elses(lin: MsPerson, mei: MsPerson, live: LiveHub) -> None:
    skill = created(lin, live.fresh_name("brew"), skill_file=uploaded(lin, packed(FILES)))["data"]["id"]
    for place in ("archive/zip/master", "repo/files", "repo?FilePath=SKILL.md"):
        assert lin.http.get(f"/api/v1/skills/{skill}/{place}").status_code == 200
        assert mei.http.get(f"/api/v1/skills/{skill}/{place}").json()["Code"] == 404


def test_a_skill_without_files_says_where_they_may_be(lin: MsPerson, live: LiveHub) -> None:
    made = created(lin, live.fresh_name("brew"), source_url="https://example.org/brew")["data"]
    answer = lin.http.get(f"/api/v1/skills/{made['id']}/archive/zip/master").json()
    assert answer["Code"] == 404
    assert "https://example.org/brew" in answer["Message"]


def test_an_uploaded_file_is_used_once_and_by_who_sent_it(lin: MsPerson, mei: MsPerson, live: LiveHub) -> None:
    file_id = uploaded(lin, packed(FILES))
    assert created(mei, live.fresh_name("brew"), skill_file=file_id)["code"] == "ResourceNotFound"
    assert created(lin, live.fresh_name("brew"), skill_file=file_id)["success"] is True
    name = live.fresh_name("brew")
    assert created(lin, name, skill_file=file_id)["code"] == "ResourceNotFound"
    assert lin.http.get(f"/openapi/v1/skills/{lin.name}/{name}").status_code == 404


def linked() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("SKILL.md", TITLE)
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return out.getvalue()


BAD = {
    "no zip": b"nonsense",
    "no title": packed({"README.md": TITLE}),
    "no name": packed({"SKILL.md": b"---\ndescription: x\n---\n"}),
    "climbing": packed({"SKILL.md": TITLE, "../up": b""}),
    "absolute": packed({"SKILL.md": TITLE, "/etc/x": b""}),
    "link": linked(),
    "bomb": packed({"SKILL.md": TITLE, "zeros": bytes(65 << 20)}),
    "many": packed({"SKILL.md": TITLE} | {str(number): b"" for number in range(2000)}),
    "damaged": packed(FILES).replace(b"print", b"qrint").replace(TITLE[:0], b"")[:-30],
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_what_is_no_archive_of_a_skill_is_refused(lin: MsPerson, live: LiveHub, data: bytes) -> None:
    name = live.fresh_name("bad")
    answer = created(lin, name, skill_file=uploaded(lin, data))
    assert (answer["success"], answer["code"]) == (False, "InputParameterError")
    assert lin.http.get(f"/openapi/v1/skills/{lin.name}/{name}").status_code == 404


def test_views_and_downloads_of_a_skill_are_counted_once(mei: MsPerson, brew: str, live: LiveHub) -> None:
    for _ in range(3):
        mei.http.get(f"/openapi/v1/skills/{brew}")
        mei.http.head(f"/api/v1/skills/{brew}/archive/zip/master")
    for path in FILES:
        mei.http.get(f"/api/v1/skills/{brew}/repo", params={"FilePath": path})
    worker.flush(live.site)
    shown = mei.http.get(f"/openapi/v1/skills/{brew}").json()["data"]
    assert (shown["downloads"], shown["views"]) == (1, 1)
