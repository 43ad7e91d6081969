"""Models of the transformers library on torch: what writes text token by token, what embeds, what classifies.

Only safetensors are loaded, and no code that comes with a repo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yungu.compute.runtimes.protocol import (
    Embedded,
    ExtraMissing,
    ModelUnfit,
    Predicted,
    Ranked,
    Runtime,
    Silent,
    Spec,
)
from yungu.compute.runtimes.sentences import TEXTS_SCHEMA, Labels, Pooling, read_texts
from yungu.compute.runtimes.texts import TextRuntime

Array = np.ndarray[Any, Any]


def load(spec: Spec) -> Runtime:
    """Raises ExtraMissing, ModelUnfit."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ExtraMissing("transformers", "torch") from error
    torch.set_num_threads(spec.threads)
    transformers.utils.logging.set_verbosity_error()
    kind = _class(transformers, spec)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    trusted = {"trust_remote_code": False, "local_files_only": True}
    try:
        model = kind.from_pretrained(spec.folder, use_safetensors=True, dtype="auto", **trusted)
        tokenizer = transformers.AutoTokenizer.from_pretrained(spec.folder, **trusted)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise ModelUnfit(f"transformers cannot load the model: {error}.") from error
    model = model.eval().to(device)
    if kind is transformers.AutoModelForCausalLM:
        return TextRuntime(TorchDecoder(model), tokenizer.backend_tokenizer, spec.path, spec.context_tokens)
    return TorchSentences(model, tokenizer, spec)


def _class(transformers: Any, spec: Spec) -> Any:
    config = json.loads((spec.path / "config.json").read_text())
    names = " ".join(config.get("architectures") or ())
    if "CausalLM" in names:
        return transformers.AutoModelForCausalLM
    if "SequenceClassification" in names:
        return transformers.AutoModelForSequenceClassification
    return transformers.AutoModel


class TorchDecoder:
    """See `texts.LogitsModel`."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.vocabulary_count = int(model.get_input_embeddings().num_embeddings)

    def begin(self, _most_tokens: int) -> TorchSession:
        return TorchSession(self.model)


class TorchSession:
    def __init__(self, model: Any) -> None:
        self._model = model
        self._past: Any = None

    def feed(self, tokens: Sequence[int]) -> Array:
        """See `texts.Session`."""
        import torch

        with torch.inference_mode():
            given = torch.tensor([list(tokens)], device=self._model.device)
            found = self._model(given, past_key_values=self._past, use_cache=True)
        self._past = found.past_key_values
        return np.asarray(found.logits[0, -1].float().cpu().numpy())


class TorchSentences(Silent):
    def __init__(self, model: Any, tokenizer: Any, spec: Spec) -> None:
        self._model, self._tokenizer, self._most = model, tokenizer, spec.context_tokens
        self._pooling, self._labels = Pooling.of(spec.path), Labels.of(spec.path)

    def embed(self, texts: Sequence[str], *, is_query: bool) -> Embedded:
        """Vectors of length 1."""
        outputs, mask = self._run(list(texts))
        return Embedded(self._pooling.pool(outputs, mask).tolist(), int(mask.sum()))

    def rerank(self, query: str, documents: Sequence[str]) -> Ranked:
        """By a cross-encoder's logit."""
        outputs, mask = self._run([query] * len(documents), list(documents))
        return Ranked(outputs[:, 0].tolist(), int(mask.sum()))

    def predict(self, given: Any) -> Predicted:
        """Labels and their scores, the likeliest first, for each text."""
        outputs, mask = self._run(read_texts(given))
        return Predicted(self._labels.scored(outputs), int(mask.sum()))

    def schema(self) -> Mapping[str, Any]:
        return TEXTS_SCHEMA

    def _run(self, *texts: list[str]) -> tuple[Array, Array]:
        import torch

        given = self._tokenizer(*texts, padding=True, truncation=True, max_length=self._most, return_tensors="pt")
        given = given.to(self._model.device)
        with torch.inference_mode():
            found = self._model(**given)
        outputs = found.logits if hasattr(found, "logits") else found.last_hidden_state
        return outputs.float().cpu().numpy(), given["attention_mask"].cpu().numpy()
