"""Likes, as the client and the web page's button send them."""

from __future__ import annotations

import pytest
from huggingface_hub.errors import RepositoryNotFoundError

from support.hf import HfPerson


def test_a_like_is_seen_from_both_sides(lin_hf: HfPerson, mei_hf: HfPerson, stranger: HfPerson, tea: str) -> None:
    assert mei_hf.http.post(f"/api/models/{tea}/like").status_code == 200
    assert mei_hf.api.list_liked_repos().models == [tea]
    assert [user.username for user in stranger.api.list_repo_likers(tea)] == [mei_hf.name]
    assert stranger.api.model_info(tea).likes == 1
    mei_hf.api.unlike(tea)
    assert stranger.api.list_liked_repos(mei_hf.name).total == 0
    assert stranger.api.model_info(tea).likes == 0


def test_hidden_repos_can_neither_be_liked_nor_seen_in_likes(lin_hf: HfPerson, mei_hf: HfPerson, silk: str) -> None:
    assert lin_hf.http.post(f"/api/models/{silk}/like").status_code == 200
    assert mei_hf.api.list_liked_repos(lin_hf.name).total == 0
    for method, path in (("POST", "like"), ("DELETE", "like"), ("GET", "likers")):
        answer = mei_hf.http.request(method, f"/api/models/{silk}/{path}")
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")


def test_a_stranger_has_to_sign_in_to_like(stranger: HfPerson, tea: str) -> None:
    assert stranger.http.post(f"/api/models/{tea}/like").status_code == 401


@pytest.mark.parametrize("repo", ["gpt2", "nobody/nothing"])
def test_unliking_what_is_not_there_is_a_missing_repo(lin_hf: HfPerson, repo: str) -> None:
    with pytest.raises(RepositoryNotFoundError):
        lin_hf.api.unlike(repo)


def test_fashion_follows_likes(lin_hf: HfPerson, mei_hf: HfPerson) -> None:
    for name in ("plain", "loved"):
        lin_hf.create(name)
    mei_hf.http.post(f"/api/models/{lin_hf.name}/loved/like")
    found = list(lin_hf.api.list_models(author=lin_hf.name, sort="trending_score", expand=["trendingScore"]))
    assert [(model.id.rpartition("/")[2], model.trending_score) for model in found] == [("loved", 10), ("plain", 0)]
