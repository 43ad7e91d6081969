"""The whole application answers, on both databases and as a process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from support.servers import LiveHub, SpawnedServer


@pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)
def test_a_live_hub_says_not_found_and_names_the_request(live: LiveHub) -> None:
    answer = httpx.get(f"{live.url}/api/nothing/here", headers={"x-request-id": "tea-1"})
    assert answer.status_code == 404
    assert answer.headers["x-request-id"] == "tea-1"


@pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)
def test_people_and_repos_can_be_made_behind_a_live_hub(live: LiveHub) -> None:
    name = live.user()
    repo = live.world.repo(f"{name}/tea", by=live.actor(name), files={"a.txt": b"hello"})
    assert live.world.read(repo, "a.txt") == b"hello"
    assert live.token(name).startswith("yg_")


def test_a_killed_server_starts_again_on_the_same_data(
    spawn_server: Callable[..., SpawnedServer], tmp_path: Path
) -> None:
    spawn_server(tmp_path / "data").kill()
    again = spawn_server(tmp_path / "data")
    assert httpx.get(f"{again.url}/api/nothing/here").status_code in (400, 404)
    assert again.stop() == 0
