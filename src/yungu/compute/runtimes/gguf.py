"""GGUF files by llama.cpp (the xllamacpp package), inside this process. It knows chat templates, tools, JSON mode and
sampling itself: requests go to it as they came, its chunks come back as pieces."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from yungu.compute.runtimes.protocol import (
    Ask,
    AskInvalid,
    Embedded,
    Ended,
    ExtraMissing,
    ModelUnfit,
    Piece,
    Ranked,
    Runtime,
    Say,
    Silent,
    Spec,
)

_PASSED = frozenset(
    "tools tool_choice parallel_tool_calls response_format logit_bias grammar json_schema chat_template_kwargs "
    "min_p top_k repeat_penalty reasoning_effort".split()
)


def load(spec: Spec) -> Runtime:
    """Raises ExtraMissing, ModelUnfit."""
    try:
        import xllamacpp
    except ImportError as error:
        raise ExtraMissing("gguf", "gguf") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(_file(spec))
    params.model_alias = {spec.model}
    slots = int(spec.options.get("slots", 1))
    params.n_parallel, params.n_ctx = slots, slots * spec.context_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = spec.threads
    params.n_gpu_layers = int(spec.options.get("gpu_layers", params.n_gpu_layers))
    params.api_keys = [secrets.token_urlsafe(32)]  # it listens by itself, too; nobody shall call it there
    params.warmup = params.endpoint_slots = params.ui = False
    if {"embedding", "rerank"} & set(spec.answers):
        _make_embedder(xllamacpp, params, "rerank" if "rerank" in spec.answers else "embedding")
    try:
        return LlamaCpp(xllamacpp.Server(params), slots)
    except RuntimeError as error:
        raise ModelUnfit(f"llama.cpp cannot load {Path(params.model.path).name}: {error}.") from error


def _file(spec: Spec) -> Path:
    named = spec.options.get("file")
    found = [spec.path / named] if isinstance(named, str) else sorted(spec.path.rglob("*.gguf"))
    if not found or not found[0].exists():
        raise ModelUnfit(f"The repo has no file {named or '*.gguf'}.")
    return found[0]


def _make_embedder(xllamacpp: Any, params: Any, answer: str) -> None:
    params.embedding = True
    params.n_batch = params.n_ubatch = params.n_ctx  # a text is embedded in one piece
    if answer == "rerank":
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK


class LlamaCpp(Silent):
    def __init__(self, server: Any, slots: int) -> None:
        self._server = server
        self.slots = slots

    def generate(self, ask: Ask, say: Say) -> Ended:
        """See `Runtime`."""
        listener = _Listener(say)
        handle = self._server.handle_completions if ask.messages is None else self._server.handle_chat_completions
        refused = handle(_body(ask), listener.hear)
        _check(refused if isinstance(refused, dict) else listener.refused)
        return listener.ended

    def embed(self, texts: Sequence[str], *, is_query: bool) -> Embedded:
        found = _check(self._server.handle_embeddings({"input": list(texts)}))
        vectors = [one["embedding"] for one in sorted(found["data"], key=lambda one: one["index"])]
        return Embedded(vectors, found["usage"]["prompt_tokens"])

    def rerank(self, query: str, documents: Sequence[str]) -> Ranked:
        found = _check(self._server.handle_rerank({"query": query, "documents": list(documents)}))
        scores = [one["relevance_score"] for one in sorted(found["results"], key=lambda one: one["index"])]
        return Ranked(scores, found["usage"]["prompt_tokens"])


def _body(ask: Ask) -> dict[str, Any]:
    """The request in llama.cpp's words. Its sampler is asked for what OpenAI's defaults mean: nothing cut off."""
    body: dict[str, Any] = {name: value for name, value in ask.body.items() if name in _PASSED}
    body |= {"stream": True, "stream_options": {"include_usage": True}, "min_p": body.get("min_p", 0.0)}
    body |= {"temperature": ask.temperature, "top_p": ask.top_p, "top_k": body.get("top_k", 0)}
    body |= {"presence_penalty": ask.presence_penalty, "frequency_penalty": ask.frequency_penalty}
    body |= {"messages": list(ask.messages)} if ask.messages is not None else {"prompt": ask.prompt}
    if ask.stop:
        body["stop"] = list(ask.stop)
    if ask.seed is not None:
        body["seed"] = ask.seed % 2**32
    most = ask.max_tokens if ask.max_tokens is not None or ask.messages is not None else 16
    return body if most is None else body | {"max_tokens": most}


def _check(answer: Any) -> Any:
    if isinstance(answer, dict) and "error" in answer:
        error = answer["error"]
        code = "context_length_exceeded" if "context" in str(error.get("type")) else "invalid_request_error"
        raise AskInvalid(str(error.get("message", "llama.cpp refuses the request.")), code)
    return answer


class _Listener:
    """Takes llama.cpp's chunks apart."""

    def __init__(self, say: Say) -> None:
        self._say: Callable[[Piece], bool] = say
        self.ended = Ended("stop", 0, 0)
        self.refused: Mapping[str, Any] | None = None
        self._finish = "stop"

    def hear(self, chunk: Mapping[str, Any]) -> bool:
        """True: stop."""
        if "error" in chunk:
            self.refused = chunk
            return True
        if usage := chunk.get("usage"):
            self.ended = Ended(self._finish, usage["prompt_tokens"], usage["completion_tokens"])
        gone = False
        for choice in chunk.get("choices", ()):
            self._finish = choice.get("finish_reason") or self._finish
            for piece in _pieces(choice):
                gone |= self._say(piece)
        return gone


def _pieces(choice: Mapping[str, Any]) -> list[Piece]:
    delta = dict(choice.get("delta") or {"content": choice.get("text")})
    text = delta.pop("content", None)
    delta.pop("role", None)
    return [piece for piece in (text, delta) if piece]
