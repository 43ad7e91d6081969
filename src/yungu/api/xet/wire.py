"""JSON of the xet dialect (the public CAS API of hf_xet, versions 1 and 2)."""

from __future__ import annotations

from typing import Literal

import msgspec


class TokenReply(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of the hub's token addresses. ``exp``: Unix seconds."""

    access_token: str
    exp: int
    cas_url: str


class Span(msgspec.Struct, frozen=True):
    """Chunks: half-open. Bytes: inclusive, as in a Range header."""

    start: int
    end: int


class TermReply(msgspec.Struct, frozen=True):
    hash: str
    unpacked_length: int
    range: Span


class FetchV1(msgspec.Struct, frozen=True):
    range: Span
    url: str
    url_range: Span


class RangeV2(msgspec.Struct, frozen=True):
    chunks: Span
    bytes: Span


class FetchV2(msgspec.Struct, frozen=True):
    url: str
    ranges: list[RangeV2]


class ReconstructionV1(msgspec.Struct, frozen=True):
    offset_into_first_range: int
    terms: list[TermReply]
    fetch_info: dict[str, list[FetchV1]]


class ReconstructionV2(msgspec.Struct, frozen=True):
    offset_into_first_range: int
    terms: list[TermReply]
    xorbs: dict[str, list[FetchV2]]


class BatchReply(msgspec.Struct, frozen=True):
    """``files``: terms by file hash; ``fetch_info`` is shared by all of them."""

    files: dict[str, list[TermReply]]
    fetch_info: dict[str, list[FetchV1]]


class Checksum(msgspec.Struct, frozen=True):
    algo: str
    value: str


class GrantRequest(msgspec.Struct, frozen=True):
    """``checksum`` is not needed: every chunk is hashed as it arrives."""

    length: int
    checksum: Checksum | None = None


class GrantReply(msgspec.Struct, frozen=True):
    id: str
    method: str
    url: str
    headers: dict[str, str]


class XorbReply(msgspec.Struct, frozen=True):
    was_inserted: bool


class ShardReply(msgspec.Struct, frozen=True):
    """``result``: 0 when every file was known, 1 when something was recorded."""

    result: Literal[0, 1]


class Validating(msgspec.Struct, frozen=True, tag_field="type", tag="validating"):
    """``verified`` of ``total`` bytes are proven."""

    verified: int
    total: int


class Committing(msgspec.Struct, frozen=True, tag_field="type", tag="committing"):
    stage: Literal["uploading", "syncing"]


class Result(msgspec.Struct, frozen=True, tag_field="type", tag="result"):
    pass


class Failure(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    message: str
    retryable: bool


Frame = Validating | Committing | Result | Failure


def encode_frame(frame: Frame) -> bytes:
    """One line of NDJSON."""
    return msgspec.json.encode(frame) + b"\n"
