"""Rows of the byte store."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from yungu.kernel.db import Moment, metadata


@dataclass(frozen=True, slots=True)
class Blob:
    """Content known by its sha256 (64 hex). ``has_raw``: stored as one file. ``xet_hash``: stored as xorb terms."""

    sha256: str
    size_bytes: int
    has_raw: bool
    xet_hash: str | None


blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("has_raw", sa.Boolean, nullable=False, default=False),
    sa.Column("xet_hash", sa.String(64), index=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("touched_at", Moment, nullable=False, index=True),
)
