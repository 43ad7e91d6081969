"""Whatever cannot be done is told in OpenAI's words, so that clients raise their own errors, and costs nothing."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from api.openai.conftest import PRICES, Desk, make_desk
from support.servers import LiveHub
from yungu import compute


def test_who_is_not_known_is_not_answered(desk: Desk) -> None:
    with pytest.raises(openai.AuthenticationError):
        desk.say(desk.client("yg_nonsense"))
    answer = httpx.post(f"{desk.live.url}/v1/chat/completions", json={"model": desk.name, "messages": []})
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "missing_api_key"
    assert desk.server.requests == []


def test_a_token_for_nothing_pays_nothing(desk: Desk) -> None:
    nothing = desk.live.token(desk.user, "fine-grained")
    with pytest.raises(openai.PermissionDeniedError):
        desk.say(desk.client(nothing))
    named = desk.live.token(desk.user, "fine-grained", grants=[(f"models/{desk.name}", "read")])
    desk.say(desk.client(named))


def test_models_that_are_not_there_hidden_or_off(desk: Desk, live: LiveHub) -> None:
    hidden = make_desk(live, desk.server, PRICES, visibility="private")
    for name in ("no/such", hidden.name):
        with pytest.raises(openai.NotFoundError) as refused:
            desk.say(model=name)
        assert refused.value.code == "model_not_found" and refused.value.param == "model"
    root = live.actor(live.user(is_admin=True))
    with live.site.db.write() as session:
        compute.switch_deployment(session, desk.deployment, root, "off")
    with pytest.raises(openai.InternalServerError, match="switched off"):
        desk.say()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**12}, "max_tokens"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": 10**9}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stream": True, "stream_options": 7}, "stream_options"),
        ({"model": 7}, "model"),
        ({"model": None}, "model"),
    ],
)
def test_fields_that_make_no_sense(desk: Desk, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        desk.say(**fields)
    assert refused.value.param == param and desk.server.requests == []
    desk.check()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": "' + b"x" * 300 + b'"}', b"\xff", b"[" * 100_000])
def test_bodies_that_make_no_sense(desk: Desk, body: bytes) -> None:
    headers = {"authorization": f"Bearer {desk.token}"}
    answer = httpx.post(f"{desk.live.url}/v1/chat/completions", content=body, headers=headers)
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error"


def test_credits_that_do_not_suffice(desk: Desk, live: LiveHub) -> None:
    poor = live.user()
    client = desk.client(live.token(poor), max_retries=2)
    before = len(desk.server.requests)
    with pytest.raises(openai.RateLimitError) as refused:
        desk.say(client, max_tokens=100)
    assert refused.value.code == "insufficient_quota" and "voucher" in refused.value.message
    desk.grant(1_000, poor)
    with pytest.raises(openai.RateLimitError):
        desk.say(client, max_tokens=4096)
    desk.say(client)  # left open: as much as there are credits for
    limit = desk.server.requests[-1]["max_tokens"]
    assert limit > 0 and len(desk.server.requests) == before + 1
    assert 100 + 2 * limit < 1_000


def test_a_request_id_is_paid_once(desk: Desk) -> None:
    client = desk.client(max_retries=2)
    desk.say(client, extra_headers={"Idempotency-Key": "order-1"})
    with pytest.raises(openai.ConflictError) as refused:
        desk.say(client, extra_headers={"Idempotency-Key": "order-1"})
    assert refused.value.code == "request_id_used" and "117 micro-credits" in refused.value.message
    assert refused.value.response.headers["x-yungu-call"] == str(desk.calls[0].id)
    assert len(desk.calls) == len(desk.server.requests) == 1
    with pytest.raises(openai.BadRequestError):
        desk.say(client, extra_headers={"Idempotency-Key": "no spaces"})
    desk.check()


def test_a_request_that_was_not_answered_can_be_sent_again(desk: Desk) -> None:
    headers = {"Idempotency-Key": "order-2"}
    desk.server.behave("hang up")
    with pytest.raises(openai.InternalServerError):
        desk.say(extra_headers=headers)
    desk.server.behave()
    desk.say(extra_headers=headers)
    with pytest.raises(openai.ConflictError):
        desk.say(extra_headers=headers)
    assert [call.amount for call in desk.calls] == [117, 0]
    desk.check()


def test_what_a_model_server_refuses(desk: Desk) -> None:
    desk.server.behave("refuse")
    with pytest.raises(openai.BadRequestError) as refused:
        desk.say()
    assert refused.value.param == "messages" and "too long" in refused.value.message
    desk.server.behave("bad key")
    with pytest.raises(openai.InternalServerError) as broken:
        desk.say()
    assert "sk-secret" not in broken.value.message and broken.value.status_code == 502
    assert [call.outcome for call in desk.calls] == ["failed", "failed"]
    assert desk.wallet.vouchers == 10**6
    desk.check()


def test_unknown_addresses_and_methods(desk: Desk) -> None:
    assert httpx.post(f"{desk.live.url}/v1/poems/of/tea/leaves").json()["error"]["code"] == "unknown_url"
    assert httpx.get(f"{desk.live.url}/v1/chat/completions").json()["error"]["code"] == "method_not_supported"
