"""Signing in elsewhere: an OpenID provider, asked by the authorization code flow with PKCE.

https://openid.net/specs/openid-connect-core-1_0.html, https://www.rfc-editor.org/rfc/rfc7636, and for what is checked
https://www.rfc-editor.org/rfc/rfc9700. The operator names the issuer; everything else is learned from it. No redirect
is followed, every answer has a time and a size that it may take, and no address that it names may be less safe than its
own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from yungu.accounts.errors import ProviderFailed
from yungu.accounts.models import Claims

if TYPE_CHECKING:
    import httpx
    from joserfc.jwk import KeySet

T = TypeVar("T")
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_TIMEOUT_SECONDS = 10.0
_MAX_ANSWER_BYTES = 1 << 20
_MAX_TEXT = 255
_KEPT_SECONDS = 3600.0
_KEYS_AGAIN_SECONDS = 60.0
_LEEWAY_SECONDS = 60


class Flow(msgspec.Struct, frozen=True, array_like=True):
    """One sign-in under way, kept by the browser that began it. ``target``: where to go afterwards."""

    state: str
    nonce: str
    verifier: str
    target: str


class _Metadata(msgspec.Struct, frozen=True):
    """https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata"""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


class OpenIdProvider:
    """``issuer``: as the provider calls itself, to the letter. ``groups_claim``: where it names somebody's groups."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, *, scopes: str, groups_claim: str = "groups"
    ) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._scopes = scopes
        self._groups_claim = groups_claim
        self._metadata: tuple[float, _Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def begin(self, redirect_uri: str, target: str) -> tuple[str, Flow]:
        """Where to send the browser, and what it must bring back. Raises ProviderFailed."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]  # has no types
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # has no types

        flow = Flow(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), target)
        async with _client() as http:
            metadata = await self._learn(http)
        address = prepare_grant_uri(
            metadata.authorization_endpoint,
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self._scopes,
            state=flow.state,
            nonce=flow.nonce,
            code_challenge=create_s256_code_challenge(flow.verifier),
            code_challenge_method="S256",
        )
        return str(address), flow

    async def redeem(self, code: str, flow: Flow, redirect_uri: str) -> Claims:
        """Who it was that signed in there. Raises ProviderFailed."""
        async with _client() as http:
            metadata = await self._learn(http)
            tokens = await self._exchange(http, metadata, code, flow, redirect_uri)
            claims = await self._checked(http, metadata, tokens.id_token, flow.nonce)
            if "email" not in claims and metadata.userinfo_endpoint and tokens.access_token:
                claims = await self._with_userinfo(http, metadata, tokens.access_token, claims)
        return self._read(claims)

    async def _learn(self, http: httpx.AsyncClient) -> _Metadata:
        if self._metadata is not None and time.monotonic() - self._metadata[0] < _KEPT_SECONDS:
            return self._metadata[1]
        address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = _decoded(await _fetch(http, "GET", address), _Metadata)
        if metadata.issuer != self.issuer:
            raise ProviderFailed(f"it calls itself {metadata.issuer[:200]!r}, not {self.issuer!r}")
        for named in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
            self._check_address(named)
        if metadata.userinfo_endpoint:
            self._check_address(metadata.userinfo_endpoint)
        self._metadata = (time.monotonic(), metadata)
        return metadata

    def _check_address(self, address: str) -> None:
        is_safe = address.startswith("https://")
        if not is_safe and not (self.issuer.startswith("http://") and address.startswith("http://")):
            raise ProviderFailed("it names an address that is not https")

    async def _exchange(
        self, http: httpx.AsyncClient, metadata: _Metadata, code: str, flow: Flow, redirect_uri: str
    ) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": flow.verifier,
        }
        auth: tuple[str, str] | None = None
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            auth = (self._client_id, self._client_secret)
        else:
            form |= {"client_id": self._client_id, "client_secret": self._client_secret}
        return _decoded(await _fetch(http, "POST", metadata.token_endpoint, data=form, auth=auth), _Tokens)

    async def _checked(
        self, http: httpx.AsyncClient, metadata: _Metadata, id_token: str, nonce: str
    ) -> Mapping[str, Any]:
        """The claims of an ID token: signed by the provider, for us, for this sign-in, and not over."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        for is_second in (False, True):
            keys = await self._learn_keys(http, metadata, anew=is_second)
            try:
                token = jwt.decode(id_token, keys, algorithms=list(_ALGORITHMS))
                break
            except (JoseError, ValueError) as error:  # perhaps the provider has changed its keys
                if is_second:
                    raise ProviderFailed(f"its ID token cannot be trusted: {type(error).__name__}") from error
        registry = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(token.claims)
        except JoseError as error:
            raise ProviderFailed(f"its ID token is not for this sign-in: {error}") from error
        audience = token.claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and token.claims.get("azp") != self._client_id:
            raise ProviderFailed("its ID token is for somebody else as well")
        return token.claims

    async def _learn_keys(self, http: httpx.AsyncClient, metadata: _Metadata, *, anew: bool) -> KeySet:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        age = time.monotonic() - self._keys[0] if self._keys else None
        if self._keys is not None and age is not None and age < (_KEYS_AGAIN_SECONDS if anew else _KEPT_SECONDS):
            return self._keys[1]
        answer: Any = _decoded(await _fetch(http, "GET", metadata.jwks_uri), dict[str, Any])
        try:
            keys = KeySet.import_key_set(answer)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderFailed("its keys cannot be read") from error
        self._keys = (time.monotonic(), keys)
        return keys

    async def _with_userinfo(
        self, http: httpx.AsyncClient, metadata: _Metadata, access_token: str, claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        headers = {"authorization": f"Bearer {access_token}"}
        more = _decoded(await _fetch(http, "GET", metadata.userinfo_endpoint, headers=headers), dict[str, Any])
        if more.get("sub") != claims["sub"]:
            raise ProviderFailed("it speaks of two different people")
        return {**more, **claims}

    def _read(self, claims: Mapping[str, Any]) -> Claims:
        subject, groups = claims["sub"], claims.get(self._groups_claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_TEXT:
            raise ProviderFailed("it does not say who it was")
        is_verified = claims.get("email_verified") in (True, "true")
        return Claims(
            issuer=self.issuer,
            subject=subject,
            email=_text(claims, "email") if is_verified else "",
            name=_text(claims, "name"),
            username=_text(claims, "preferred_username"),
            groups=tuple(group for group in groups if isinstance(group, str)) if isinstance(groups, list) else (),
        )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value[:_MAX_TEXT] if isinstance(value, str) else ""


def _client() -> httpx.AsyncClient:
    import httpx  # 0.2 s to load, needed only when somebody signs in elsewhere

    plain = {"accept": "application/json", "accept-encoding": "identity"}
    return httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, headers=plain)


async def _fetch(http: httpx.AsyncClient, method: str, address: str, **options: Any) -> bytes:
    """The body of a good answer. Raises ProviderFailed."""
    import httpx

    body = bytearray()
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    try:
        async with http.stream(method, address, **options) as answer:
            async for part in answer.aiter_raw():
                body += part
                if len(body) > _MAX_ANSWER_BYTES or time.monotonic() > deadline:
                    raise ProviderFailed("its answer is too long")
            if answer.status_code != 200:
                raise ProviderFailed(f"it answered {answer.status_code}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderFailed(f"it cannot be reached: {type(error).__name__}") from error
    return bytes(body)


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProviderFailed("its answer cannot be read") from error
