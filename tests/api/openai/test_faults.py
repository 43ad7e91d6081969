"""However a call ends, it is settled once: what was delivered is paid, what was not returns, and the books balance."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest

from api.openai.conftest import PRICES, Desk, hurry, make_desk
from support.servers import LiveHub
from support.upstream import PROMPT_TOKENS, Upstream
from yungu import compute, credits
from yungu.api.openai import metering
from yungu.app.settings import load
from yungu.app.wiring import build_site

WAIT_SECONDS = 20.0


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def ask(desk: Desk, **more: object) -> http.client.HTTPConnection:
    """A raw request, so that a test can do what no client does."""
    connection = http.client.HTTPConnection(urlsplit(desk.live.url).netloc)
    body = {"model": desk.name, "messages": [{"role": "user", "content": "tea?"}]} | more
    connection.request(
        "POST", "/v1/chat/completions", json.dumps(body).encode(), {"Authorization": f"Bearer {desk.token}"}
    )
    return connection


def test_a_stream_without_usage_is_counted_here(desk: Desk) -> None:
    desk.server.behave("no usage")
    desk.server.chunks = 7
    assert len(list(desk.say(stream=True))) == 8
    desk.say()
    whole, stream = desk.calls
    assert stream.is_estimated and stream.completion_tokens == 7 and 0 < stream.prompt_tokens < 60
    assert whole.is_estimated and 0 < whole.completion_tokens < 20
    desk.check()


@pytest.mark.parametrize("how", ["die", "garbage"])
def test_a_model_server_that_breaks_in_a_stream(desk: Desk, how: str) -> None:
    desk.server.behave(how)
    texts = []
    with pytest.raises(openai.APIError):
        for piece in desk.say(stream=True):
            texts.append(piece.choices[0].delta.content)
    [call] = desk.calls
    assert call.outcome == "failed" and call.completion_tokens == len(texts) == 2 and call.amount > 0
    desk.check()


@pytest.mark.parametrize("how", ["hang up", "garbage"])
def test_a_model_server_that_breaks_before_it_says_anything(desk: Desk, how: str) -> None:
    desk.server.behave(how)
    with pytest.raises(openai.InternalServerError):
        desk.say()
    assert [(call.outcome, call.amount) for call in desk.calls] == [("failed", 0)]
    desk.check()


def test_a_model_whose_own_code_raises(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.server.behave("broken")
    with pytest.raises(openai.InternalServerError, match="error 0123456789ab") as refused:
        desk.say()
    assert refused.value.status_code == 502 and refused.value.code == "model_failed" and "sk-" not in str(refused.value)
    assert "0123456789ab" in caplog.text
    desk.server.behave("break")
    with pytest.raises(openai.APIError, match="error 0123456789ab"):
        list(desk.say(stream=True))
    paid, nothing = desk.calls
    assert (nothing.outcome, nothing.amount) == ("failed", 0)
    assert (paid.outcome, paid.completion_tokens) == ("failed", 2)
    desk.check()


@pytest.mark.parametrize("stream", [False, True])
def test_a_hub_that_breaks_itself(
    desk: Desk, stream: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> bytes:
        raise KeyError("tea")

    monkeypatch.setattr(metering, "read_whole", broken)
    monkeypatch.setattr(metering.Frames, "feed", broken)
    with pytest.raises(openai.APIError, match="Request id: ") as refused:
        list(desk.say(stream=stream))
    assert "KeyError: 'tea'" in caplog.text and (stream or refused.value.code == "internal_error")
    assert [(call.outcome, call.amount) for call in desk.calls] == [("failed", 0)]
    desk.check()


def test_a_model_server_that_is_not_there(desk: Desk, live: LiveHub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    absent = Upstream()
    absent.url = f"http://127.0.0.1:{port}"
    other = make_desk(live, absent, PRICES)
    with pytest.raises(openai.InternalServerError, match="cannot be reached"):
        desk.say(model=other.name)
    assert desk.calls[0].outcome == "failed"
    desk.check()


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_server_that_stalls(desk: Desk, stream: bool) -> None:
    hurry(desk, stall_seconds=0.3)
    desk.server.behave("stall")
    with pytest.raises(openai.APIError, match="sent nothing"):
        list(desk.say(stream=stream))
    [call] = desk.calls
    assert call.outcome == "stalled" and call.completion_tokens == (2 if stream else 0)
    assert (call.amount > 0) is stream
    assert desk.server.left.wait(WAIT_SECONDS)
    desk.check()


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_takes_too_long(desk: Desk, stream: bool) -> None:
    hurry(desk, most_seconds=0.4)
    desk.server.behave("stall")
    with pytest.raises(openai.APIError, match="longer than"):
        list(desk.say(stream=stream))
    assert desk.calls[0].outcome == "too_long"
    desk.check()


def test_how_long_a_call_may_take_is_a_setting(tmp_path: Path) -> None:
    site = build_site(load({"YUNGU_CALL_SECONDS": "7"}, data=str(tmp_path / "hub"), call_stall_seconds=3))
    assert site.call_limits == compute.CallLimits(stall_seconds=3.0, most_seconds=7.0)
    site.workers.shutdown()
    site.db.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves(desk: Desk, stream: bool) -> None:
    desk.server.behave("stall")
    connection = ask(desk, stream=stream)
    if stream:
        answer = connection.getresponse()
        lines = [answer.readline() for _ in range(3)]
        assert [b"tea" in line for line in lines] == [True, False, True], "both of the chunks before it stalls"
        answer.close()
    else:
        until(lambda: desk.server.requests)
    connection.close()
    assert desk.server.left.wait(WAIT_SECONDS), "the model server goes on for nobody"
    until(lambda: desk.calls)
    [call] = desk.calls
    assert call.outcome == "left" and call.completion_tokens == (2 if stream else 0)
    desk.check()


def test_a_client_that_never_reads(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yungu.app.protocol.ByteProtocol.idle_seconds", 0.3)
    desk.server.chunks = 60_000
    connection = ask(desk, stream=True)
    until(lambda: desk.calls)
    [call] = desk.calls
    assert call.outcome == "left" and 0 < call.completion_tokens < 60_000
    connection.close()
    desk.check()


def test_a_hold_that_was_swept_while_the_answer_came(desk: Desk) -> None:
    desk.server.behave("stall")
    connection = ask(desk, stream=True)
    answer = connection.getresponse()
    answer.readline()
    with desk.live.site.db.write() as session:
        [held] = credits.list_holds(session, desk.live.actor(desk.user).id or 0, limit=9).items
        assert credits.time_out(session, held.id, held.expires_at)  # as if the clock had jumped
    answer.close()
    connection.close()
    assert desk.server.left.wait(WAIT_SECONDS)
    until(lambda: desk.wallet.held == 0)
    assert desk.wallet.vouchers == credits.CREDIT
    desk.check()


@pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)
def test_fifty_at_once_on_one_voucher_never_overspend(desk: Desk, live: LiveHub) -> None:
    poor = live.user()
    token, most = live.token(poor), 100 + 2 * 20
    voucher = desk.grant(10 * (most + 400), poor)
    client = desk.client(token, max_retries=0)

    def spend(number: int) -> object:
        try:
            if number % 2:
                return desk.say(client, max_tokens=20)
            return list(desk.say(client, max_tokens=20, stream=True))
        except openai.RateLimitError as error:
            return error

    with ThreadPoolExecutor(50) as pool:
        done = list(pool.map(spend, range(50)))
    answered = sum(not isinstance(end, Exception) for end in done)
    assert answered >= 10
    with live.site.db.snapshot() as session:
        wallet = credits.get_wallet(session, live.actor(poor).id or 0)
        assert credits.replay(session).differences == []
    assert wallet.held == 0 and wallet.vouchers == voucher.amount - answered * (100 + PROMPT_TOKENS + 6) >= 0
    desk.check()
