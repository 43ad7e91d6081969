"""What a runtime is to the process that hosts it: five questions, plain values, one thread at a time per slot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from yungu.kernel.errors import Invalid, Unavailable


class AskInvalid(Invalid):
    """The model cannot do what is asked; ``code``: as OpenAI's servers name it."""

    def __init__(self, message: str, code: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.code = code


class ModelUnfit(Invalid):
    """The files are not those of a model that this runtime can load."""


class ExtraMissing(Unavailable):
    """The library of a runtime is not installed."""

    def __init__(self, runtime: str, extra: str) -> None:
        super().__init__(
            f"The runtime '{runtime}' is not installed on this server.",
            hint=f"Install it: pip install 'yungu[{extra}]'",
        )


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What one replica is to load. ``folder``: the files of the model's commit; ``memory_bytes``: what it is expected
    to use; ``secret``: what callers have to send; ``threads``: for arithmetic."""

    runtime: str
    folder: str
    model: str
    answers: tuple[str, ...]
    context_tokens: int
    memory_bytes: int = 0
    threads: int = 1
    secret: str = ""
    options: dict[str, Any] = {}

    @property
    def path(self) -> Path:
        return Path(self.folder)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for text. Either ``messages`` or ``prompt`` (a text, or token ids). ``max_tokens`` None: as many as
    fit. ``body``: the request as it came, for runtimes that know more of it than stands here."""

    messages: Sequence[Mapping[str, Any]] | None = None
    prompt: str | Sequence[int] = ""
    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: Sequence[str] = ()
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """How generating ended: ``finish`` is "stop", "length" or "tool_calls"."""

    finish: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """One vector for each text."""

    vectors: Sequence[Sequence[float]]
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """One score for each document, higher is better."""

    scores: Sequence[float]
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Predicted:
    outputs: Any
    prompt_tokens: int = 0


Piece = str | Mapping[str, Any]
"""Text, or another part of a message in OpenAI's shape (``{"tool_calls": [...]}``)."""
Say = Callable[[Piece], bool]
"""Takes the next piece; True: stop, nobody listens any more."""


class Runtime(Protocol):
    """A loaded model. ``slots``: how many threads may ask it at the same time."""

    slots: int

    def generate(self, ask: Ask, say: Say) -> Ended:
        """Raises AskInvalid before anything was said."""
        ...

    def embed(self, texts: Sequence[str], *, is_query: bool) -> Embedded: ...

    def rerank(self, query: str, documents: Sequence[str]) -> Ranked: ...

    def predict(self, given: Any) -> Predicted:
        """Raises AskInvalid unless ``given`` is as ``schema`` says."""
        ...

    def schema(self) -> Mapping[str, Any]:
        """JSON schemas of what ``predict`` takes and gives: ``{"input": ..., "output": ...}``."""
        ...


class Silent:
    """A runtime that answers nothing: the real ones say what they do answer."""

    slots = 1

    def generate(self, ask: Ask, say: Say) -> Ended:
        raise AskInvalid("This model does not generate text.", "unsupported")

    def embed(self, texts: Sequence[str], *, is_query: bool) -> Embedded:
        raise AskInvalid("This model does not embed texts.", "unsupported")

    def rerank(self, query: str, documents: Sequence[str]) -> Ranked:
        raise AskInvalid("This model does not rank documents.", "unsupported")

    def predict(self, given: Any) -> Predicted:
        raise AskInvalid("This model takes no predict calls.", "unsupported")

    def schema(self) -> Mapping[str, Any]:
        raise AskInvalid("This model takes no predict calls.", "unsupported")
