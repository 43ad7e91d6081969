"""Logical blobs: what bytes the server holds, whichever way they came in.

A row says that the bytes were seen and their sha256 proven. Bytes are always published before the row is written, so a
crash leaves at most an orphan file for the sweep, never a row without bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from yungu.kernel import clock
from yungu.kernel.db import Session, columns, upsert
from yungu.storage.models import Blob, blobs

_BLOB = columns(Blob, blobs)
_BY_SHA256 = sa.select(*_BLOB).where(blobs.c.sha256 == sa.bindparam("sha256"))
_CHUNK = 500  # bound parameters per statement, below every SQLite limit


def raw_key(sha256: str) -> str:
    """Where the raw file of a blob lies in the byte store."""
    return f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def find_blob(session: Session, sha256: str) -> Blob | None:
    row = session.execute(_BY_SHA256, {"sha256": sha256}).first()
    return Blob(*row) if row else None


def list_blobs(session: Session, sha256s: Iterable[str]) -> dict[str, Blob]:
    """The known ones among ``sha256s``, by sha256."""
    wanted = sorted(set(sha256s))
    found: dict[str, Blob] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(*_BLOB).where(blobs.c.sha256.in_(wanted[start : start + _CHUNK]))
        found.update((row[0], Blob(*row)) for row in session.execute(query))
    return found


def list_sha256s(session: Session) -> list[str]:
    """The sha256 of everything that the server holds."""
    return list(session.scalars(sa.select(blobs.c.sha256).order_by(blobs.c.sha256)))


def touch_blobs(session: Session, sha256s: Iterable[str]) -> None:
    """Renew the age of contents, so that a sweep spares them: whoever is told "it is here", or relies on it, touches
    it first. Until the transaction ends nobody can sweep them."""
    wanted, now = sorted(set(sha256s)), clock.now()
    for start in range(0, len(wanted), _CHUNK):
        chosen = blobs.c.sha256.in_(wanted[start : start + _CHUNK])
        session.execute(sa.update(blobs).where(chosen).values(touched_at=now))


def record_raw(session: Session, sha256: str, size_bytes: int) -> None:
    """State that the raw file of ``sha256`` is published in the byte store."""
    _record(session, sha256, size_bytes, {"has_raw": True})


def record_xet(session: Session, sha256: str, size_bytes: int, xet_hash: str) -> None:
    """State that ``sha256`` can be rebuilt from the xet file ``xet_hash`` (the claim must have been proven)."""
    _record(session, sha256, size_bytes, {"xet_hash": xet_hash})


def forget_blobs(session: Session, sha256s: Sequence[str]) -> None:
    for start in range(0, len(sha256s), _CHUNK):
        session.execute(sa.delete(blobs).where(blobs.c.sha256.in_(sha256s[start : start + _CHUNK])))


def _record(session: Session, sha256: str, size_bytes: int, backing: dict[str, Any]) -> None:
    now = clock.now()
    row = {"sha256": sha256, "size_bytes": size_bytes, "created_at": now, "touched_at": now, "has_raw": False} | backing
    upsert(session, blobs, row, keys=["sha256"], update=[*backing, "touched_at"])
