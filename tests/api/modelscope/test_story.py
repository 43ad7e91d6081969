"""One life of two repos in the ModelScope dialect, on either database."""

from __future__ import annotations

import io
import zipfile
from functools import partial

import pytest

from support.ms import MsPerson, drop, lfs, normal
from support.servers import LiveHub
from yungu import hub
from yungu.api.http.blobs import read_blob
from yungu.app import worker

both = pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)
WEIGHTS = bytes(range(256)) * 40


@both
def test_a_repo_lives_from_its_creation_to_its_end(live: LiveHub, lin: MsPerson, mei: MsPerson) -> None:
    tea = lin.create(live.fresh_name("Tea.v1"), visibility=5, ChineseName="龙井", Description="green")
    assert lin.ask_to_create(tea.partition("/")[2]).json()["Code"] == 10010101001
    sha256 = lin.upload(tea, WEIGHTS)
    actions = [normal("a.txt", b"hello"), normal("sub/b.txt", "茶".encode()), lfs("w.bin", sha256, len(WEIGHTS))]
    first = lin.commit(tea, actions).json()["Data"]["oid"]
    lin.put(tea, {"a.txt": b"on a branch"}, rev="feature/x")
    lin.http.post(f"/api/v1/models/{tea}/repo/tag", json={"TagName": "v1", "Ref": "master"})
    assert lin.commit(tea, [drop("sub/b.txt")]).json()["Code"] == 200

    found = mei.files(tea)
    assert (found["w.bin"]["Size"], found["w.bin"]["Sha256"], found["a.txt"]["Revision"]) == (10240, sha256, first)
    assert "sub/b.txt" not in found
    assert mei.get(tea, "w.bin", range="bytes=100-199").content == WEIGHTS[100:200]
    revisions = mei.http.get(f"/api/v1/models/{tea}/revisions").json()["Data"]["RevisionMap"]
    assert {item["Revision"] for item in revisions["Branches"]} == {"feature/x", "master"}
    assert [mei.get(tea, "a.txt", rev=rev).content for rev in ("main", "v1", "feature/x")] == [
        b"hello", b"hello", b"on a branch",
    ]  # fmt: skip
    history = mei.http.get(f"/api/v1/models/{tea}/commits", params={"PageSize": 2}).json()
    assert (len(history["Data"]["Commit"]), history["TotalCount"]) == (2, 3)

    worker.flush(live.site)
    while hub.measure_heads(live.site.db, live.site.git, partial(read_blob, live.site)):
        pass
    shown = mei.http.get("/openapi/v1/models", params={"owner": lin.name, "search": "tea"}).json()["data"]
    item = shown["models"][0]
    assert (item["id"], item["downloads"], shown["total_count"]) == (tea, 1, 1)
    assert item["file_size"] == sum(entry["Size"] for entry in found.values())
    for sort in ("default", "downloads", "likes", "last_modified", "view_num"):
        assert mei.http.get("/openapi/v1/models", params={"sort": sort, "owner": lin.name}).status_code == 200

    lin.http.put(f"/api/v1/models/{tea}", json={"Visibility": 1})
    assert mei.http.get(f"/api/v1/models/{tea}").json()["Code"] == 404
    assert lin.http.delete(f"/api/v1/models/{tea}").json()["Code"] == 200
    assert lin.http.get(f"/openapi/v1/models/{tea}").json()["code"] == "ResourceNotFound"


@both
def test_what_is_said_beside_repos_is_kept(live: LiveHub, lin: MsPerson, mei: MsPerson) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("SKILL.md", "---\nname: brew\ndescription: Brews tea.\n---\n")
    upload = {"file": ("brew.zip", out.getvalue())}
    file_id = lin.http.post("/openapi/v1/files/upload", files=upload).json()["data"]["id"]
    body = {"owner": lin.name, "skill_name": live.fresh_name("brew"), "private": False, "skill_file": file_id}
    skill = lin.http.post("/openapi/v1/skills", json=body | {"category": "kitchen"}).json()["data"]["id"]
    listed = mei.http.get("/openapi/v1/skills", params={"filter.category": "kitchen", "filter.owner": lin.name}).json()
    assert [item["id"] for item in listed["data"]["skills"]] == [skill]
    assert mei.http.get(f"/api/v1/skills/{skill}/archive/zip/master").content == out.getvalue()

    shelf = lin.http.post("/openapi/v1/collections", json={"title": "Tools", "private": False}).json()["data"]["id"]
    for _ in range(2):
        item = {"item_type": "skill", "item_id": skill}
        added = lin.http.post(f"/openapi/v1/collections/{shelf}/items", json=item).json()
    assert added["code"] == "DuplicateEntity"
    shown = mei.http.get("/api/v1/collections", params={"Fid": shelf, "ElementType": "skill"}).json()["Data"]
    assert shown["TotalCount"] == 1

    name = live.fresh_name("studio")
    studio = lin.http.post("/openapi/v1/studios", json={"owner": lin.name, "repo_name": name}).json()["data"]["id"]
    for method, value in (("POST", "one"), ("PUT", "two")):
        told = lin.http.request(
            method, f"/openapi/v1/studios/{studio}/secrets", json={"key": "TOKEN", "value": value}
        ).json()
        assert told["success"] is True
    keys = lin.http.get(f"/openapi/v1/studios/{studio}/secrets").json()["data"]
    assert ([item["key"] for item in keys["secrets"]], "two" in str(keys)) == (["TOKEN"], False)
    word = live.fresh_name("w")
    live.world.write_in(hub.put_mcp_server, f"@{word}/idle", name="idle", server_config=[{"a": 1}])
    found = mei.http.put("/openapi/v1/mcp/servers", json={"search": word, "filter": {"is_hosted": False}}).json()
    assert found["data"]["total_count"] == 1
