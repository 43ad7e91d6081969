"""Vectors from a model that answers as OpenAI does, and what happens when it does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from yungu.scenarios.matching import Endpoint
from yungu.scenarios.matching.endpoint import EmbedderAway


class Lengths(BaseHTTPRequestHandler):
    """Embeds a text as its length; answers in another order than it was asked, and only who has the key."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_known = self.path == "/v1/embeddings" and self.headers["authorization"] == "Bearer key"
        rows = [{"index": at, "embedding": [len(text), 1]} for at, text in enumerate(body["input"])]
        content = json.dumps({"data": rows[::-1][: 1 if body["model"] == "lazy" else None]}).encode()
        self.send_response(200 if is_known else 401)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Lengths) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_texts_keep_their_order_and_failures_are_told(url: str) -> None:
    assert Endpoint(url, "e5", "key").embed(["茶", "茶园"]) == [[1.0, 1.0], [2.0, 1.0]]
    for refused in (Endpoint(url, "e5"), Endpoint(url, "lazy", "key"), Endpoint(url.replace("/v1", ""), "e5", "key")):
        with pytest.raises(EmbedderAway):
            refused.embed(["茶", "茶园"])
