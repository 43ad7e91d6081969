"""A few bytes out of a blob, whichever way it is stored: for headers, not for downloads."""

from __future__ import annotations

from yungu.kernel.db import Session
from yungu.storage import content, xet
from yungu.storage.backends import ByteStore
from yungu.storage.errors import BytesNotFound


def read_range(session: Session, store: ByteStore, sha256: str, start: int, end: int) -> bytes:
    """The bytes ``start`` to ``end`` (exclusive, cut to the blob) of a blob. Raises BytesNotFound, XorbDamaged."""
    blob = content.find_blob(session, sha256)
    if blob is None:
        raise BytesNotFound(f"There is no content {sha256}.")
    end = min(end, blob.size_bytes)
    if start >= end:
        return b""
    if blob.has_raw:
        with store.open(content.raw_key(sha256)) as file:
            file.seek(start)
            return file.read(end - start)
    if blob.xet_hash is None:
        raise BytesNotFound(f"The content {sha256} is not stored in any way.")
    terms = xet.decode_terms(xet.get_file(session, blob.xet_hash).terms)
    segments = xet.iter_segments(terms, lambda xorb_hash: xet.get_index(session, xorb_hash), start, end)
    return b"".join(xet.iter_blocks(store, segments))
