"""Hugging Face's own inference tasks, by its client as it is, at the address of a model."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import GenerationError, HfHubHTTPError, OverloadedError, ValidationError

from api.openai.conftest import PRICES, Desk, hurry, make_desk
from support.servers import LiveHub
from support.upstream import PROMPT_TOKENS
from yungu import credits
from yungu.compute import PoolFull

COST = 100 + PROMPT_TOKENS + 2 * 3


def client(desk: Desk, token: str | None = None, **options: Any) -> InferenceClient:
    return InferenceClient(f"{desk.live.url}/models/{desk.name}", token=token or desk.token, **options)


def test_text_is_generated_whole_and_in_a_stream(desk: Desk) -> None:
    hf = client(desk)
    assert hf.text_generation("tea?") == " tea tea tea"
    sent = desk.server.requests[-1]
    assert (sent["prompt"], sent["max_tokens"], sent["temperature"]) == ("tea?", 100, 0)
    full = hf.text_generation(
        "tea?", details=True, max_new_tokens=7, temperature=0.5, stop=["."], return_full_text=True, typical_p=0.9
    )
    assert full.generated_text == "tea? tea tea tea"
    assert full.details is not None and (full.details.finish_reason, full.details.generated_tokens) == ("eos_token", 3)
    sent = desk.server.requests[-1]
    assert (sent["max_tokens"], sent["temperature"], sent["stop"]) == (7, 0.5, ["."])
    assert list(hf.text_generation("tea?", stream=True)) == [" tea", " tea", " tea", ""]
    *pieces, last = hf.text_generation("tea?", stream=True, details=True)
    assert [(piece.index, piece.token.text) for piece in pieces] == [(1, " tea"), (2, " tea"), (3, " tea")]
    assert last.generated_text == " tea tea tea" and last.details is not None and last.details.generated_tokens == 3
    assert [call.amount for call in desk.calls] == [COST] * 4
    desk.check()


def test_vectors_likeness_and_labels(desk: Desk) -> None:
    hf = client(desk)
    assert hf.feature_extraction("tea").tolist() == [0.5, 0.25]
    rows = hf.feature_extraction(["tea", "cup"], normalize=True, prompt_name="query")  # type: ignore[arg-type]
    assert rows.tolist() == [[0.5, 0.25], [0.5, 0.0]]
    assert desk.server.requests[-1]["input_type"] == "query"
    assert hf.sentence_similarity("tea", other_sentences=["cup", "pot"]) == pytest.approx([0.894427, 0.6])
    desk.server.behave("labels")
    address = f"{desk.live.url}/models/{desk.name}/pipeline/text-classification"
    labels = hf.text_classification("tea", model=address, top_k=2)
    assert [(one.label, one.score) for one in labels] == [("green", 0.75), ("black", 0.25)]
    sent = desk.server.requests[-1]
    assert (sent["inputs"], sent["parameters"]) == ("tea", {"top_k": 2})
    kinds = [call.kind for call in reversed(desk.calls)]
    assert kinds == ["embedding", "embedding", "embedding", "predict"] and all(call.amount for call in desk.calls)
    desk.check()


def test_chat_and_what_is_known_of_a_model(desk: Desk) -> None:
    hf = client(desk, provider="hf-inference")
    said = hf.chat_completion([{"role": "user", "content": "tea?"}], max_tokens=9)
    assert said.choices[0].message.content == " tea tea tea" and said.model == desk.name
    assert hf.get_endpoint_info()["model_id"] == desk.name and hf.health_check()
    desk.check()


def test_the_model_decides_what_an_address_without_a_task_does(desk: Desk, live: LiveHub) -> None:
    labeller = make_desk(live, desk.server, PRICES, answers=("predict",))
    desk.server.behave("labels")
    poor = client(labeller, desk.token)
    assert poor.text_classification("tea")[0].label == "green"
    with pytest.raises(HfHubHTTPError, match="does not answer calls of the kind embedding") as refused:
        poor.sentence_similarity("tea", other_sentences=["cup"])
    assert refused.value.response.status_code == 422


def test_refusals_become_the_errors_of_the_client(desk: Desk, live: LiveHub) -> None:
    def status(hf: InferenceClient) -> int:
        with pytest.raises(HfHubHTTPError) as refused:
            hf.text_generation("tea?")
        return refused.value.response.status_code

    assert status(client(desk, "yg_nonsense")) == 401
    assert status(InferenceClient(f"{live.url}/models/no/such", token=desk.token)) == 404
    assert status(client(desk, live.token(live.user()))) == 402
    assert status(client(desk, live.token(desk.user, "fine-grained"))) == 403
    with pytest.raises(ValidationError, match="max_tokens is -1"):
        client(desk).text_generation("tea?", max_new_tokens=-1)
    with pytest.raises(ValidationError, match="'grammar' cannot"):
        client(desk).text_generation("tea?", grammar={"type": "json", "value": {}})  # type: ignore[arg-type]
    desk.server.behave("refuse")
    with pytest.raises(ValidationError, match="too long for me"):
        client(desk).text_generation("tea?")
    desk.check()
    assert desk.wallet.vouchers == credits.CREDIT


def test_a_model_without_room_is_said_to_be_loading(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def reach(*_: Any) -> None:
        raise PoolFull("All places are taken.", hint="Try again in a moment.")

    monkeypatch.setattr(desk.live.site.pool, "reach", reach)
    with pytest.raises(OverloadedError, match="All places are taken"):
        client(desk).text_generation("tea?")
    address = f"{desk.live.url}/models/{desk.name}"
    answer = httpx.post(address, json={"inputs": "tea"}, headers={"authorization": f"Bearer {desk.token}"})
    assert (answer.status_code, answer.json()["estimated_time"]) == (503, 20.0) and answer.headers[
        "retry-after"
    ] == "20"
    desk.check()


@pytest.mark.parametrize("how", ["die", "garbage"])
def test_a_stream_that_breaks_is_an_error_and_paid_as_far_as_it_came(desk: Desk, how: str) -> None:
    desk.server.behave(how)
    hf, seen = client(desk), []
    with pytest.raises(GenerationError, match="model server"):
        for piece in hf.text_generation("tea?", stream=True):
            seen.append(piece)
    assert seen == [" tea", " tea"]
    [call] = desk.calls
    assert (call.outcome, call.completion_tokens) == ("failed", 2)
    desk.check()


def test_a_stalled_model_is_a_timeout(desk: Desk) -> None:
    hurry(desk, stall_seconds=0.2)
    desk.server.behave("stall")
    with pytest.raises(Exception, match=r"sent nothing for 0\.2 seconds"):
        client(desk).text_generation("tea?")
    assert desk.calls[0].amount == 0
    desk.check()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"inputs": ', b'{"inputs": [7]}', b'{"inputs": {"source_sentence": "a"}}', b"[" * 99_999]
)
def test_bodies_that_make_no_sense(desk: Desk, body: bytes) -> None:
    headers = {"authorization": f"Bearer {desk.token}"}
    for address in ("", "/pipeline/feature-extraction"):
        answer = httpx.post(f"{desk.live.url}/models/{desk.name}{address}", content=body, headers=headers)
        assert answer.status_code == 422 and isinstance(answer.json()["error"], str)
    assert desk.server.requests == []
