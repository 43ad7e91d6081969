"""ONNX models by ONNX Runtime: sentence embeddings and text classification with a tokenizer.json beside them, and any
other model whose inputs are arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yungu.compute.runtimes.protocol import (
    AskInvalid,
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
from yungu.compute.runtimes.texts import load_tokenizer

Array = np.ndarray[Any, Any]


def load(spec: Spec) -> Runtime:
    """Raises ExtraMissing, ModelUnfit."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ExtraMissing("onnx", "onnx") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = spec.threads, 1
    try:
        session = onnxruntime.InferenceSession(
            str(_file(spec)), options, providers=onnxruntime.get_available_providers()
        )
    except Exception as error:  # the library has a class for each reason, none of them public
        raise ModelUnfit(f"ONNX Runtime cannot load the model: {error}.") from error
    if (spec.path / "tokenizer.json").exists():
        return OnnxText(session, spec)
    return OnnxArrays(session)


def _file(spec: Spec) -> Path:
    named = spec.options.get("file")
    found = [spec.path / named] if isinstance(named, str) else sorted(spec.path.rglob("*.onnx"))
    if not found or not found[0].exists():
        raise ModelUnfit(f"The repo has no file {named or '*.onnx'}.")
    return found[0]


class OnnxText(Silent):
    """A model over tokens."""

    def __init__(self, session: Any, spec: Spec) -> None:
        self._session = session
        self._inputs = {one.name: one.type for one in session.get_inputs()}
        self._tokenizer = load_tokenizer(spec.path)
        self._tokenizer.enable_truncation(spec.context_tokens)
        self._tokenizer.enable_padding()
        self._pooling = Pooling.of(spec.path)
        self._labels = Labels.of(spec.path)

    def embed(self, texts: Sequence[str], *, is_query: bool) -> Embedded:
        """Vectors of length 1."""
        outputs, mask = self._run(list(texts))
        return Embedded(self._pooling.pool(outputs, mask).tolist(), int(mask.sum()))

    def rerank(self, query: str, documents: Sequence[str]) -> Ranked:
        """By a cross-encoder's logit, or by the angle between the embeddings of a model that embeds."""
        if self._labels.count == 1:
            outputs, mask = self._run([(query, document) for document in documents])
            return Ranked(outputs.reshape(len(documents)).tolist(), int(mask.sum()))
        outputs, mask = self._run([query, *documents])
        vectors = self._pooling.pool(outputs, mask)
        return Ranked((vectors[1:] @ vectors[0]).tolist(), int(mask.sum()))

    def predict(self, given: Any) -> Predicted:
        """Labels and their scores, the likeliest first, for each text."""
        outputs, mask = self._run(read_texts(given))
        return Predicted(self._labels.scored(outputs), int(mask.sum()))

    def schema(self) -> Mapping[str, Any]:
        return TEXTS_SCHEMA

    def _run(self, texts: Sequence[Any]) -> tuple[Array, Array]:
        encoded = self._tokenizer.encode_batch(texts)
        columns = {
            "input_ids": [one.ids for one in encoded],
            "attention_mask": [one.attention_mask for one in encoded],
            "token_type_ids": [one.type_ids for one in encoded],
            "position_ids": [list(range(len(one.ids))) for one in encoded],
        }
        feed = {name: np.asarray(values, np.int64) for name, values in columns.items() if name in self._inputs}
        outputs = self._session.run(None, feed)[0]
        return np.asarray(outputs, np.float32), np.asarray(columns["attention_mask"], np.int64)


class OnnxArrays(Silent):
    """A model over arrays: ``{"inputs": {name: nested lists}}`` in, ``{name: nested lists}`` out."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._inputs = {one.name: one for one in session.get_inputs()}

    def predict(self, given: Any) -> Predicted:
        inputs = given.get("inputs") if isinstance(given, dict) else None
        if not isinstance(inputs, dict) or inputs.keys() != self._inputs.keys():
            raise AskInvalid(f"'inputs' must hold {', '.join(self._inputs)}.")
        try:
            feed = {name: np.asarray(value, _NUMBERS[self._inputs[name].type]) for name, value in inputs.items()}
            outputs = self._session.run(None, feed)
        except (KeyError, TypeError, ValueError) as error:
            raise AskInvalid(f"The inputs do not fit the model: {error}.") from error
        except Exception as error:  # the library has a class for each reason, none of them public
            raise AskInvalid(f"The model refuses the inputs: {error}.") from error
        names = (one.name for one in self._session.get_outputs())
        return Predicted({name: _plain(value) for name, value in zip(names, outputs, strict=True)})

    def schema(self) -> Mapping[str, Any]:
        inputs = {
            name: {"type": "array", "description": f"{one.type} {one.shape}"} for name, one in self._inputs.items()
        }
        wanted = {"type": "object", "properties": inputs, "required": list(inputs)}
        return {
            "input": {"type": "object", "properties": {"inputs": wanted}, "required": ["inputs"]},
            "output": {"type": "object"},
        }


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else json.loads(json.dumps(value, default=float))


_NUMBERS: Mapping[str, Any] = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
    "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_, "tensor(string)": np.object_,
}  # fmt: skip
