"""Files as chunks in xorbs, content-addressed by BLAKE3: what ``hf_xet`` uploads and downloads.

verifier = XorbVerifier()  # a xorb comes in
with store.stage(sha256=False) as staged:
    for block in blocks:
        staged.write(block[: verifier.write(block)])
    index = verifier.finish(xorb_hash)
    staged.publish(xorb_key(xorb_hash))
with database.write() as session:
    record_xorb(session, store, xorb_hash, index, user_id=7)

segments = iter_segments(decode_terms(file.terms), IndexReader(database), 0, file.size_bytes)
for block in iter_blocks(store, segments):                  # a file goes out
    ...
"""

from yungu.storage.xet.errors import (
    FileTooLarge,
    HashInvalid,
    RangeNotSatisfiable,
    Sha256Mismatch,
    ShardInvalid,
    XetFileNotFound,
    XorbDamaged,
    XorbInvalid,
    XorbMissing,
)
from yungu.storage.xet.hashing import to_hex
from yungu.storage.xet.index import XorbIndex
from yungu.storage.xet.models import XetFile, Xorb
from yungu.storage.xet.queries import (
    IndexReader,
    find_file,
    find_file_hash,
    find_xorb,
    get_file,
    get_index,
    has_sent_xorb,
    iter_files,
    iter_unreferenced_xorbs,
    iter_xorbs,
    list_advertised,
    list_claimed_files,
    list_dedup_xorbs,
    list_file_hashes,
    list_files_of_xorb,
    list_known_xorbs,
    list_latest_claims,
    list_sha256s,
    list_xorb_hashes,
    list_xorbs_of_file,
)
from yungu.storage.xet.reading import iter_blocks, iter_pieces
from yungu.storage.xet.rules import CheckedFile, Limits
from yungu.storage.xet.service import (
    ProvenFile,
    check_file,
    check_shard,
    check_xorb,
    claim_file,
    claim_xorb,
    drop_file,
    drop_xorb,
    drop_xorb_bytes,
    prove_files,
    record_files,
    record_xorb,
    touch,
)
from yungu.storage.xet.shard import MAX_SHARD_BYTES, ShardFile, build_dedup_shard, parse_shard
from yungu.storage.xet.terms import Segment, Term, clip_range, decode_terms, encode_terms, iter_segments
from yungu.storage.xet.xorb import MAX_BODY_BYTES, XorbVerifier, xorb_key

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_SHARD_BYTES",
    "CheckedFile",
    "FileTooLarge",
    "HashInvalid",
    "IndexReader",
    "Limits",
    "ProvenFile",
    "RangeNotSatisfiable",
    "Segment",
    "Sha256Mismatch",
    "ShardFile",
    "ShardInvalid",
    "Term",
    "XetFile",
    "XetFileNotFound",
    "Xorb",
    "XorbDamaged",
    "XorbIndex",
    "XorbInvalid",
    "XorbMissing",
    "XorbVerifier",
    "build_dedup_shard",
    "check_file",
    "check_shard",
    "check_xorb",
    "claim_file",
    "claim_xorb",
    "clip_range",
    "decode_terms",
    "drop_file",
    "drop_xorb",
    "drop_xorb_bytes",
    "encode_terms",
    "find_file",
    "find_file_hash",
    "find_xorb",
    "get_file",
    "get_index",
    "has_sent_xorb",
    "iter_blocks",
    "iter_files",
    "iter_pieces",
    "iter_segments",
    "iter_unreferenced_xorbs",
    "iter_xorbs",
    "list_advertised",
    "list_claimed_files",
    "list_dedup_xorbs",
    "list_file_hashes",
    "list_files_of_xorb",
    "list_known_xorbs",
    "list_latest_claims",
    "list_sha256s",
    "list_xorb_hashes",
    "list_xorbs_of_file",
    "parse_shard",
    "prove_files",
    "record_files",
    "record_xorb",
    "to_hex",
    "touch",
    "xorb_key",
]
