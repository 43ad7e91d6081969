"""What models over whole sentences share: one vector from those of the tokens, labels from logits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yungu.compute.runtimes.protocol import AskInvalid

Array = np.ndarray[Any, Any]
MOST_TEXTS = 256
_TEXT = {"type": "string"}
TEXTS_SCHEMA: Mapping[str, Any] = {
    "input": {
        "type": "object",
        "properties": {"inputs": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": MOST_TEXTS}]}},
        "required": ["inputs"],
    },
    "output": {
        "type": "array",
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"label": _TEXT, "score": {"type": "number"}}},
        },
    },
}


def read_texts(given: Any) -> list[str]:
    """The texts of ``{"inputs": text or texts}``. Raises AskInvalid."""
    inputs = given.get("inputs") if isinstance(given, dict) else None
    texts = [inputs] if isinstance(inputs, str) else inputs
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise AskInvalid("'inputs' must be a text or a list of texts.")
    if not 1 <= len(texts) <= MOST_TEXTS:
        raise AskInvalid(f"'inputs' must hold 1 to {MOST_TEXTS} texts.")
    return texts


@dataclass(frozen=True, slots=True)
class Pooling:
    """``first``: the vector of the first token stands for the text; else the mean over all.

    https://sbert.net/docs/package_reference/sentence_transformer/models.html"""

    first: bool

    @classmethod
    def of(cls, folder: Path) -> Pooling:
        path = folder / "1_Pooling" / "config.json"
        return cls(path.exists() and bool(json.loads(path.read_text()).get("pooling_mode_cls_token")))

    def pool(self, outputs: Array, mask: Array) -> Array:
        """Vectors of length 1 from (texts, tokens, width), or from vectors of texts already."""
        if outputs.ndim == 3:
            weights = mask[..., None].astype(np.float32)
            mean = (outputs * weights).sum(1) / np.maximum(weights.sum(1), 1e-9)
            outputs = outputs[:, 0] if self.first else mean
        return np.asarray(outputs / np.maximum(np.linalg.norm(outputs, axis=-1, keepdims=True), 1e-12))


@dataclass(frozen=True, slots=True)
class Labels:
    """The classes of a model, by number. ``is_many``: a text may be of several."""

    names: Mapping[int, str]
    is_many: bool

    @classmethod
    def of(cls, folder: Path) -> Labels:
        path = folder / "config.json"
        config = json.loads(path.read_text()) if path.exists() else {}
        names = {int(number): str(name) for number, name in (config.get("id2label") or {}).items()}
        return cls(names, config.get("problem_type") == "multi_label_classification")

    @property
    def count(self) -> int:
        return len(self.names)

    def scored(self, logits: Array) -> Sequence[Sequence[Mapping[str, Any]]]:
        """``[{"label", "score"}]`` of each text, the likeliest first."""
        if self.is_many or logits.shape[-1] == 1:
            scores = 1 / (1 + np.exp(-logits))
        else:
            scores = np.exp(logits - logits.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
        return [self._named(row) for row in scores]

    def _named(self, row: Array) -> Sequence[Mapping[str, Any]]:
        order = np.argsort(-row, kind="stable")
        return [{"label": self.names.get(int(n), f"LABEL_{n}"), "score": float(row[n])} for n in order]
