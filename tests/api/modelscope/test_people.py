"""Signing in, and every way to say who one is."""

from __future__ import annotations

import base64
from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie

import httpx
import pytest

from support.ms import MsPerson
from yungu.kernel import clock


def test_login_gives_a_password_for_git_and_a_cookie_that_outlives_the_session(lin: MsPerson) -> None:
    answer = httpx.post(f"{lin.url}/api/v1/login", json={"AccessToken": lin.token})
    data = answer.json()["Data"]
    assert (answer.status_code, data["Username"], data["Email"]) == (200, lin.name, "")
    cookie = SimpleCookie(answer.headers["set-cookie"])["m_session_id"]
    assert parsedate_to_datetime(cookie["expires"]) > clock.now()
    assert (cookie["path"], cookie["httponly"]) == ("/", True)
    asked = httpx.get(f"{lin.url}/openapi/v1/users/me", headers={"cookie": f"m_session_id={cookie.value}"})
    assert asked.json()["data"]["username"] == lin.name
    assert data["AccessToken"] == lin.token


@pytest.mark.parametrize("token", ["", "nobody's", "x" * 10_000])
def test_a_bad_token_cannot_sign_in(lin: MsPerson, token: str) -> None:
    answer = httpx.post(f"{lin.url}/api/v1/login", json={"AccessToken": token})
    assert (answer.status_code, answer.json()["Code"], answer.json()["Success"]) == (400, 10010103009, False)
    assert "set-cookie" not in answer.headers


def carriers(token: str) -> list[dict[str, str]]:
    basic = base64.b64encode(f"oauth2:{token}".encode()).decode()
    return [
        {"authorization": f"Bearer {token}"},
        {"authorization": f"Basic {basic}"},
        {"cookie": f"m_session_id={token}"},
        {"cookie": f"modelscope_session={token}"},
    ]


@pytest.mark.parametrize("number", range(4))
def test_every_carrier_counts_and_a_bad_token_in_it_is_never_a_stranger(lin: MsPerson, tea: str, number: int) -> None:
    places = ["/openapi/v1/users/me", f"/api/v1/models/{tea}", f"/api/v1/models/{tea}/repo/files", "/openapi/v1/models"]
    for place in places:
        assert httpx.get(lin.url + place, headers=carriers(lin.token)[number]).status_code == 200
        bad = httpx.get(lin.url + place, headers=carriers("bad")[number])
        assert bad.status_code == 401
        assert bad.json().get("code") == "InvalidAuthentication" or bad.json()["Code"] == 401


def test_who_sends_no_token_is_nobody(stranger: MsPerson) -> None:
    answer = stranger.http.get("/openapi/v1/users/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "InvalidAuthentication")
    assert stranger.http.get("/api/v1/repos/internalAccelerationInfo").json()["Data"] == {
        "InternalRegionQueryAddress": ""
    }
