"""What must hold before a file is believed. Decides from values alone."""

from __future__ import annotations

from dataclasses import dataclass

from yungu.storage.xet.errors import FileTooLarge, ShardInvalid
from yungu.storage.xet.hashing import HASH_BYTES, MerkleTree, file_hash, term_hash, to_hex
from yungu.storage.xet.index import XorbIndex
from yungu.storage.xet.shard import ShardFile
from yungu.storage.xet.terms import FindIndex, Term


@dataclass(frozen=True, slots=True)
class Limits:
    """``file_bytes``: the largest file. Chunks per file are bounded too, or a few tiny chunks repeated by many terms
    would keep the server hashing for hours: ``spare_chunks`` plus one for every ``bytes_per_chunk`` of the file
    (clients cut at 8 KiB or later, except at the end of a file)."""

    file_bytes: int = 1 << 40
    bytes_per_chunk: int = 2048
    spare_chunks: int = 8192


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file of a shard whose terms, verification hashes and file hash are true; ``sha256`` is still a claim."""

    hash: str
    sha256: str | None
    size_bytes: int
    terms: tuple[Term, ...]
    first_chunk: bytes | None

    @property
    def xorb_hashes(self) -> set[str]:
        return {term.xorb_hash for term in self.terms}


def check_file(file: ShardFile, find_index: FindIndex, limits: Limits) -> CheckedFile:
    """Hold a file block against the indexes of its xorbs. Raises ShardInvalid, FileTooLarge, XorbMissing."""
    tree, terms = MerkleTree(), []
    size_bytes, chunk_count = 0, 0
    first_chunk = None
    for term, proof in file.iter_terms():
        index = find_index(term.xorb_hash)
        _check_term(term, proof, index)
        size_bytes += term.raw_bytes
        chunk_count += term.chunk_end - term.chunk_start
        _check_size(file.file_hash, size_bytes, chunk_count, limits)
        first_chunk = first_chunk or index.chunk_hash(term.chunk_start)
        for raw, length in index.iter_leaves(term.chunk_start, term.chunk_end):
            tree.add(raw, length)
        terms.append(term)
    found = to_hex(file_hash(tree.root()))
    if found != file.file_hash:
        raise ShardInvalid(f"The terms give the file {found}, not {file.file_hash}.")
    return CheckedFile(found, file.sha256, size_bytes, tuple(terms), first_chunk)


def _check_term(term: Term, proof: bytes, index: XorbIndex) -> None:
    if not 0 <= term.chunk_start < term.chunk_end <= index.chunk_count:
        raise ShardInvalid(
            f"A term asks for the chunks {term.chunk_start} to {term.chunk_end} of xorb {term.xorb_hash}, "
            f"which has {index.chunk_count}."
        )
    if term.raw_bytes != index.raw_length(term.chunk_start, term.chunk_end):
        raise ShardInvalid(f"A term of xorb {term.xorb_hash} does not have the {term.raw_bytes} bytes that it says.")
    if proof != term_hash(index.hashes[term.chunk_start * HASH_BYTES : term.chunk_end * HASH_BYTES]):
        raise ShardInvalid(f"A term of xorb {term.xorb_hash} has a wrong verification hash.")


def _check_size(name: str, size_bytes: int, chunk_count: int, limits: Limits) -> None:
    if size_bytes > limits.file_bytes:
        raise FileTooLarge(f"The file {name} has more than {limits.file_bytes} bytes.")
    if chunk_count > limits.spare_chunks + size_bytes // limits.bytes_per_chunk:
        raise ShardInvalid(f"The file {name} has too many tiny chunks.")
