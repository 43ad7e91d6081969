"""Small signed texts that fit into a URL or a header: what was sealed here is believed when it comes back.

The signature is HMAC-SHA256 cut to 128 bits, over a purpose and the payload: a seal made for one purpose opens for no
other. A payload is not secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from yungu.api.xet.errors import SealBroken

_TAG_BYTES = 16


def seal(secret: bytes, purpose: str, payload: bytes) -> str:
    """``payload`` with its signature, in URL-safe base64."""
    return base64.urlsafe_b64encode(_tag(secret, purpose, payload) + payload).decode().rstrip("=")


def unseal(secret: bytes, purpose: str, text: str) -> bytes:
    """The payload that was sealed. Raises SealBroken."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise SealBroken from error
    tag, payload = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(secret, purpose, payload)):
        raise SealBroken
    return payload


def derive_key(secret: bytes, purpose: str) -> bytes:
    """32 bytes that belong to this server and this purpose."""
    return hmac.digest(secret, b"yungu xet key\0" + purpose.encode(), hashlib.sha256)


def _tag(secret: bytes, purpose: str, payload: bytes) -> bytes:
    message = b"yungu xet\0" + purpose.encode() + b"\0" + payload
    return hmac.digest(secret, message, hashlib.sha256)[:_TAG_BYTES]
