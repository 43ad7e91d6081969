"""Generating text with any model that gives the logits of the next token: prompts, sampling, stop words, counting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from yungu.compute.runtimes.protocol import Ask, AskInvalid, Ended, ModelUnfit, Say, Silent
from yungu.compute.runtimes.sampling import sampler
from yungu.compute.runtimes.templates import find_template

Array = np.ndarray[Any, Any]
_DEFAULT_COMPLETION_TOKENS = 16  # as OpenAI's completions


class Session(Protocol):
    """One text that grows."""

    def feed(self, tokens: Sequence[int]) -> Array:
        """Append ``tokens`` and give the logits of what follows, one float32 per token of the vocabulary."""
        ...


class LogitsModel(Protocol):
    vocabulary_count: int

    def begin(self, most_tokens: int) -> Session:
        """A new text of at most so many tokens."""
        ...


class TextRuntime(Silent):
    """A tokenizer, a template and a model."""

    def __init__(self, model: LogitsModel, tokenizer: Any, folder: Path, context_tokens: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._render = find_template(folder)
        self._context_tokens = context_tokens
        self._ends = end_tokens(folder)

    def generate(self, ask: Ask, say: Say) -> Ended:
        _refuse_unknown(ask)
        prompt = self._prompt(ask)
        most = self._most_tokens(ask, len(prompt))
        session, pick = self._model.begin(len(prompt) + most), sampler(ask)
        writer = _Writer(self._tokenizer, ask.stop, say)
        logits, count = session.feed(prompt), 0
        while True:
            token = pick(logits)
            count += 1
            if token in self._ends or writer.write(token):
                writer.finish()
                return Ended("stop", len(prompt), count)
            if count == most:
                writer.finish()
                return Ended("length", len(prompt), count)
            logits = session.feed([token])

    def _prompt(self, ask: Ask) -> list[int]:
        if ask.messages is not None:
            if self._render is None:
                raise AskInvalid("This model has no chat template: ask it for completions.", "unsupported")
            return list(self._tokenizer.encode(self._render(ask.messages), add_special_tokens=False).ids)
        if isinstance(ask.prompt, str):
            return list(self._tokenizer.encode(ask.prompt).ids)
        if any(not 0 <= token < self._model.vocabulary_count for token in ask.prompt):
            raise AskInvalid(f"Token ids of this model are 0 to {self._model.vocabulary_count - 1}.")
        return list(ask.prompt)

    def _most_tokens(self, ask: Ask, prompt_tokens: int) -> int:
        if not prompt_tokens:
            raise AskInvalid("The prompt is empty.")
        left = self._context_tokens - prompt_tokens
        if left < 1:
            raise AskInvalid(
                f"The prompt has {prompt_tokens} tokens; the context of this deployment holds {self._context_tokens}.",
                "context_length_exceeded",
            )
        wanted = ask.max_tokens
        if wanted is None:
            wanted = left if ask.messages is not None else _DEFAULT_COMPLETION_TOKENS
        return min(wanted, left)


def load_tokenizer(folder: Path) -> Any:
    """Raises ModelUnfit."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.exists():
        raise ModelUnfit("The repo has no tokenizer.json.")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more specific
        raise ModelUnfit(f"tokenizer.json cannot be read: {error}.") from error


def end_tokens(folder: Path) -> frozenset[int]:
    """The tokens that end a text, as ``generation_config.json`` and ``config.json`` name them."""
    for name in ("generation_config.json", "config.json"):
        path = folder / name
        found = json.loads(path.read_text()).get("eos_token_id") if path.exists() else None
        if found is not None:
            return frozenset(found if isinstance(found, list) else [found])
    return frozenset()


def _refuse_unknown(ask: Ask) -> None:
    """Better no answer than one that leaves out what was asked for."""
    if ask.body.get("tools"):
        raise AskInvalid("This runtime calls no tools: serve a GGUF file of the model for that.", "unsupported")
    if (ask.body.get("response_format") or {}).get("type", "text") != "text":
        raise AskInvalid("This runtime has no JSON mode: serve a GGUF file of the model for that.", "unsupported")
    if ask.body.get("logprobs") or ask.body.get("echo"):
        raise AskInvalid("This runtime gives no logprobs and no echo.", "unsupported")


class _Writer:
    """Tokens as text, as soon as they are whole characters and cannot be the beginning of a stop word."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], say: Say) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer, self._say = tokenizer, say
        self._stream = DecodeStream(skip_special_tokens=True)
        self._stop = [word for word in stop if word]
        self._held = ""

    def write(self, token: int) -> bool:
        """True when a stop word has come, or nobody listens."""
        text = self._stream.step(self._tokenizer, token)
        if not self._stop:
            return self._say(text or "")
        self._held += text or ""
        at = min((found for word in self._stop if (found := self._held.find(word)) >= 0), default=-1)
        if at >= 0:
            self._held = self._held[:at]
            return True
        free = len(self._held) - self._risky()
        said, self._held = self._held[:free], self._held[free:]
        return self._say(said)

    def finish(self) -> None:
        if self._held:
            self._say(self._held)

    def _risky(self) -> int:
        """How many of the last characters may be the beginning of a stop word."""
        most = max(map(len, self._stop)) - 1
        tails = (self._held[-count:] for count in range(min(most, len(self._held)), 0, -1))
        return next((len(tail) for tail in tails if any(word.startswith(tail) for word in self._stop)), 0)
