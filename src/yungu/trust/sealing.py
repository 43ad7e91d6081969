"""Short texts sealed with the server's own key, for one place each: AES-256-GCM (NIST SP 800-38D).

A sealed text is ``v1.`` and, in base64url, a random nonce of 12 bytes, the encrypted text and a tag of 16 bytes. Its
key is derived from the server's by HKDF-SHA256 (RFC 5869). The place ("context") is part of what the tag proves, so
that a sealed text that was moved to another row opens nowhere."""

from __future__ import annotations

import base64
import binascii
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING

from yungu.kernel.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1."
_NONCE_BYTES = 12


class SealBroken(Unavailable):
    """A sealed text does not open: another key or place, or damage."""

    hint = "The secret.key of this server must be the one that it had when the secret was set; else set it again."

    def __init__(self) -> None:
        super().__init__("A secret of this server cannot be opened.")


def seal(secret: bytes, context: str, text: str) -> str:
    """``text`` as only ``unseal`` with the same ``secret`` and ``context`` can read it."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + _cipher(secret).encrypt(nonce, text.encode(), context.encode())
    return _VERSION + base64.urlsafe_b64encode(sealed).decode()


def unseal(secret: bytes, context: str, sealed: str) -> str:
    """Raises SealBroken."""
    from cryptography.exceptions import InvalidTag

    try:
        data = base64.b64decode(sealed.removeprefix(_VERSION).encode(), b"-_", validate=True)
        text = _cipher(secret).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError, binascii.Error) as error:
        raise SealBroken from error
    return text.decode()


@lru_cache(maxsize=4)
def _cipher(secret: bytes) -> AESGCM:
    # loaded when first needed: 30 ms and 6 MB that few starts need
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), length=32, salt=None, info=b"yungu sealing v1").derive(secret))
