"""Rate limits: who is counted as whom, what the headers say, and that memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from huggingface_hub.utils import parse_ratelimit_headers
from starlette.responses import Response

from support.servers import LiveHub
from yungu.accounts.models import ANONYMOUS
from yungu.api.http.rates import Rates, TooManyRequests, resource_of
from yungu.api.http.windows import BoundedMemory


@pytest.fixture
def strict(live: LiveHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveHub]:
    """A hub that allows three requests of each sort."""
    monkeypatch.setattr(live.site, "rates", Rates({"api": 3, "resolvers": 3, "pages": 3}))
    yield live


def ask(live: LiveHub, path: str, address: str = "203.0.113.7", **headers: str) -> httpx.Response:
    return httpx.get(live.url + path, headers={"x-forwarded-for": address} | headers)


def test_the_headers_tell_what_is_left_as_the_hugging_face_client_reads_it(strict: LiveHub) -> None:
    told = [parse_ratelimit_headers(ask(strict, "/api/models").headers) for _ in range(3)]

    assert [info.remaining for info in told if info] == [2, 1, 0]
    assert told[0] is not None
    assert (told[0].resource_type, told[0].limit, told[0].window_seconds) == ("api", 3, 300)
    assert 0 < told[0].reset_in_seconds <= 300


def test_one_too_many_is_refused_until_the_window_ends(strict: LiveHub) -> None:
    answers = [ask(strict, "/api/models") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    info = parse_ratelimit_headers(refused.headers)
    assert info is not None and info.remaining == 0
    assert refused.headers["retry-after"] == str(info.reset_in_seconds)
    assert "Too many requests" in refused.headers["x-error-message"]


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/models", '"error"'),
        ("/api/v1/models/a/b", '"Message"'),
        ("/openapi/v1/models", '"RateLimitExceed"'),
        ("/a/b.git/info/refs?service=git-upload-pack", "Too many requests"),
        ("/xet/default/v1/chunks/default/" + "ab" * 32, '"error"'),
    ],
)
def test_every_dialect_says_429_in_its_own_shape(strict: LiveHub, path: str, shape: str) -> None:
    answer = [ask(strict, path) for _ in range(4)][-1]

    assert answer.status_code == 429 and shape in answer.text


def test_pages_say_it_in_the_readers_language(strict: LiveHub) -> None:
    answer = [ask(strict, "/models", accept="text/html", **{"accept-language": "zh"}) for _ in range(4)][-1]

    assert answer.status_code == 429 and "请求过于频繁" in answer.text


def test_sorts_are_counted_apart_and_so_are_addresses(strict: LiveHub) -> None:
    for _ in range(4):
        ask(strict, "/api/models")

    assert ask(strict, "/models").status_code == 200
    assert ask(strict, "/api/models", "203.0.113.8").status_code == 200


def test_a_user_is_counted_as_one_wherever_the_requests_come_from(strict: LiveHub) -> None:
    name = strict.user()
    tokens = [strict.token(name), strict.token(name)]
    who = [{"authorization": f"Bearer {token}"} for token in tokens]
    for number, headers in enumerate(who):  # the first request with a token counts where it comes from
        assert ask(strict, "/api/whoami-v2", f"198.51.100.{number}", **headers).status_code == 200

    answers = [ask(strict, "/api/whoami-v2", f"192.0.2.{number}", **who[number % 2]) for number in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_made_up_tokens_are_counted_where_they_come_from(strict: LiveHub) -> None:
    answers = [ask(strict, "/api/whoami-v2", authorization=f"Bearer hf_{number}") for number in range(4)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def test_this_machine_itself_is_not_counted(strict: LiveHub) -> None:
    answers = [httpx.get(f"{strict.url}/api/models") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers


def test_an_ipv6_subscriber_is_one_asker(strict: LiveHub) -> None:
    answers = [ask(strict, "/api/models", f"2001:db8:1:2::{number}") for number in range(1, 5)]

    assert answers[-1].status_code == 429
    assert ask(strict, "/api/models", "2001:db8:1:3::1").status_code == 200


def test_static_files_and_the_sign_of_life_are_never_refused(strict: LiveHub) -> None:
    assert {ask(strict, "/healthz").status_code for _ in range(5)} == {200}


def test_a_sort_without_a_limit_is_not_counted() -> None:
    rates = Rates({"api": 1, "pages": 0})
    call: Any = SimpleNamespace(
        scope={"client": ("203.0.113.7", 1), "headers": []}, standing=None, known_actor=ANONYMOUS
    )
    for _ in range(3):
        rates.count(call, "/{kinds}")
    answer = Response()
    rates.tell(call, answer)
    assert "ratelimit" not in answer.headers
    rates.count(call, "/api/models")
    with pytest.raises(TooManyRequests):
        rates.count(call, "/api/models")


@pytest.mark.parametrize(
    ("pattern", "resource"),
    [
        ("/api/{kinds}/{owner}/{name}/tree/{rev}", "api"),
        ("/{owner}/{name}/resolve/{rev}/{path*}", "resolvers"),
        ("/api/v1/{kinds}/{owner}/{name}/repo", "resolvers"),
        ("/xet/{epoch}/v1/xorbs/{prefix}/{hash}", "resolvers"),
        ("/{owner}/{name}/tree/{rev}", "pages"),
        ("/static/{path*}", None),
    ],
)
def test_each_route_has_its_sort(pattern: str, resource: str | None) -> None:
    assert resource_of(pattern) == resource


def test_the_counters_take_bounded_memory() -> None:
    memory = BoundedMemory(most_keys=100)
    for number in range(1000):
        memory.incr(f"k{number}", 300)
    assert len(memory._windows) == 100
    assert memory.get("k999") == 1 and memory.get("k1") == 0
