"""Overviews, members, settings: repositories and webhooks; tags by type."""

from __future__ import annotations

import pytest
from huggingface_hub.errors import HfHubHTTPError

from support.hf import HfPerson
from support.servers import LiveHub


def test_an_overview_counts_what_the_asker_may_see(
    lin_hf: HfPerson, mei_hf: HfPerson, tea: str, silk: str, live: LiveHub
) -> None:
    organization = live.world.organization(live.fresh_name("house"), admin=live.actor(lin_hf.name))
    own, seen = (person.api.get_user_overview(lin_hf.name) for person in (lin_hf, mei_hf))
    assert (own.num_models, seen.num_models) == (2, 1)
    assert (seen.username, [org.name for org in seen.orgs]) == (lin_hf.name, [organization.name])


def test_an_organization_shows_itself_and_its_members(
    lin_hf: HfPerson, mei_hf: HfPerson, stranger: HfPerson, live: LiveHub
) -> None:
    lin, mei = live.actor(lin_hf.name), live.actor(mei_hf.name)
    name = live.world.organization(live.fresh_name("house"), admin=lin, read=[mei]).name
    overview = stranger.api.get_organization_overview(name)
    assert (overview.name, overview.num_users, overview.num_models) == (name, 2, 0)
    members = [user.username for user in stranger.api.list_organization_members(name)]
    assert members == sorted([lin_hf.name, mei_hf.name])


@pytest.mark.parametrize(
    "path",
    [
        "users/nobody-here/overview",
        "users/nobody-here/likes",
        "organizations/{lin}/overview",
        "organizations/{lin}/members",
    ],
)
def test_who_is_not_there_is_not_found(lin_hf: HfPerson, path: str) -> None:
    assert lin_hf.http.get("/api/" + path.format(lin=lin_hf.name)).status_code == 404


def test_my_repos_are_listed_with_what_they_hold(lin_hf: HfPerson, stranger: HfPerson, tea: str, silk: str) -> None:
    lin_hf.put_lfs(tea, "a.bin", b"x" * 1000)
    found = {repo.id: repo for repo in lin_hf.api.list_user_repos()}
    assert {name: repo.visibility for name, repo in found.items()} == {tea: "public", silk: "private"}
    assert (found[tea].storage, found[tea].storage_percent, found[silk].storage) == (1000, 100, 0)
    assert stranger.http.get("/api/settings/repositories").status_code == 401


def test_an_organizations_repos_are_listed_to_its_members(lin_hf: HfPerson, mei_hf: HfPerson, live: LiveHub) -> None:
    name = live.world.organization(live.fresh_name("house"), admin=live.actor(lin_hf.name)).name
    live.world.repo(f"{name}/tea", by=live.actor(lin_hf.name))
    assert [repo.id for repo in lin_hf.api.list_user_repos(name)] == [f"{name}/tea"]
    assert mei_hf.http.get(f"/api/organizations/{name}/settings/repositories").status_code == 404


def test_a_webhook_lives_from_creation_to_deletion(lin_hf: HfPerson, mei_hf: HfPerson) -> None:
    api = lin_hf.api
    watched = [{"type": "user", "name": lin_hf.name}]
    made = api.create_webhook(url="https://example.org/hook", watched=watched, domains=["repo"], secret="s3")
    assert (made.secret, made.disabled, made.domains) == (None, False, ["repo"])
    assert api.disable_webhook(made.id).disabled
    assert not api.enable_webhook(made.id).disabled
    assert api.update_webhook(made.id, url="https://example.org/new").watched == made.watched
    assert [hook.url for hook in api.list_webhooks()] == ["https://example.org/new"]
    assert mei_hf.api.list_webhooks() == []
    for method, path in (("GET", ""), ("POST", ""), ("POST", "/enable"), ("DELETE", "")):
        assert mei_hf.http.request(method, f"/api/settings/webhooks/{made.id}{path}", json={}).status_code == 404
    api.delete_webhook(made.id)
    with pytest.raises(HfHubHTTPError):
        api.get_webhook(made.id)


@pytest.mark.parametrize(
    "body",
    [
        {"watched": [{"type": "user", "name": "x"}]},
        {"watched": [{"type": "user", "name": "x"}], "jobSourceId": "j"},
        {"watched": [{"type": "planet", "name": "x"}], "url": "https://example.org"},
        {"watched": [], "url": "https://example.org"},
        {"watched": [{"type": "user", "name": "x"}], "url": "file:///etc/passwd"},
    ],
)
def test_a_webhook_that_makes_no_sense_is_refused(lin_hf: HfPerson, body: dict[str, object]) -> None:
    assert lin_hf.http.post("/api/settings/webhooks", json=body).status_code == 400


def test_a_read_token_sees_no_webhook_secrets(lin_hf: HfPerson, live: LiveHub) -> None:
    reader = HfPerson(live.url, lin_hf.name, live.token(lin_hf.name, "read"))
    assert reader.http.get("/api/settings/webhooks").status_code == 403


def test_tags_are_grouped_by_what_they_speak_of(lin_hf: HfPerson, stranger: HfPerson, tea: str, live: LiveHub) -> None:
    tag = live.fresh_name("tag")
    card = f"---\ntags: [{tag}]\nlanguage: zh\nlicense: mit\npipeline_tag: fill-mask\n---\n".encode()
    lin_hf.put(tea, {"README.md": card})
    found = stranger.api.get_model_tags()
    assert {"type": "language", "id": "zh", "label": "zh"} in found["language"]
    assert {"type": "license", "id": "license:mit", "label": "mit"} in found["license"]
    assert {"type": "pipeline_tag", "id": "fill-mask", "label": "fill-mask"} in found["pipeline_tag"]
    assert {"type": "other", "id": tag, "label": tag} in found["other"]
    assert "fill-mask" not in {entry["id"] for entry in found["other"]}
    assert set(stranger.api.get_dataset_tags()) >= {"task_categories", "language", "license"}
