"""Requests and answers as OpenAI's protocol spells them (https://platform.openai.com/docs/api-reference).

Only what the gateway acts on is read; every other field goes through untouched, in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from yungu.compute import Asked, CallInvalid, CallKind, Deployment
from yungu.compute.rules.usage import GENERATING

Fields = dict[str, msgspec.Raw]

_read_fields = msgspec.json.Decoder(Fields).decode
_read_value = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_LIMITS = ("max_completion_tokens", "max_tokens")


@dataclass(slots=True)
class Request:
    """The body of a call. ``fields``: as they were sent; ``wants_usage``: the client asked for a usage frame."""

    kind: CallKind
    fields: Fields
    model: str
    is_stream: bool
    wants_usage: bool
    most_tokens: int | None
    choices: int
    organization: str | None
    size_bytes: int

    def asked(self, request_id: str, organization: str | None) -> Asked:
        return Asked(
            kind=self.kind,
            size_bytes=self.size_bytes,
            request_id=request_id,
            most_tokens=self.most_tokens,
            choices=self.choices,
            organization=self.organization or organization,
        )

    def body_for(self, model: str, most_tokens: int | None) -> bytes:
        """What to send on: its name for the model, a limit where the credits set one, and a wish for usage."""
        fields = self.fields
        fields["model"] = msgspec.Raw(_encode(model))
        if most_tokens is not None:
            fields["max_tokens"] = msgspec.Raw(b"%d" % most_tokens)
        if self.is_stream:
            options = _read_value(fields["stream_options"]) if "stream_options" in fields else None
            fields["stream_options"] = msgspec.Raw(_encode((options or {}) | {"include_usage": True}))
        return _encode(fields)


def read_request(kind: CallKind, body: bytes, model: str | None = None) -> Request:
    """``model``: where the path names it. Raises CallInvalid."""
    try:
        fields = _read_fields(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CallInvalid(f"The body must be a JSON object: {error}.") from error
    values = {name: _value(fields, name) for name in ("model", "stream", "stream_options", "n", "organization")}
    name, stream, options = model or values["model"], values["stream"], values["stream_options"]
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise CallInvalid("You must name a model.", "model")
    if stream not in (None, True, False):
        raise CallInvalid("stream must be true or false.", "stream")
    if options is not None and not isinstance(options, dict):
        raise CallInvalid("stream_options must be an object.", "stream_options")
    organization = values["organization"]
    if organization is not None and not isinstance(organization, str):
        raise CallInvalid("organization must be a name.", "organization")
    fields.pop("organization", None)
    return Request(
        kind=kind,
        fields=fields,
        model=name,
        is_stream=bool(stream) and kind in GENERATING,
        wants_usage=bool((options or {}).get("include_usage")),
        most_tokens=_most_tokens(fields) if kind in GENERATING else None,
        choices=_choices(kind, fields, values["n"]),
        organization=organization,
        size_bytes=len(body),
    )


def _value(fields: Fields, name: str) -> Any:
    raw = fields.get(name)
    return None if raw is None else _read_value(raw)


def _most_tokens(fields: Fields) -> int | None:
    for name in _LIMITS:
        value = _value(fields, name)
        if value is not None:
            if type(value) is not int:
                raise CallInvalid(f"{name} must be a whole number.", name)
            if value < 1:
                raise CallInvalid(f"{name} is {value}; it must be at least 1.", name)
            return value
    return None


def _choices(kind: CallKind, fields: Fields, wanted: Any) -> int:
    """How many completions: ``n`` (or ``best_of``) of each prompt."""
    if kind not in GENERATING:
        return 1
    each = wanted if wanted is not None else 1
    best_of = _value(fields, "best_of") if kind == "completion" else None
    for name, value in (("n", each), ("best_of", best_of if best_of is not None else 1)):
        if type(value) is not int or value < 1:
            raise CallInvalid(f"{name} must be a whole number from 1 up.", name)
    return max(each, best_of or 1) * (_prompt_count(_value(fields, "prompt")) if kind == "completion" else 1)


def _prompt_count(prompt: Any) -> int:
    """Prompts may be a text, texts, token numbers, or lists of them."""
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], str | list):
        return len(prompt)
    return 1


# --- what model servers answer


class ServerUsage(msgspec.Struct):
    """What a model server counted."""

    prompt_tokens: int = 0
    completion_tokens: int | None = None
    total_tokens: int = 0


class Message(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw(b"null")
    reasoning_content: msgspec.Raw = msgspec.Raw(b"null")
    tool_calls: msgspec.Raw = msgspec.Raw(b"null")
    refusal: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def size_bytes(self) -> int:
        """Of what was written, as JSON; 0 for nothing."""
        return sum(map(written_bytes, (self.content, self.reasoning_content, self.tool_calls, self.refusal)))


class Choice(msgspec.Struct):
    delta: Message | None = None
    message: Message | None = None
    text: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def size_bytes(self) -> int:
        said = self.delta or self.message
        return (said.size_bytes if said else 0) + written_bytes(self.text)


class ServerAnswer(msgspec.Struct):
    """A whole answer, or one frame of a stream."""

    choices: list[Choice] | None = None
    usage: ServerUsage | None = None
    meta: msgspec.Raw = msgspec.Raw(b"null")
    error: Any = None


read_answer = msgspec.json.Decoder(ServerAnswer).decode
"""Raises msgspec.MsgspecError."""


def read_whole(kind: CallKind, body: bytes) -> ServerAnswer:
    """An answer that is no stream; of a predictor's any JSON will do, and nothing is read in it. Raises
    msgspec.MsgspecError."""
    if kind == "predict":
        _read_value(body)
        return ServerAnswer()
    return read_answer(body)


_NOTHING = (b"null", b'""', b"[]")


def written_bytes(raw: msgspec.Raw) -> int:
    text = bytes(raw)
    return 0 if text in _NOTHING else len(text)


# --- what the hub says itself


class ModelEntry(msgspec.Struct):
    """A model as ``GET /v1/models`` lists it. ``prices``: micro-credits, see `yungu.compute.Prices`."""

    id: str
    created: int
    owned_by: str
    answers: Sequence[str]
    context_length: int
    prices: Mapping[str, int]
    object: str = "model"


class ModelList(msgspec.Struct):
    data: Sequence[ModelEntry]
    object: str = "list"


def model_entry(deployment: Deployment) -> ModelEntry:
    return ModelEntry(
        id=deployment.name,
        created=int(deployment.created_at.timestamp()),
        owned_by=deployment.name.partition("/")[0],
        answers=deployment.answers,
        context_length=deployment.context_tokens,
        prices=cast("Mapping[str, int]", msgspec.to_builtins(deployment.prices)),
    )


class Error(msgspec.Struct):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(msgspec.Struct):
    error: Error
