"""The clients that people have, unmodified."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import openai
import pytest
from huggingface_hub import InferenceClient
from langchain_openai import ChatOpenAI

from api.openai.conftest import Desk, make_desk
from support.servers import LiveHub
from support.upstream import PROMPT_TOKENS, Upstream
from yungu import accounts, compute, credits

TOOL = {"type": "function", "function": {"name": "brew", "parameters": {"type": "object"}}}
COST = 100 + PROMPT_TOKENS + 2 * 3


def test_a_chat_is_answered_and_paid_to_the_token(desk: Desk) -> None:
    raw = desk.client().chat.completions.with_raw_response.create(
        model=desk.name.upper(), messages=[{"role": "user", "content": "tea?"}], max_tokens=50, seed=7
    )
    said = raw.parse()
    assert said.choices[0].message.content == " tea tea tea" and said.model == desk.name
    assert said.usage is not None and said.usage.completion_tokens == 3
    assert raw.headers["x-yungu-cost"] == "0.000117"
    assert desk.server.requests[-1]["model"] == "leaf" and desk.server.requests[-1]["seed"] == 7
    [call] = desk.calls
    assert (call.prompt_tokens, call.completion_tokens, call.amount, call.outcome) == (PROMPT_TOKENS, 3, COST, "done")
    assert call.provider_id == desk.deployment.owner_id and not call.is_estimated
    assert desk.wallet.vouchers == credits.CREDIT - COST
    desk.check()


def test_a_stream_comes_in_pieces_and_shows_usage_to_who_asks(desk: Desk) -> None:
    texts = [piece.choices[0].delta.content for piece in desk.say(stream=True)]
    assert texts == [" tea", " tea", " tea", None]
    pieces = list(desk.say(stream=True, stream_options={"include_usage": True}))
    assert pieces[-1].choices == [] and pieces[-1].usage.completion_tokens == 3
    assert {piece.model for piece in pieces} == {desk.name}
    assert desk.server.requests[-1]["stream_options"] == {"include_usage": True}
    assert [call.amount for call in desk.calls] == [COST, COST]
    desk.check()


def test_tools_and_what_nobody_here_knows_pass_through(desk: Desk) -> None:
    said = desk.say(
        tools=[TOOL], response_format={"type": "json_object"}, extra_body={"top_k": 40, "guided": {"a": [1]}}
    )
    assert said.choices[0].message.tool_calls[0].function.arguments == '{"leaf": "green"}'
    sent = desk.server.requests[-1]
    assert sent["top_k"] == 40 and sent["guided"] == {"a": [1]} and sent["tools"] == [TOOL]


def test_the_other_kinds_of_calls(desk: Desk) -> None:
    client = desk.client()
    assert client.completions.create(model=desk.name, prompt="tea").choices[0].text == " tea tea tea"
    assert "".join(p.choices[0].text for p in client.completions.create(model=desk.name, prompt="t", stream=True)) == (
        " tea tea tea"
    )
    vector = client.embeddings.create(model=desk.name, input="tea", encoding_format="float").data[0].embedding
    assert vector == [0.5, 0.25]
    headers = {"authorization": f"Bearer {desk.token}"}
    ranked = httpx.post(
        f"{desk.live.url}/v1/rerank", json={"model": desk.name, "query": "q", "documents": ["a", "b"]}, headers=headers
    )
    assert ranked.json()["results"][0]["index"] == 1
    address = f"{desk.live.url}/api/models/{desk.name}/predict"
    assert httpx.post(address, json={"leaf": 1}, headers=headers).json()["got"]["leaf"] == 1
    assert httpx.get(address, headers=headers).json()["schema"] == {"type": "object"}
    kinds = [call.kind for call in reversed(desk.calls)]
    assert kinds == ["completion", "completion", "embedding", "rerank", "predict"]
    desk.check()


def test_models_are_listed_for_who_may_call_them(desk: Desk, live: LiveHub) -> None:
    hidden = make_desk(live, desk.server, compute.NO_PRICES, visibility="private")
    names = {model.id for model in desk.client().models.list()}
    assert desk.name in names and hidden.name not in names
    assert desk.client().models.retrieve(desk.name).owned_by == desk.name.partition("/")[0]
    with pytest.raises(openai.NotFoundError):
        desk.client().models.retrieve(hidden.name)


def test_hugging_face_and_langchain(desk: Desk) -> None:
    hf = InferenceClient(base_url=desk.live.url, api_key=desk.token)
    said = hf.chat_completion([{"role": "user", "content": "tea?"}], model=desk.name, max_tokens=9)
    assert said.choices[0].message.content == " tea tea tea"
    pieces = hf.chat_completion([{"role": "user", "content": "tea?"}], model=desk.name, stream=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == " tea tea tea"
    chat = ChatOpenAI(base_url=f"{desk.live.url}/v1", api_key=desk.token, model=desk.name)  # type: ignore[arg-type]
    assert chat.invoke("tea?").content == " tea tea tea"
    assert "".join(str(piece.content) for piece in chat.stream("tea?")) == " tea tea tea"
    assert chat.bind_tools([TOOL]).invoke("brew").tool_calls[0]["args"] == {"leaf": "green"}
    desk.check()


def test_a_free_model_takes_no_credits_and_is_counted(live: LiveHub, server: Upstream) -> None:
    server.behave()
    free = make_desk(live, server, compute.NO_PRICES)
    free.say()
    [call] = free.calls
    assert (call.amount, call.hold_id, call.prompt_tokens) == (0, None, PROMPT_TOKENS)
    for client in free.clients:
        client.close()


def test_an_organization_pays_for_who_may_write_there(desk: Desk, live: LiveHub) -> None:
    town = live.fresh_name("town")
    boss, reader = live.user(), live.user()
    live.world.organization(town, admin=live.actor(boss), read=[live.actor(reader)])
    with live.site.db.write() as session:
        credits.fund_budget(session, town, 10**6, key=town, by=None)
    organization = live.world.read_in(accounts.get_owner, town)
    with live.site.db.write() as session:
        credits.grant(session, organization.id, 10**6, budget=town, key=town, by=None)
    desk.say(desk.client(live.token(boss), organization=town))
    with live.site.db.read() as session:
        assert credits.get_wallet(session, organization.id).vouchers == 10**6 - COST
    with pytest.raises(openai.PermissionDeniedError):
        desk.say(desk.client(live.token(reader), organization=town))
    desk.say(desk.client(live.token(boss)), extra_body={"organization": town})
    assert "organization" not in desk.server.requests[-1]


def test_the_page_on_calling_models_says_what_works(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/call-models.md").read_text()
    names: dict[str, object] = {"HUB": desk.live.url, "TOKEN": desk.token, "MODEL": desk.name}
    snippets = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(snippets) == 4
    for snippet in snippets:
        exec(compile(snippet, "call-models.md", "exec"), names)
    assert capsys.readouterr().out.count(" tea tea tea") == 6
    assert desk.calls[0].request_id == "order-17"
