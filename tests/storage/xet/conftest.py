"""A byte store and facts to put xorbs and files into."""

from __future__ import annotations

import pytest

from support.xet_forge import MadeFile, MadeXorb, shard
from yungu.kernel.db import Database
from yungu.storage import xet
from yungu.storage.local import LocalStore

USER, REPO = 7, 11


class XetSite:
    """One store and one database, with the steps of an upload as a dialect would take them."""

    def __init__(self, store: LocalStore, database: Database) -> None:
        self.store = store
        self.database = database

    def send_xorb(self, body: bytes, claimed_hash: str, *, block_bytes: int = 1 << 20) -> bool:
        verifier = xet.XorbVerifier()
        with self.store.stage(sha256=False) as staged:
            for start in range(0, len(body), block_bytes):
                block = body[start : start + block_bytes]
                staged.write(block[: verifier.write(block)])
            index = verifier.finish(claimed_hash)
            staged.publish(xet.xorb_key(claimed_hash))
        with self.database.write() as session:
            return xet.record_xorb(session, self.store, claimed_hash, index, user_id=USER)

    def send_shard(self, body: bytes, limits: xet.Limits | None = None) -> list[xet.ProvenFile]:
        checked = xet.check_shard(self.database, xet.parse_shard(body), limits)
        proven = xet.prove_files(self.database, self.store, checked)
        with self.database.write() as session:
            xet.record_files(session, proven, repo_id=REPO, user_id=USER)
        return proven

    def send_file(self, file: MadeFile, *xorbs: MadeXorb) -> None:
        for made in xorbs:
            self.send_xorb(made.body, made.hash)
        self.send_shard(shard(file))

    def read(self, file_hash: str, start: int = 0, end: int | None = None) -> bytes:
        with self.database.read() as session:
            file = xet.get_file(session, file_hash)
        start, end = xet.clip_range(start, end, file.size_bytes)
        segments = xet.iter_segments(xet.decode_terms(file.terms), xet.IndexReader(self.database), start, end)
        return b"".join(xet.iter_blocks(self.store, segments))

    def count_rows(self) -> dict[str, int]:
        with self.database.read() as session:
            return {
                name: session.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
                for name in ("xorbs", "xet_files", "xet_edges", "xet_dedup", "xet_file_claims", "blobs")
            }


@pytest.fixture
def xet_site(store: LocalStore, database: Database) -> XetSite:
    return XetSite(store, database)
