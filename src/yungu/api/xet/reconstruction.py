"""How to put a file, or a range of it, together: terms, and signed addresses of the bytes that they need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from yungu.api.http import Call
from yungu.api.xet import wire
from yungu.api.xet.signed import SignedRange, sign_range
from yungu.kernel.db import Session
from yungu.storage import xet

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")

MakeUrl = Callable[[SignedRange], str]


def plan(session: Session, file: xet.XetFile, range_header: str | None) -> list[xet.Segment]:
    """The segments of the range that the client asks for. Raises RangeNotSatisfiable."""
    start, end = _asked(range_header)
    start, end = xet.clip_range(start, end, file.size_bytes)
    find_index = lru_cache(maxsize=64)(lambda name: xet.get_index(session, name))
    return list(xet.iter_segments(xet.decode_terms(file.terms), find_index, start, end))


def terms_of(segments: Iterable[xet.Segment]) -> list[wire.TermReply]:
    return [_term(segment.term) for segment in segments]


def fetch_v1(segments: Sequence[xet.Segment], make_url: MakeUrl) -> dict[str, list[wire.FetchV1]]:
    found: dict[str, list[wire.FetchV1]] = {}
    for run, chunks in _iter_runs(segments):
        fetch = wire.FetchV1(chunks, make_url(run), wire.Span(run.start, run.end - 1))
        found.setdefault(run.xorb_hash, []).append(fetch)
    return found


def fetch_v2(segments: Sequence[xet.Segment], make_url: MakeUrl) -> dict[str, list[wire.FetchV2]]:
    found: dict[str, list[wire.FetchV2]] = {}
    for run, chunks in _iter_runs(segments):
        ranges = [wire.RangeV2(chunks, wire.Span(run.start, run.end - 1))]
        found.setdefault(run.xorb_hash, []).append(wire.FetchV2(make_url(run), ranges))
    return found


def url_maker(call: Call, cas_url: str) -> MakeUrl:
    return lambda run: f"{cas_url}/data/{sign_range(call.site.secret, run)}"


def offset_of(segments: Sequence[xet.Segment]) -> int:
    return segments[0].skip_bytes if segments else 0


def _asked(header: str | None) -> tuple[int, int | None]:
    """Half-open. A header that is no single plain range is ignored, as HTTP says."""
    found = _RANGE.fullmatch(header or "")
    if found is None:
        return 0, None
    return int(found[1]), int(found[2]) + 1 if found[2] else None


def _term(term: xet.Term) -> wire.TermReply:
    return wire.TermReply(term.xorb_hash, term.raw_bytes, wire.Span(term.chunk_start, term.chunk_end))


def _iter_runs(segments: Sequence[xet.Segment]) -> Iterator[tuple[SignedRange, wire.Span]]:
    """Overlapping and adjacent chunk ranges of one xorb become one, so that no byte is fetched twice."""
    by_xorb: dict[str, list[xet.Segment]] = {}
    for segment in segments:
        by_xorb.setdefault(segment.term.xorb_hash, []).append(segment)
    for xorb_hash, found in by_xorb.items():
        for run in _merge(sorted(found, key=lambda segment: segment.term.chunk_start)):
            last = max(run, key=lambda segment: segment.term.chunk_end)
            chunks = wire.Span(run[0].term.chunk_start, last.term.chunk_end)
            yield SignedRange(xorb_hash, run[0].stored_start, last.stored_end), chunks


def _merge(ordered: Iterable[xet.Segment]) -> Iterator[list[xet.Segment]]:
    run: list[xet.Segment] = []
    reached = -1
    for segment in ordered:
        if run and segment.term.chunk_start > reached:
            yield run
            run = []
        run.append(segment)
        reached = max(reached if len(run) > 1 else -1, segment.term.chunk_end)
    if run:
        yield run
