"""Addresses that carry their own permission: a range of a stored xorb to read, a xorb to send."""

from __future__ import annotations

import msgspec

from yungu.api.http.signing import sign, verify

_LIFE_SECONDS = 3600


class SignedRange(msgspec.Struct, frozen=True, array_like=True):
    """The stored bytes ``start`` to ``end`` (exclusive) of a xorb."""

    xorb_hash: str
    start: int
    end: int


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """Leave for a user to send one xorb. ``length``: bytes of the body."""

    xorb_hash: str
    length: int
    user: int


def sign_range(secret: bytes, wanted: SignedRange) -> str:
    return sign(secret, "xet range", wanted, lifetime_seconds=_LIFE_SECONDS)


def open_range(secret: bytes, text: str) -> SignedRange:
    """Raises SignatureInvalid."""
    return verify(secret, "xet range", text, SignedRange)


def sign_grant(secret: bytes, grant: Grant) -> str:
    return sign(secret, "xet grant", grant, lifetime_seconds=_LIFE_SECONDS)


def open_grant(secret: bytes, text: str) -> Grant:
    """Raises SignatureInvalid."""
    return verify(secret, "xet grant", text, Grant)
