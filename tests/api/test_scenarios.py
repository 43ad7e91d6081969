"""The two lists for programs: read by anybody, written by those with a token, conflicts told with both versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from support.lists import MODEL, TEA, Lists
from support.servers import LiveHub
from yungu import scenarios
from yungu.scenarios.rules import contents

Client = Callable[..., httpx.Client]


@pytest.fixture
def client(live: LiveHub) -> Client:
    def connect(user: str | None = None, scope: Any = "write") -> httpx.Client:
        headers = {"authorization": f"Bearer {live.token(user, scope)}"} if user else {}
        return httpx.Client(base_url=live.url, headers=headers, timeout=30)

    return connect


def test_a_program_writes_reviews_publishes_and_claims(live: LiveHub, client: Client) -> None:
    lists, names = Lists(live.world), [live.user() for _ in range(4)]
    lin, mei, elsa, otto = (client(name) for name in names)
    for name, role in ((names[2], "expert"), (names[3], "operator")):
        lists.write(scenarios.grant_role, live.actor(name).user, role, None)  # type: ignore[arg-type]

    made = lin.post("/api/v1/opportunities", json={"content": contents.pack(TEA)})
    code = made.json()["code"]
    place = f"/api/v1/opportunities/{code}"
    assert made.status_code == 201 and made.json()["findings"] == []
    assert client().get(place).status_code == mei.get(place).status_code == 404

    changed = lin.patch(place, json={"version": 1, "content": {"region": "绍兴"}})
    late = lin.patch(place, json={"version": 1, "content": {"payer": "x"}})
    assert changed.json()["version"] == 2 and late.status_code == 409
    assert (late.json()["version"], late.json()["differing"]) == (2, ["payer"])
    assert late.headers["content-type"] == "application/problem+json"

    assert lin.post(f"{place}/steps", json={"step": "submit"}).json()["status"] == "submitted"
    assert lin.post(f"{place}/reviews", json={"opinion": "approve"}).status_code == 403
    assert elsa.post(f"{place}/reviews", json={"opinion": "approve"}).json()["status"] == "reviewing"
    assert otto.post(f"{place}/steps", json={"step": "publish"}).json()["status"] == "published"

    shown = client().get(place).json()
    assert shown["contact"] == "" and shown["capacity_left"] == 2 and "findings" not in shown
    listed = client().get("/api/v1/opportunities", params={"search": "绍兴", "domain": "agriculture"}).json()
    assert code in [item["code"] for item in listed["items"]] and listed["total"] == len(listed["items"])
    history = client().get(f"{place}/history").json()
    assert [line["after"] for line in history][-1] == "published" and {line["by"] for line in history} == {None}

    offer = mei.post("/api/v1/capabilities", json={"content": contents.pack(MODEL)}).json()["code"]
    for step, who in (("submit", mei), ("publish", otto)):
        if step == "publish":
            elsa.post(f"/api/v1/capabilities/{offer}/reviews", json={"opinion": "approve"})
        assert who.post(f"/api/v1/capabilities/{offer}/steps", json={"step": step}).status_code == 200
    claims = [mei.post(f"{place}/claims", json={"capability": offer}) for _ in range(2)]
    assert [claim.status_code for claim in claims] == [201, 409]


def test_nonsense_and_weak_tokens_are_refused_clearly(live: LiveHub, client: Client) -> None:
    name = live.user()
    draft = {"content": contents.pack(TEA)}
    assert client().post("/api/v1/opportunities", json=draft).status_code == 401
    assert client(name, "read").post("/api/v1/opportunities", json=draft).status_code == 403
    lin = client(name)
    for wrong in ({"content": {"capacity": "many"}}, {"content": {"mode": "magic"}}, {"nothing": 1}, []):
        assert lin.post("/api/v1/opportunities", json=wrong).status_code == 400
    missing = lin.post("/api/v1/opportunities", json={"content": {"title": {"zh": "x"}}}).json()["code"]
    refused = lin.post(f"/api/v1/opportunities/{missing}/steps", json={"step": "submit"})
    assert refused.status_code == 400 and "payer-missing" in refused.json()["missing"]
