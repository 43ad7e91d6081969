"""Addresses that carry their own permission: short statements signed with the server's secret.

    token = sign(site.secret, "lfs", Grant(repo=7, ...), lifetime_seconds=3600)
    grant = verify(site.secret, "lfs", token, Grant)

A token is ``<statement>.<HMAC-SHA256>``, both base64url. It is not encrypted: whoever holds it can read it."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TypeVar

import msgspec

from yungu.kernel import clock
from yungu.kernel.errors import Denied

T = TypeVar("T")


class SignatureInvalid(Denied):
    """A signed address was changed, was made for something else, or is too old."""

    hint = "Ask for the transfer again: addresses are given out for a limited time."


def sign(secret: bytes, purpose: str, statement: msgspec.Struct, *, lifetime_seconds: int) -> str:
    """A token for ``statement`` that ``verify`` accepts, for this purpose only, for so long."""
    expires = int(clock.now().timestamp()) + lifetime_seconds
    body = _encode(msgspec.json.encode((expires, statement)))
    return f"{body}.{_encode(_mac(secret, purpose, body))}"


def verify(secret: bytes, purpose: str, token: str, kind: type[T]) -> T:
    """The statement inside ``token``. Raises SignatureInvalid."""
    body, _, mac = token.partition(".")
    if not hmac.compare_digest(_encode(_mac(secret, purpose, body)).encode(), mac.encode()):
        raise SignatureInvalid("The signature of this address is not valid.")
    try:
        expires, statement = msgspec.json.decode(_decode(body), type=tuple[int, kind])  # type: ignore[valid-type]
    except (msgspec.MsgspecError, binascii.Error) as error:
        raise SignatureInvalid("This address was made for something else.") from error
    if expires <= clock.now().timestamp():
        raise SignatureInvalid("This address has expired.")
    return statement


def _mac(secret: bytes, purpose: str, body: str) -> bytes:
    return hmac.digest(secret, f"{purpose}\0{body}".encode(), "sha256")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
