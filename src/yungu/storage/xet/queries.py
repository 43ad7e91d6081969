"""Every SELECT of the Xet store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import datetime

import sqlalchemy as sa

from yungu.kernel.db import Database, Session, columns
from yungu.storage.xet.errors import XetFileNotFound, XorbMissing
from yungu.storage.xet.index import XorbIndex
from yungu.storage.xet.models import (
    XetFile,
    Xorb,
    xet_dedup,
    xet_edges,
    xet_file_claims,
    xet_files,
    xet_xorb_claims,
    xorbs,
)

_XORB = columns(Xorb, xorbs)
_FILE = columns(XetFile, xet_files)
_STEP = 500  # bound parameters per statement, below every SQLite limit


class IndexReader:
    """Xorb indexes from the database, a few of them remembered; opens its own short read sessions.

    Call it with a xorb hash. Raises XorbMissing."""

    def __init__(self, database: Database, *, keep: int = 16) -> None:
        self._database = database
        self._keep = keep
        self._recent: OrderedDict[str, XorbIndex] = OrderedDict()

    def __call__(self, xorb_hash: str) -> XorbIndex:
        index = self._recent.get(xorb_hash)
        if index is None:
            with self._database.read() as session:
                index = get_index(session, xorb_hash)
            self._recent[xorb_hash] = index
            if len(self._recent) > self._keep:
                self._recent.popitem(last=False)
        self._recent.move_to_end(xorb_hash)
        return index


def find_xorb(session: Session, xorb_hash: str) -> Xorb | None:
    row = session.execute(sa.select(*_XORB).where(xorbs.c.hash == xorb_hash)).first()
    return Xorb(*row) if row else None


def get_index(session: Session, xorb_hash: str) -> XorbIndex:
    """What was measured when the xorb came in. Raises XorbMissing."""
    encoded = session.scalar(sa.select(xorbs.c.chunks).where(xorbs.c.hash == xorb_hash))
    if encoded is None:
        raise XorbMissing(f"The xorb {xorb_hash} is not stored here.")
    return XorbIndex.decode(encoded)


def list_known_xorbs(session: Session, xorb_hashes: Iterable[str]) -> set[str]:
    """Those of ``xorb_hashes`` that are stored."""
    wanted = sorted(set(xorb_hashes))
    known: set[str] = set()
    for start in range(0, len(wanted), _STEP):
        known.update(session.scalars(sa.select(xorbs.c.hash).where(xorbs.c.hash.in_(wanted[start : start + _STEP]))))
    return known


def find_file(session: Session, file_hash: str) -> XetFile | None:
    row = session.execute(sa.select(*_FILE).where(xet_files.c.hash == file_hash)).first()
    return XetFile(*row) if row else None


def get_file(session: Session, file_hash: str) -> XetFile:
    """Raises XetFileNotFound."""
    file = find_file(session, file_hash)
    if file is None:
        raise XetFileNotFound(f"There is no file {file_hash}.")
    return file


def find_file_hash(session: Session, sha256: str) -> str | None:
    """The Xet hash of the file that is proven to have ``sha256``."""
    return session.scalar(sa.select(xet_files.c.hash).where(xet_files.c.sha256 == sha256))


def list_dedup_xorbs(session: Session, chunk_hash: str, *, limit: int = 8) -> list[tuple[str, int]]:
    """(xorb hash, chunk number) of places where an advertised chunk lies."""
    query = sa.select(xet_dedup.c.xorb_hash, xet_dedup.c.chunk).where(xet_dedup.c.chunk_hash == chunk_hash)
    return [(row.xorb_hash, row.chunk) for row in session.execute(query.limit(limit))]


def list_files_of_xorb(session: Session, xorb_hash: str, *, limit: int = 200) -> list[str]:
    """Hashes of files that use the xorb, newest first."""
    query = (
        sa.select(xet_files.c.hash)
        .join(xet_edges, xet_edges.c.file_hash == xet_files.c.hash)
        .where(xet_edges.c.xorb_hash == xorb_hash)
        .order_by(xet_files.c.created_at.desc())
    )
    return list(session.scalars(query.limit(limit)))


def list_sha256s(session: Session, file_hashes: Iterable[str]) -> dict[str, str]:
    """The sha256 of each known file among ``file_hashes`` (at most a few hundred)."""
    query = sa.select(xet_files.c.hash, xet_files.c.sha256).where(xet_files.c.hash.in_(list(file_hashes)))
    return {row.hash: row.sha256 for row in session.execute(query)}


def list_latest_claims(session: Session, repo_id: int, *, limit: int = 32) -> list[str]:
    """Hashes of the files last uploaded to a repo, newest first."""
    newest = sa.func.max(xet_file_claims.c.created_at)
    query = (
        sa.select(xet_file_claims.c.file_hash)
        .where(xet_file_claims.c.repo_id == repo_id)
        .group_by(xet_file_claims.c.file_hash)
        .order_by(newest.desc())
    )
    return list(session.scalars(query.limit(limit)))


def list_claimed_files(session: Session, user_id: int, file_hashes: Iterable[str]) -> set[str]:
    """Those of ``file_hashes`` that the user has uploaded, to whichever repo."""
    query = sa.select(xet_file_claims.c.file_hash).where(
        xet_file_claims.c.user_id == user_id, xet_file_claims.c.file_hash.in_(list(file_hashes))
    )
    return set(session.scalars(query))


def has_sent_xorb(session: Session, user_id: int, xorb_hash: str) -> bool:
    """Whether the xorb is stored and the user is among those who sent it."""
    query = sa.select(xet_xorb_claims.c.user_id).where(
        xet_xorb_claims.c.xorb_hash == xorb_hash, xet_xorb_claims.c.user_id == user_id
    )
    return session.execute(query).first() is not None


def list_xorb_hashes(session: Session) -> list[str]:
    return list(session.scalars(sa.select(xorbs.c.hash).order_by(xorbs.c.hash)))


def list_file_hashes(session: Session) -> list[str]:
    return list(session.scalars(sa.select(xet_files.c.hash).order_by(xet_files.c.hash)))


def list_xorbs_of_file(session: Session, file_hash: str) -> set[str]:
    """The xorbs that are kept because the file uses them."""
    return set(session.scalars(sa.select(xet_edges.c.xorb_hash).where(xet_edges.c.file_hash == file_hash)))


def list_advertised(session: Session, xorb_hash: str) -> list[tuple[str, int]]:
    """(chunk hash, chunk number) of the chunks of a xorb that clients may ask about."""
    query = sa.select(xet_dedup.c.chunk_hash, xet_dedup.c.chunk).where(xet_dedup.c.xorb_hash == xorb_hash)
    return [(row.chunk_hash, row.chunk) for row in session.execute(query)]


def iter_xorbs(session: Session) -> Iterator[Xorb]:
    """All xorbs in the order of their hashes."""
    query = sa.select(*_XORB).order_by(xorbs.c.hash)
    yield from (Xorb(*row) for row in session.execute(query.execution_options(yield_per=500)))


def iter_files(session: Session) -> Iterator[XetFile]:
    """All files in the order of their hashes."""
    query = sa.select(*_FILE).order_by(xet_files.c.hash)
    yield from (XetFile(*row) for row in session.execute(query.execution_options(yield_per=100)))


def iter_unreferenced_xorbs(session: Session, older_than: datetime) -> Iterator[Xorb]:
    """Xorbs that no file uses and that nobody has sent or relied on since ``older_than``."""
    used = sa.exists().where(xet_edges.c.xorb_hash == xorbs.c.hash)
    query = sa.select(*_XORB).where(xorbs.c.touched_at < older_than, ~used).order_by(xorbs.c.hash)
    yield from (Xorb(*row) for row in session.execute(query.execution_options(yield_per=500)))
