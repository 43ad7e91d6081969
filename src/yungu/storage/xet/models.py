"""Rows of the Xet store. Hashes are canonical hex; see ``hashing``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from yungu.kernel.db import BigId, Moment, metadata


@dataclass(frozen=True, slots=True)
class Xorb:
    """A stored xorb. ``stored_bytes``: on disk; ``raw_bytes``: uncompressed; ``touched_at``: last sent or relied on."""

    hash: str
    stored_bytes: int
    raw_bytes: int
    chunk_count: int
    published_at: datetime
    touched_at: datetime


@dataclass(frozen=True, slots=True)
class XetFile:
    """A file whose bytes are proven to have ``sha256``. ``terms`` as in ``terms.decode_terms``."""

    hash: str
    sha256: str
    size_bytes: int
    terms: bytes


xorbs = sa.Table(
    "xorbs",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("stored_bytes", sa.BigInteger, nullable=False),
    sa.Column("raw_bytes", sa.BigInteger, nullable=False),
    sa.Column("chunk_count", sa.Integer, nullable=False),
    sa.Column("chunks", sa.LargeBinary, nullable=False),
    sa.Column("published_at", Moment, nullable=False),
    sa.Column("touched_at", Moment, nullable=False, index=True),
)

xet_files = sa.Table(
    "xet_files",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("terms", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

xet_edges = sa.Table(
    "xet_edges",
    metadata,
    sa.Column("file_hash", sa.String(64), sa.ForeignKey("xet_files.hash"), primary_key=True),
    sa.Column("xorb_hash", sa.String(64), sa.ForeignKey("xorbs.hash"), primary_key=True, index=True),
)

xet_dedup = sa.Table(
    "xet_dedup",
    metadata,
    sa.Column("chunk_hash", sa.String(64), primary_key=True),
    sa.Column("xorb_hash", sa.String(64), sa.ForeignKey("xorbs.hash"), primary_key=True, index=True),
    sa.Column("chunk", sa.Integer, nullable=False),
)

xet_file_claims = sa.Table(
    "xet_file_claims",
    metadata,
    sa.Column("file_hash", sa.String(64), sa.ForeignKey("xet_files.hash"), primary_key=True),
    sa.Column("repo_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("user_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_xet_file_claims_repo_id_created_at", "repo_id", "created_at"),
)
"""Who showed, writing to which repo, that they have all chunks of a file."""

xet_xorb_claims = sa.Table(
    "xet_xorb_claims",
    metadata,
    sa.Column("xorb_hash", sa.String(64), sa.ForeignKey("xorbs.hash"), primary_key=True),
    sa.Column("user_id", BigId, primary_key=True, autoincrement=False),
)
"""Who sent a xorb: to them, and only to them, it is no secret that it is here."""
