"""A small true OpenID provider on loopback: discovery, authorization code with PKCE, signed ID tokens, userinfo.

Whoever asks is signed in as ``provider.person`` without a question. A test may bend it: ``provider.bend(iss="...")``
changes claims of the next ID tokens, ``metadata`` and ``answers`` what it says elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID, CLIENT_SECRET = "yungu", "a client's secret"


class Provider:
    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.person: dict[str, Any] = {}
        self.bent: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.issuer = ""

    def is_now(self, subject: str, **claims: Any) -> None:
        """Who signs in from now on, with a provider that behaves."""
        self.person = {"sub": subject, **claims}
        self.bent, self.metadata, self.answers = {}, {}, {}

    def bend(self, **claims: Any) -> None:
        """Say something else in ID tokens; None leaves a claim out."""
        self.bent = claims

    # --- what it answers

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
        } | self.metadata

    def jwks(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))

    def authorize(self, query: dict[str, str]) -> str:
        assert query["client_id"] == CLIENT_ID and query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        if given != f"{CLIENT_ID}:{CLIENT_SECRET}" or asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        proof = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(proof).rstrip(b"=").decode() != asked["code_challenge"]:
            return None
        return {"access_token": "access", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce}
        claims = {name: value for name, value in (usual | self.person | self.bent).items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)


@contextmanager
def running_provider() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(b"")

        def do_POST(self) -> None:
            self.reply(self.rfile.read(int(self.headers["content-length"])))

        def reply(self, body: bytes) -> None:
            place = urlsplit(self.path)
            provider.asked.append(place.path)
            query = {name: values[0] for name, values in parse_qs(place.query).items()}
            if place.path in provider.answers:
                self.say(*provider.answers[place.path])
                return
            match place.path:
                case "/.well-known/openid-configuration":
                    self.say_json(provider.discovery())
                case "/jwks":
                    self.say_json(provider.jwks())
                case "/authorize":
                    self.say(302, {"location": provider.authorize(query)}, b"")
                case "/token":
                    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                    tokens = provider.token(form, self.headers.get("authorization", ""))
                    self.say_json(tokens or {"error": "invalid_grant"}, 200 if tokens else 400)
                case "/userinfo":
                    self.say_json(provider.person)
                case _:
                    self.say(404, {}, b"")

        def say_json(self, value: Any, status: int = 200) -> None:
            self.say(status, {"content-type": "application/json"}, json.dumps(value).encode())

        def say(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="openid")
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
