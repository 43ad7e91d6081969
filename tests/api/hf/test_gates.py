"""Gated repos: asking as the page's form does, deciding as the client does."""

from __future__ import annotations

import pytest
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from support.hf import HfPerson
from support.servers import LiveHub


@pytest.fixture
def gated(lin_hf: HfPerson, tea: str) -> str:
    lin_hf.put(tea, {"a.txt": b"leaf"})
    lin_hf.api.update_repo_settings(tea, gated="manual")
    return tea


def test_a_request_goes_from_the_form_to_the_administrator_and_back(
    lin_hf: HfPerson, mei_hf: HfPerson, gated: str
) -> None:
    with pytest.raises(GatedRepoError):
        mei_hf.api.auth_check(gated)
    answer = mei_hf.http.post(f"/{gated}/ask-access", data={"purpose": "tasting"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{mei_hf.url}/{gated}")
    [asked] = lin_hf.api.list_pending_access_requests(gated)
    assert (asked.username, asked.fields) == (mei_hf.name, {"purpose": "tasting"})
    lin_hf.api.accept_access_request(gated, request_id=asked.request_id)
    assert mei_hf.get(gated, "a.txt").content == b"leaf"
    lin_hf.api.cancel_access_request(gated, mei_hf.name)
    assert mei_hf.get(gated, "a.txt").headers["x-error-code"] == "GatedRepo"


def test_an_automatic_gate_answers_at_once(lin_hf: HfPerson, mei_hf: HfPerson, gated: str) -> None:
    lin_hf.api.update_repo_settings(gated, gated="auto")
    assert mei_hf.http.post(f"/models/{gated}/ask-access", json={}).json()["status"] == "accepted"
    assert mei_hf.get(gated, "a.txt").status_code == 200


def test_an_address_is_shared_by_asking_not_by_being_let_in(lin_hf: HfPerson, gated: str, live: LiveHub) -> None:
    for name, asks in (("asker", True), ("guest", False)):
        user = live.user(live.fresh_name(name))
        live.world.write_in(_set_email, user, f"{name}@example.org")
        if asks:
            HfPerson(live.url, user, live.token(user)).http.post(f"/{gated}/ask-access", json={})
            lin_hf.api.accept_access_request(gated, user)
        else:
            lin_hf.api.grant_access(gated, user)
    found = lin_hf.api.list_accepted_access_requests(gated)
    assert [request.email for request in found] == [None, "asker@example.org"]


def test_only_administrators_see_and_handle_requests(lin_hf: HfPerson, mei_hf: HfPerson, gated: str) -> None:
    base = f"/api/models/{gated}/user-access-request"
    assert mei_hf.http.get(f"{base}/pending").status_code == 403
    assert mei_hf.http.post(f"{base}/grant", json={"user": mei_hf.name}).status_code == 403
    body = {"user": mei_hf.name, "status": "accepted"}
    assert mei_hf.http.post(f"{base}/handle", json=body).status_code == 403
    assert mei_hf.get(gated, "a.txt").status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("handle", {"user": "{mei}", "status": "accepted"}, 404),
        ("handle", {"user": "no-such-user", "status": "accepted"}, 404),
        ("handle", {"requestId": "f" * 24, "status": "accepted"}, 404),
        ("handle", {"requestId": "leaf", "status": "accepted"}, 404),
        ("handle", {"status": "accepted"}, 404),
        ("handle", {"user": "{mei}", "status": "maybe"}, 400),
        ("grant", {"user": "no-such-user"}, 404),
    ],
)
def test_what_cannot_be_handled_is_told(
    lin_hf: HfPerson, mei_hf: HfPerson, gated: str, path: str, body: dict[str, str], status: int
) -> None:
    asked = {name: value.replace("{mei}", mei_hf.name) for name, value in body.items()}
    answer = lin_hf.http.post(f"/api/models/{gated}/user-access-request/{path}", json=asked)
    assert answer.status_code == status


def test_a_hidden_repo_cannot_be_asked_for(mei_hf: HfPerson, lin_hf: HfPerson, silk: str) -> None:
    lin_hf.api.update_repo_settings(silk, gated="auto")
    answer = mei_hf.http.post(f"/{silk}/ask-access", json={})
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")


def test_an_open_repo_has_no_requests(lin_hf: HfPerson, tea: str) -> None:
    with pytest.raises(HfHubHTTPError, match="not gated"):
        list(lin_hf.api.list_pending_access_requests(tea))


def _set_email(session: object, user: str, email: str) -> None:
    from yungu import accounts

    accounts.update_owner(session, accounts.get_user(session, user).id, email=email)  # type: ignore[arg-type]
