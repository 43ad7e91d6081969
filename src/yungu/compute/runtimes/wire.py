"""OpenAI's shapes, as a replica reads and writes them. https://platform.openai.com/docs/api-reference"""

from __future__ import annotations

import base64
import secrets
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from yungu.compute.runtimes.protocol import Ask, AskInvalid, Embedded, Ended, Piece, Ranked

MOST_TEXTS = 2048
Kind = Literal["chat.completion", "text_completion"]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Stop = str | Annotated[list[str], msgspec.Meta(max_length=16)]
_Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class GenerateBody(msgspec.Struct, kw_only=True):
    """What both ways of generating have in common."""

    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    seed: int | None = None
    stop: _Stop | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=1)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class ChatBody(GenerateBody, kw_only=True):
    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]


class CompletionBody(GenerateBody, kw_only=True):
    prompt: str | list[int | str]


class EmbeddingsBody(msgspec.Struct, kw_only=True):
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    input_type: str = "passage"


class RerankBody(msgspec.Struct, kw_only=True):
    query: str
    documents: list[str | dict[str, Any]]
    top_n: _Count | None = None
    return_documents: bool = False


def read_ask(data: bytes, kind: Kind) -> tuple[Ask, GenerateBody]:
    """The request and what it says about its answer. Raises AskInvalid."""
    if kind == "chat.completion":
        chat = read_body(data, ChatBody)
        return _ask(chat, data, messages=[_flat(message) for message in chat.messages]), chat
    plain = read_body(data, CompletionBody)
    return _ask(plain, data, prompt=_prompt(plain.prompt)), plain


def _prompt(given: str | list[int | str]) -> str | list[int]:
    """One text, or the ids of one text's tokens. Raises AskInvalid."""
    if isinstance(given, str):
        return given
    if len(given) == 1 and isinstance(given[0], str):
        return given[0]
    ids = [token for token in given if isinstance(token, int)]
    if len(ids) < len(given):
        raise AskInvalid("One request takes one prompt.")
    return ids


def read_body(data: bytes, kind: Any) -> Any:
    """Raises AskInvalid."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise AskInvalid(f"The request is not valid: {error}.") from error


def _ask(body: GenerateBody, data: bytes, **what: Any) -> Ask:
    most = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
    if most == 0:
        raise AskInvalid("'max_tokens' must be at least 1.")
    return Ask(
        **what,
        max_tokens=most,
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        seed=None if body.seed is None else body.seed % 2**63,
        stop=[body.stop] if isinstance(body.stop, str) else body.stop or (),
        presence_penalty=body.presence_penalty or 0.0,
        frequency_penalty=body.frequency_penalty or 0.0,
        body=msgspec.json.decode(data),
    )


def _flat(message: dict[str, Any]) -> dict[str, Any]:
    """A message whose content is one text, when it came as a list of texts: templates know nothing else."""
    content = message.get("content")
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        return message | {"content": "".join(str(part.get("text", "")) for part in content)}
    return message


class Answer:
    """The frames of one answer, which share its id."""

    def __init__(self, kind: Kind, model: str) -> None:
        self._kind = kind
        prefix = "chatcmpl" if kind == "chat.completion" else "cmpl"
        self._head = {"id": f"{prefix}-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}

    def whole(self, pieces: Iterable[Piece], ended: Ended, seconds: float) -> bytes:
        merged = merge(pieces)
        text = "".join(piece for piece in merged if isinstance(piece, str))
        if self._kind == "text_completion":
            choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": ended.finish}
        else:
            message: dict[str, Any] = {"role": "assistant", "content": text}
            for piece in merged:
                if not isinstance(piece, str):
                    _join(message, piece)
            if not text and "tool_calls" in message:
                message["content"] = None
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": ended.finish}
        return encode({**self._head, "object": self._kind, "choices": [choice], "usage": usage(ended, seconds)})

    def first(self) -> bytes:
        """What a stream of chat begins with."""
        return self._frame({"role": "assistant", "content": ""}) if self._kind == "chat.completion" else b""

    def piece(self, piece: Piece) -> bytes:
        return self._frame({"content": piece} if isinstance(piece, str) else piece)

    def last(self, ended: Ended, seconds: float, *, with_usage: bool) -> bytes:
        frames = self._frame({}, ended.finish)
        if with_usage:
            frames += _event({**self._head, "object": self._object, "choices": [], "usage": usage(ended, seconds)})
        return frames + b"data: [DONE]\n\n"

    @property
    def _object(self) -> str:
        return "chat.completion.chunk" if self._kind == "chat.completion" else "text_completion"

    def _frame(self, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        if self._kind == "text_completion":
            choice = {"index": 0, "text": delta.get("content", ""), "logprobs": None, "finish_reason": finish}
        return _event({**self._head, "object": self._object, "choices": [choice]})


def merge(pieces: Iterable[Piece]) -> list[Piece]:
    """Texts that follow each other as one."""
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif piece:
            merged.append(piece)
    return merged


def _join(message: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Put what a stream would carry in steps into a whole message."""
    for name, value in piece.items():
        if name == "tool_calls":
            _join_calls(message.setdefault("tool_calls", []), value)
        elif isinstance(value, str):
            message[name] = message.get(name, "") + value


def _join_calls(calls: list[dict[str, Any]], parts: Sequence[Mapping[str, Any]]) -> None:
    for part in parts:
        number = int(part.get("index", 0))
        while len(calls) <= number:
            calls.append({"type": "function", "function": {"name": "", "arguments": ""}})
        calls[number] |= {name: value for name, value in part.items() if name in ("id", "type")}
        function = calls[number]["function"]
        for name, value in (part.get("function") or {}).items():
            function[name] = function.get(name, "") + (value or "")


def embeddings(found: Embedded, model: str, form: str, seconds: float) -> bytes:
    vectors: Sequence[Any] = found.vectors
    if form == "base64":
        vectors = [base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
    used = usage(Ended("", found.prompt_tokens, 0), seconds)
    return encode({"object": "list", "data": data, "model": model, "usage": used})


def ranking(found: Ranked, body: RerankBody, model: str, seconds: float) -> bytes:
    """As Jina's, Cohere's and vLLM's rerank routes answer."""
    order = sorted(range(len(found.scores)), key=lambda number: -found.scores[number])[: body.top_n]
    results: list[dict[str, Any]] = [{"index": number, "relevance_score": found.scores[number]} for number in order]
    if body.return_documents:
        results = [one | {"document": {"text": text_of(body.documents[int(one["index"])])}} for one in results]
    used = usage(Ended("", found.prompt_tokens, 0), seconds)
    return encode({"id": f"rerank-{secrets.token_hex(12)}", "model": model, "results": results, "usage": used})


def text_of(document: str | Mapping[str, Any]) -> str:
    """Raises AskInvalid."""
    text = document if isinstance(document, str) else document.get("text")
    if not isinstance(text, str):
        raise AskInvalid("A document is a text, or an object with a 'text'.")
    return text


def usage(ended: Ended, seconds: float) -> dict[str, Any]:
    """``device_seconds`` is ours: for how long the runtime worked on it."""
    return {
        "prompt_tokens": ended.prompt_tokens,
        "completion_tokens": ended.completion_tokens,
        "total_tokens": ended.prompt_tokens + ended.completion_tokens,
        "device_seconds": round(seconds, 6),
    }


def error(message: str, kind: str, code: str | None) -> bytes:
    return encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


def failure(message: str, number: str) -> bytes:
    """Of what a model's own code raised; ``number``: by which it is found in the log."""
    said = {"message": message, "type": "server_error", "param": None, "code": "model_failed", "id": number}
    return encode({"error": said})


def error_event(message: str, kind: str, code: str | None) -> bytes:
    return event(error(message, kind, code))


def event(data: bytes) -> bytes:
    """A frame of a stream."""
    return b"data: " + data + b"\n\n"


def _event(value: Mapping[str, Any]) -> bytes:
    return event(encode(value))


encode = msgspec.json.Encoder(enc_hook=lambda value: value.tolist()).encode
"""JSON; arrays and numbers of numpy as lists and numbers."""
