"""Global dedup: which xorbs to tell a client about, so that it does not send what is already here.

A client asks about one chunk in a thousand. A hit is answered with the xorbs of the file around it. A miss is answered
with the newest files of the very repo that the client writes to, a few xorbs at a time: the next version of a model
resembles the last one, though the chunks that were asked about are new."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from yungu.api.xet.errors import ChunkUnknown
from yungu.api.xet.tokens import XetClaims, writer_of
from yungu.api.xet.visibility import visible_files
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.storage import xet
from yungu.storage.xet.hashing import from_hex

REPLY_LIFE = timedelta(hours=1)
"""How long a client remembers a reply; much shorter than unused xorbs are kept."""

_NEIGHBOURS = 24
_HINT_XORBS = 8
_HINT_FILES = 32

Shown = dict[str, list[range]]
"""Xorb hash to the chunks of it that may be shown, in the order of the file."""


class HintMemory:
    """How many xorbs each upload was already told about on misses; forgets the oldest uploads."""

    def __init__(self, keep: int = 4096) -> None:
        self._keep = keep
        self._told: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def advance(self, upload: str, count: int) -> int:
        """The number told so far; ``count`` more are about to be."""
        with self._lock:
            told = self._told.pop(upload, 0)
            self._told[upload] = told + count
            if len(self._told) > self._keep:
                self._told.popitem(last=False)
        return told


hints = HintMemory()


def answer(session: Session, claims: XetClaims, chunk_hash: str, *, key: bytes, upload: str) -> bytes:
    """A shard that helps with a chunk. ``key``: for the chunk hashes in it; ``upload``: tells uploads apart.

    Raises ChunkUnknown."""
    shown = _hit(session, claims, chunk_hash) or _hint(session, claims, upload)
    if not shown:
        raise ChunkUnknown
    blocks = [(from_hex(name), xet.get_index(session, name), chunks) for name, chunks in shown.items()]
    now = clock.now()
    return xet.build_dedup_shard(blocks, key=key, created_at=now, expires_at=now + REPLY_LIFE)


def is_known_xorb(session: Session, claims: XetClaims, xorb_hash: str) -> bool:
    """Whether the user may be told that the xorb is stored: sent by the user, or part of a readable file."""
    if xet.has_sent_xorb(session, writer_of(claims), xorb_hash):
        return True
    return bool(visible_files(session, claims, xet.list_files_of_xorb(session, xorb_hash)))


def _hit(session: Session, claims: XetClaims, chunk_hash: str) -> Shown:
    for xorb_hash, chunk in xet.list_dedup_xorbs(session, chunk_hash):
        for file_hash in visible_files(session, claims, xet.list_files_of_xorb(session, xorb_hash))[:4]:
            shown = _shown_by(session, [file_hash])
            if any(chunk in chunks for chunks in shown.get(xorb_hash, ())):
                return _around(shown, xorb_hash)
        if xet.has_sent_xorb(session, writer_of(claims), xorb_hash):
            return {xorb_hash: [range(xet.get_index(session, xorb_hash).chunk_count)]}
    return {}


def _hint(session: Session, claims: XetClaims, upload: str) -> Shown:
    latest = xet.list_latest_claims(session, claims.repo, limit=_HINT_FILES)
    shown = _shown_by(session, visible_files(session, claims, latest))
    told = hints.advance(upload, _HINT_XORBS)
    return {name: shown[name] for name in list(shown)[told : told + _HINT_XORBS]}


def _around(shown: Shown, xorb_hash: str) -> Shown:
    names = list(shown)
    start = max(names.index(xorb_hash) - 1, 0)
    return {name: shown[name] for name in names[start : start + _NEIGHBOURS]}


def _shown_by(session: Session, file_hashes: Iterable[str]) -> Shown:
    """The chunks that the terms of readable files use; other chunks of the same xorbs may be private."""
    shown: Shown = {}
    for file_hash in file_hashes:
        for term in _terms(session, file_hash):
            shown.setdefault(term.xorb_hash, []).append(range(term.chunk_start, term.chunk_end))
    return shown


def _terms(session: Session, file_hash: str) -> Sequence[xet.Term]:
    file = xet.find_file(session, file_hash)
    return xet.decode_terms(file.terms) if file else ()
