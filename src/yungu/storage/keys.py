"""Names of stored bytes: short, safe, relative, slash-separated."""

from __future__ import annotations

import re

from yungu.storage.errors import KeyInvalid

STAGING = "tmp"
"""The first segment that no key may use: bytes on their way in live there."""

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}")
_UPLOAD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def check_key(key: str) -> str:
    """``key`` itself when it is one to eight segments like ``blobs/ab/cd/abcd...``. Raises KeyInvalid."""
    if not _KEY.fullmatch(key) or key.split("/", 1)[0] == STAGING:
        raise KeyInvalid(f"{key!r} is not a storage key.")
    return key


def check_upload_id(upload_id: str) -> str:
    """``upload_id`` itself when it is one safe segment. Raises KeyInvalid."""
    if not _UPLOAD_ID.fullmatch(upload_id):
        raise KeyInvalid(f"{upload_id!r} is not an upload id.")
    return upload_id
