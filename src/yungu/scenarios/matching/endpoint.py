"""Vectors from a model of another server that answers ``POST /v1/embeddings``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from yungu.kernel.errors import Unavailable

_SECONDS = 60.0


class EmbedderAway(Unavailable):
    """The model does not answer, or not as agreed."""

    hint = "Words alone are compared until it does."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``url``: up to and with ``/v1``; ``model``: as it is called there; ``token``: "" where none is asked for."""

    url: str
    model: str
    token: str = ""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Raises EmbedderAway."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        body = {"model": self.model, "input": list(texts)}
        try:
            answer = httpx.post(f"{self.url.rstrip('/')}/embeddings", json=body, headers=headers, timeout=_SECONDS)
            answer.raise_for_status()
            return read_rows(answer.json(), len(texts))
        except (httpx.HTTPError, ValueError) as error:
            raise EmbedderAway(f"{self.model} gives no embeddings: {error}") from error


def read_rows(answer: Any, count: int) -> Sequence[Sequence[float]]:
    """The vectors of an answer in the order of their texts, of which there were ``count``. Raises EmbedderAway.

    https://platform.openai.com/docs/api-reference/embeddings/object"""
    try:
        rows = sorted(answer["data"], key=lambda row: int(row["index"]))
        found = [[float(value) for value in row["embedding"]] for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise EmbedderAway(f"The answer holds no embeddings: {error!r}") from error
    if len(found) != count or not all(math.isfinite(value) for row in found for value in row):
        raise EmbedderAway(f"The answer holds {len(found)} embeddings for {count} texts.")
    return found
