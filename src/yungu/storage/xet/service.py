"""Taking in xorbs and files, and letting them go.

Bytes first, fact second: a xorb is staged, verified and published in the byte store before its row is written; a file
is checked and proven against stored xorbs before its row is written. Nothing here holds a session while it hashes.

    files = check_shard(database, parse_shard(body), limits)      # short reads
    proven = prove_files(store, IndexReader(database), files)      # no session: reads and hashes every byte
    with database.write() as session:
        record_files(session, proven, repo_id=..., user_id=...)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from yungu.kernel import clock
from yungu.kernel.db import Database, Session, upsert
from yungu.storage import content
from yungu.storage.backends import ByteStore
from yungu.storage.errors import BytesNotFound
from yungu.storage.xet import queries, rules
from yungu.storage.xet.errors import Sha256Mismatch, XorbDamaged, XorbInvalid, XorbMissing
from yungu.storage.xet.hashing import is_dedup_eligible, to_hex
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
from yungu.storage.xet.reading import iter_pieces
from yungu.storage.xet.rules import CheckedFile, Limits
from yungu.storage.xet.shard import ShardFile
from yungu.storage.xet.terms import FindIndex, Term, decode_terms, encode_terms, iter_segments
from yungu.storage.xet.xorb import XorbVerifier, xorb_key

_STEP = 500
_READ_BYTES = 1 << 20
_PROGRESS_BYTES = 64 << 20

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all)."""


@dataclass(frozen=True, slots=True)
class ProvenFile:
    """A checked file whose bytes were hashed: ``sha256`` is a fact. ``is_new``: it has no row yet."""

    file: CheckedFile
    sha256: str
    is_new: bool


def record_xorb(session: Session, store: ByteStore, xorb_hash: str, index: XorbIndex, *, user_id: int) -> bool:
    """State that a verified xorb is published, and touch it. False when this user had sent it before: whether somebody
    else had is nobody's business.

    Raises XorbDamaged when a sweep has just taken the bytes away (sending them again helps)."""
    _lock_xorb(session, xorb_hash)
    if not store.exists(xorb_key(xorb_hash)):
        raise XorbDamaged(f"The xorb {xorb_hash} was swept while it was being stored.", hint="Send it again.")
    is_first = not queries.has_sent_xorb(session, user_id, xorb_hash)
    if queries.find_xorb(session, xorb_hash) is None:
        now = clock.now()
        row = {
            "hash": xorb_hash,
            "stored_bytes": index.stored_bytes,
            "raw_bytes": index.raw_bytes,
            "chunk_count": index.chunk_count,
            "chunks": index.encode(),
            "published_at": now,
            "touched_at": now,
        }
        upsert(session, xorbs, row, keys=["hash"], update=["touched_at"])
    claim_xorb(session, xorb_hash, user_id=user_id)
    return is_first


def claim_xorb(session: Session, xorb_hash: str, *, user_id: int) -> None:
    """Note that the user sent a stored xorb, and touch it."""
    row = {"xorb_hash": xorb_hash, "user_id": user_id}
    upsert(session, xet_xorb_claims, row, keys=["xorb_hash", "user_id"], update=[])
    touch(session, [xorb_hash])


def check_shard(database: Database, files: Iterable[ShardFile], limits: Limits | None = None) -> list[CheckedFile]:
    """Hold every statement of a shard against what was measured. Raises ShardInvalid, XorbMissing, FileTooLarge."""
    find_index = queries.IndexReader(database)
    return [rules.check_file(file, find_index, limits or Limits()) for file in files]


def prove_files(
    database: Database, store: ByteStore, files: Sequence[CheckedFile], *, progress: Progress | None = None
) -> list[ProvenFile]:
    """Find out the sha256 of each file from its bytes and hold it against the claim.

    A pair (Xet hash, sha256) that was proven before is not read again. Raises Sha256Mismatch, XorbDamaged."""
    total, done = sum(file.size_bytes for file in files), 0
    find_index = queries.IndexReader(database)
    proven = []
    for file in files:
        known = _find_proven(database, file)
        sha256 = known or _hash_file(store, find_index, file.terms, file.size_bytes, _shifted(progress, done, total))
        _check_claim(file, sha256)
        proven.append(ProvenFile(file, sha256, is_new=known is None))
        done += file.size_bytes
        if progress:
            progress(done, total)
    return proven


def record_files(session: Session, files: Sequence[ProvenFile], *, repo_id: int, user_id: int) -> None:
    """Make proven files known, with their logical blobs, and note who brought them to which repo.

    Bytes that are here already, cut into other chunks, stay as they are: what was just sent again proves that the user
    has them, and its xorbs are left to the sweep. So nobody can block a file for others by sending it in odd pieces
    first. Raises XorbMissing when a sweep took a xorb meanwhile."""
    for proven in files:
        _keep_xorbs(session, proven.file)
        held = queries.find_file_hash(session, proven.sha256)
        if held is None:
            _insert_file(session, proven)
        file_hash = held or proven.file.hash
        content.record_xet(session, proven.sha256, proven.file.size_bytes, file_hash)
        claim_file(session, file_hash, repo_id=repo_id, user_id=user_id)


def claim_file(session: Session, file_hash: str, *, repo_id: int, user_id: int) -> None:
    """Note that the user has shown, writing to the repo, to have all chunks of a file."""
    row = {"file_hash": file_hash, "repo_id": repo_id, "user_id": user_id, "created_at": clock.now()}
    upsert(session, xet_file_claims, row, keys=["file_hash", "repo_id", "user_id"], update=["created_at"])


def touch(session: Session, xorb_hashes: Iterable[str]) -> None:
    """Renew the age of xorbs, so that a sweep spares them."""
    wanted, now = sorted(set(xorb_hashes)), clock.now()
    for start in range(0, len(wanted), _STEP):
        chosen = xorbs.c.hash.in_(wanted[start : start + _STEP])
        session.execute(sa.update(xorbs).where(chosen).values(touched_at=now))


def drop_file(session: Session, file_hash: str) -> None:
    """Forget a file; its xorbs stay until a sweep. The caller takes care of the logical blob."""
    for table in (xet_file_claims, xet_edges):
        session.execute(sa.delete(table).where(table.c.file_hash == file_hash))
    session.execute(sa.delete(xet_files).where(xet_files.c.hash == file_hash))


def drop_xorb(session: Session, xorb: Xorb) -> bool:
    """Forget a xorb unless it was touched or used since it was read; its advertised chunks go first.

    True when it is forgotten: after the commit its bytes may go, by ``drop_xorb_bytes``."""
    _lock_xorb(session, xorb.hash)
    touched_at = session.scalar(sa.select(xorbs.c.touched_at).where(xorbs.c.hash == xorb.hash).with_for_update())
    used = session.execute(sa.select(xet_edges.c.file_hash).where(xet_edges.c.xorb_hash == xorb.hash).limit(1)).first()
    if used or touched_at != xorb.touched_at:
        return False
    for table in (xet_dedup, xet_xorb_claims):
        session.execute(sa.delete(table).where(table.c.xorb_hash == xorb.hash))
    session.execute(sa.delete(xorbs).where(xorbs.c.hash == xorb.hash))
    return True


def drop_xorb_bytes(session: Session, store: ByteStore, xorb_hash: str) -> bool:
    """Delete the bytes of a xorb that has no row (any more). In its own transaction, after that of ``drop_xorb``:
    whoever sends the xorb again in between either keeps these bytes or is told to send them once more."""
    _lock_xorb(session, xorb_hash)
    if queries.find_xorb(session, xorb_hash) is not None:
        return False
    store.delete(xorb_key(xorb_hash))
    return True


def check_xorb(store: ByteStore, xorb_hash: str, index: XorbIndex) -> None:
    """Read a stored xorb again and hash every chunk. Raises XorbDamaged."""
    verifier = XorbVerifier()
    try:
        with store.open(xorb_key(xorb_hash)) as file:
            while block := file.read(_READ_BYTES):
                if verifier.write(block) != len(block):
                    raise XorbDamaged(f"The stored xorb {xorb_hash} has bytes after its last chunk.")
        found = verifier.finish(xorb_hash)
    except (XorbInvalid, BytesNotFound, OSError) as error:
        raise XorbDamaged(f"The stored xorb {xorb_hash} is damaged: {error}") from error
    if found.encode() != index.encode():
        raise XorbDamaged(f"The stored xorb {xorb_hash} is not the one that was measured.")


def check_file(store: ByteStore, find_index: FindIndex, file: XetFile) -> None:
    """Put a file together again and hash it. Raises XorbDamaged, XorbMissing, Sha256Mismatch."""
    found = _hash_file(store, find_index, decode_terms(file.terms), file.size_bytes, None)
    if found != file.sha256:
        raise Sha256Mismatch(f"The file {file.hash} has the sha256 {found}, not {file.sha256}.")


def _hash_file(
    store: ByteStore, find_index: FindIndex, terms: Iterable[Term], size_bytes: int, progress: Progress | None
) -> str:
    digest, done, told = hashlib.sha256(), 0, 0
    for piece in iter_pieces(store, iter_segments(terms, find_index, 0, size_bytes), verify=False, cached=False):
        digest.update(piece)
        done += len(piece)
        if progress and done - told >= _PROGRESS_BYTES:
            progress(done, size_bytes)
            told = done
    return digest.hexdigest()


def _shifted(progress: Progress | None, base: int, total: int) -> Progress | None:
    return (lambda done, _size: progress(base + done, total)) if progress else None


def _find_proven(database: Database, file: CheckedFile) -> str | None:
    """The sha256 that this very file is already proven to have."""
    with database.read() as session:
        known = queries.find_file(session, file.hash)
    return known.sha256 if known else None


def _check_claim(file: CheckedFile, sha256: str) -> None:
    if file.sha256 not in (None, sha256):
        raise Sha256Mismatch(f"The file {file.hash} has the sha256 {sha256}, not {file.sha256} as the shard claims.")


def _keep_xorbs(session: Session, file: CheckedFile) -> None:
    wanted = file.xorb_hashes
    touch(session, wanted)  # locks the rows: a sweep waits and then spares them
    missing = wanted - queries.list_known_xorbs(session, wanted)
    if missing:
        raise XorbMissing(f"The xorb {min(missing)} is not stored here.")


def _insert_file(session: Session, proven: ProvenFile) -> None:
    file = proven.file
    row = {
        "hash": file.hash,
        "sha256": proven.sha256,
        "size_bytes": file.size_bytes,
        "terms": encode_terms(file.terms),
        "created_at": clock.now(),
    }
    upsert(session, xet_files, row, keys=["hash"], update=[])
    for xorb_hash in sorted(file.xorb_hashes):
        edge = {"file_hash": file.hash, "xorb_hash": xorb_hash}
        upsert(session, xet_edges, edge, keys=["file_hash", "xorb_hash"], update=[])
        _advertise(session, xorb_hash, queries.get_index(session, xorb_hash), file)


def _advertise(session: Session, xorb_hash: str, index: XorbIndex, file: CheckedFile) -> None:
    """Enter the chunks of a xorb that clients ask about: 1 in 1024, and the first one of the file."""
    first = file.first_chunk if file.terms[0].xorb_hash == xorb_hash else None
    for chunk, (raw, _length) in enumerate(index.iter_leaves(0, index.chunk_count)):
        if raw == first or is_dedup_eligible(raw):
            row = {"chunk_hash": to_hex(raw), "xorb_hash": xorb_hash, "chunk": chunk}
            upsert(session, xet_dedup, row, keys=["chunk_hash", "xorb_hash"], update=[])


def _lock_xorb(session: Session, xorb_hash: str) -> None:
    """Let sender and sweeper of one xorb take turns; on SQLite every writer does already."""
    if session.dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(int(xorb_hash[:15], 16))))
