"""Addresses that carry their own permission: a range of a stored xorb to read, a xorb to send."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass

import msgspec

from yungu.api.xet.errors import AddressExpired
from yungu.api.xet.sealed import seal, unseal
from yungu.storage.xet.hashing import from_hex, to_hex

READ_LIFE_SECONDS = 3600
SEND_LIFE_SECONDS = 3600

_RANGE = struct.Struct("<32sQII")


@dataclass(frozen=True, slots=True)
class SignedRange:
    """The stored bytes ``start`` to ``end`` (exclusive) of a xorb."""

    xorb_hash: str
    start: int
    end: int


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """Leave to send one xorb: who may, for which repo, until when (Unix seconds). ``length``: bytes of the body."""

    xorb_hash: str
    length: int
    repo: int
    user: int
    expires: int


def sign_range(secret: bytes, wanted: SignedRange) -> str:
    expires = int(time.time()) + READ_LIFE_SECONDS
    return seal(secret, "range", _RANGE.pack(from_hex(wanted.xorb_hash), expires, wanted.start, wanted.end))


def open_range(secret: bytes, text: str) -> SignedRange:
    """Raises SealBroken, AddressExpired."""
    raw, expires, start, end = _RANGE.unpack(unseal(secret, "range", text))
    _check_age(expires)
    return SignedRange(to_hex(raw), start, end)


def sign_grant(secret: bytes, xorb_hash: str, length: int, *, repo: int, user: int) -> str:
    grant = Grant(xorb_hash, length, repo, user, int(time.time()) + SEND_LIFE_SECONDS)
    return seal(secret, "grant", msgspec.msgpack.encode(grant))


def open_grant(secret: bytes, text: str) -> Grant:
    """Raises SealBroken, AddressExpired."""
    grant = msgspec.msgpack.decode(unseal(secret, "grant", text), type=Grant)
    _check_age(grant.expires)
    return grant


def _check_age(expires: int) -> None:
    if expires < time.time():
        raise AddressExpired("This address has expired.")
