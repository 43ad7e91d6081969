"""Vectors from a model that answers ``POST /v1/embeddings``: one that runs on this hub, or any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
            rows = sorted(answer.json()["data"], key=lambda row: int(row["index"]))
            found = [[float(value) for value in row["embedding"]] for row in rows]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise EmbedderAway(f"{self.model} gives no embeddings: {error}") from error
        if len(found) != len(texts):
            raise EmbedderAway(f"{self.model} gave {len(found)} embeddings for {len(texts)} texts.")
        return found
