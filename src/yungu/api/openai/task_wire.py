"""Hugging Face's inference tasks, as its client spells them, said in OpenAI's words and back again.

Bodies: ``{"inputs", "parameters", "stream"}`` (https://huggingface.co/docs/inference-providers/tasks/index); streams
and ``error_type`` are those of text-generation-inference (https://huggingface.github.io/text-generation-inference)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import mul
from typing import Any, cast

import msgspec

from yungu.compute import CallInvalid, CallKind, Deployment, ReplicaFailed

PATHS: Mapping[CallKind, str] = {"completion": "/v1/completions", "embedding": "/v1/embeddings", "predict": "/predict"}
_KINDS: Mapping[str, CallKind] = {
    "feature-extraction": "embedding",
    "sentence-similarity": "embedding",
    "text-generation": "completion",
}
_MOST_SENTENCES = 512
_MOST_NEW_TOKENS = 100  # where the client leaves it open, as text-generation-inference does
_SAMPLING = ("temperature", "top_k", "top_p", "typical_p", "do_sample")
_SAME_NAMES = ("temperature", "top_p", "top_k", "frequency_penalty", "repetition_penalty", "seed", "best_of")
_IMPOSSIBLE = ("adapter_id", "decoder_input_details", "grammar", "top_n_tokens", "truncate", "watermark")
_UNREADABLE = "The model server sent something that is no answer to this task."
Answer = dict[str, Any]


class TaskBody(msgspec.Struct):
    """What every task has. ``prompt_name``, ``dimensions``: of feature extraction, which has no ``parameters``."""

    inputs: Any
    parameters: dict[str, Any] | None = None
    stream: bool | None = None
    prompt_name: str | None = None
    dimensions: int | None = None


class Task:
    """One task. ``kind``: the call that does it; ``fields``: the body of that call; ``answer``: the client's answer
    from what the model server said, None where it goes through as it is."""

    def __init__(self, kind: CallKind, fields: dict[str, Any], answer: Callable[[Answer], Any] | None) -> None:
        self.kind = kind
        self.fields = fields
        self._answer = answer
        self.echo = ""

    def said(self, body: bytes) -> bytes:
        """Raises ReplicaFailed."""
        if self._answer is None:
            return body
        try:
            return msgspec.json.encode(self._answer(msgspec.json.decode(body)))
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
            raise ReplicaFailed(_UNREADABLE) from error


def read_task(name: str | None, body: bytes, deployment: Deployment) -> Task:
    """``name``: as the path has it, None where the model is to know. Raises CallInvalid."""
    try:
        given = msgspec.json.decode(body, type=TaskBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CallInvalid(f"The body must be a JSON object with 'inputs': {error}.") from error
    name = name or _likely_task(given, deployment)
    match name:
        case "feature-extraction":
            return _features(given)
        case "sentence-similarity":
            return _similarity(given)
        case "text-generation":
            return _generation(given)
    return Task("predict", msgspec.json.decode(body), None)


def _likely_task(given: TaskBody, deployment: Deployment) -> str:
    """Of an address that names none: what is sent and what the model answers leave little choice."""
    if isinstance(given.inputs, dict) and "source_sentence" in given.inputs:
        return "sentence-similarity"
    likely = ["text-generation", "", "feature-extraction"]
    if given.parameters is None and not given.stream:
        likely.insert(0, likely.pop())
    return next((task for task in likely if _KINDS.get(task, "predict") in deployment.answers), "")


def _features(given: TaskBody) -> Task:
    fields: dict[str, Any] = {"input": _texts(given.inputs), "encoding_format": "float"}
    if given.dimensions is not None:
        fields["dimensions"] = given.dimensions
    if given.prompt_name is not None:
        fields["input_type"] = given.prompt_name
    is_one = isinstance(given.inputs, str)
    return Task("embedding", fields, lambda said: _vectors(said)[0] if is_one else _vectors(said))


def _similarity(given: TaskBody) -> Task:
    inputs = given.inputs if isinstance(given.inputs, dict) else {}
    source, sentences = inputs.get("source_sentence"), inputs.get("sentences")
    if not isinstance(source, str) or not isinstance(sentences, list) or not sentences:
        raise CallInvalid("'inputs' must have a 'source_sentence' and 'sentences'.", "inputs")
    if len(sentences) > _MOST_SENTENCES:
        raise CallInvalid(f"One request compares with at most {_MOST_SENTENCES} sentences.", "inputs")
    fields = {"input": _texts([source, *sentences]), "encoding_format": "float"}
    return Task("embedding", fields, lambda said: _cosines(_vectors(said), len(sentences)))


def _generation(given: TaskBody) -> Task:
    asked = {name: value for name, value in (given.parameters or {}).items() if value is not None}
    impossible = next((name for name in _IMPOSSIBLE if asked.get(name)), None)
    if impossible:
        raise CallInvalid(f"'{impossible}' cannot be asked for here.", impossible)
    if not isinstance(given.inputs, str):
        raise CallInvalid("'inputs' must be a text.", "inputs")
    fields: dict[str, Any] = {name: asked[name] for name in _SAME_NAMES if name in asked}
    fields |= {"prompt": given.inputs, "max_tokens": asked.get("max_new_tokens", _MOST_NEW_TOKENS)}
    if stop := asked.get("stop", asked.get("stop_sequences")):
        fields["stop"] = stop
    if given.stream:
        fields["stream"] = True
    if not any(asked.get(name) for name in _SAMPLING):
        fields["temperature"] = 0
    task = Task("completion", fields, lambda said: [_generated(said, task.echo)])
    task.echo = given.inputs if asked.get("return_full_text") else ""
    return task


def _texts(inputs: Any) -> str | list[str]:
    if isinstance(inputs, str) or (isinstance(inputs, list) and inputs and all(isinstance(x, str) for x in inputs)):
        return cast("str | list[str]", inputs)
    raise CallInvalid("'inputs' must be a text or a list of texts.", "inputs")


def _vectors(said: Answer) -> list[list[float]]:
    return [one["embedding"] for one in sorted(said["data"], key=lambda one: int(one["index"]))]


def _cosines(vectors: Sequence[Sequence[float]], count: int) -> list[float]:
    """Of the first vector with each of the others."""
    first, *others = vectors
    if len(others) != count:
        raise ValueError
    sizes = [sum(map(mul, vector, vector)) ** 0.5 or 1.0 for vector in vectors]
    return [sum(map(mul, first, one)) / (sizes[0] * size) for one, size in zip(others, sizes[1:], strict=True)]


def _generated(said: Answer, echo: str) -> Answer:
    [choice] = said["choices"]
    count = (said.get("usage") or {}).get("completion_tokens", 0)
    details = _details(choice.get("finish_reason"), count) | {"prefill": [], "tokens": []}
    return {"generated_text": echo + choice["text"], "details": details}


def _details(finish: str | None, count: int) -> Answer:
    return {"finish_reason": "length" if finish == "length" else "eos_token", "generated_tokens": count, "seed": None}


class Tokens:
    """Frames of text-generation-inference from those of OpenAI's completions. What a frame carries is shown as one
    token, whose number and probability nobody told: 0. The last one has the whole text."""

    def __init__(self, echo: str) -> None:
        self._text, self._echo, self._index = [echo], echo, 0
        self._finish: str | None = None
        self._count = 0

    def feed(self, data: bytes) -> bytes:
        """``data``: whole frames."""
        return b"".join(self._frame(frame[5:].strip()) for frame in data.split(b"\n\n") if frame.startswith(b"data:"))

    def _frame(self, payload: bytes) -> bytes:
        if payload == b"[DONE]":
            return self._token("", is_last=True)
        said = msgspec.json.decode(payload)
        if said.get("error"):
            return _event({"error": said["error"]["message"], "error_type": "generation"})
        self._count = (said.get("usage") or {}).get("completion_tokens") or self._count
        frames = b""
        for choice in said.get("choices") or ():
            self._finish = choice.get("finish_reason") or self._finish
            frames += self._token(choice["text"]) if choice.get("text") else b""
        return frames

    def _token(self, text: str, *, is_last: bool = False) -> bytes:
        self._index += not is_last
        self._text.append(text)
        token = {"id": 0, "text": text, "logprob": 0.0, "special": is_last}
        return _event({
            "index": self._index, "token": token, "generated_text": "".join(self._text) if is_last else None,
            "details": _details(self._finish, self._count or self._index) if is_last else None,
        })  # fmt: skip


def _event(value: Answer) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


# --- how it says no


class TaskError(msgspec.Struct, omit_defaults=True):
    """``error_type``: by which the client raises its own errors of text generation; ``estimated_time``: seconds until
    it may be tried again."""

    error: str
    error_type: str | None = None
    estimated_time: float | None = None
