"""Why two texts were found to belong together: which words they share, and where those stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_MOST = 6
_GAP = re.compile(r"[\s\-/]{0,2}")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` of the text ``field``, and how telling they are. ``terms``: which were found."""

    field: str
    start: int
    end: int
    text: str
    weight: float
    terms: frozenset[str]


def shared_spans(fields: Sequence[tuple[str, str]], terms: Mapping[str, float], *, most: int = _MOST) -> Sequence[Span]:
    """Where ``terms`` (and how rare each is) stand in the texts, neighbours joined, the most telling first; what says
    nothing beyond an earlier one is left out."""
    if not terms:
        return []
    pattern = re.compile("|".join(_as_pattern(term) for term in sorted(terms, key=len, reverse=True)), re.IGNORECASE)
    found = [span for field, text in fields for span in _spans(field, text, pattern, terms)]
    return _without_repeats(sorted(found, key=lambda span: (-span.weight, span.field, span.start)), most)


def _spans(field: str, text: str, pattern: re.Pattern[str], terms: Mapping[str, float]) -> Iterable[Span]:
    """Matches that overlap or stand side by side become one."""
    runs: list[list[tuple[int, int]]] = []
    for start, end in _matches(text, pattern):
        if runs and (start <= runs[-1][-1][1] or _GAP.fullmatch(text, runs[-1][-1][1], start)):
            runs[-1].append((start, end))
        else:
            runs.append([(start, end)])
    for run in runs:
        start, end = run[0][0], max(last for _, last in run)
        met = frozenset(text[a:b].casefold() for a, b in run)
        yield Span(field, start, end, text[start:end], sum(terms.get(term, 0.0) for term in met), met)


def _matches(text: str, pattern: re.Pattern[str]) -> Iterable[tuple[int, int]]:
    """Also those that begin inside another one."""
    at = 0
    while (match := pattern.search(text, at)) is not None:
        yield match.span()
        at = match.start() + 1 if not match.group().isascii() else match.end()


def _without_repeats(spans: Sequence[Span], most: int) -> Sequence[Span]:
    said: set[str] = set()
    kept: list[Span] = []
    for span in spans:
        if not span.terms <= said:
            kept.append(span)
            said |= span.terms
        if len(kept) == most:
            break
    return kept


def _as_pattern(term: str) -> str:
    return rf"(?<![A-Za-z0-9]){re.escape(term)}(?![A-Za-z0-9])" if term.isascii() else re.escape(term)
