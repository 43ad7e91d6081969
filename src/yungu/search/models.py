"""What goes into the index and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Layout:
    """What entries have besides words. ``version`` changes whenever the meaning of an entry does: an index of another
    layout is thrown away. ``narrowing``: facets of which several values may be asked for at once, all to be there."""

    version: str
    facets: Sequence[str] = ()
    numbers: Sequence[str] = ()
    narrowing: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """``readers``: labels, of which one who may see the entry holds at least one. ``name``: "owner/name" or "name",
    ASCII words; ``title``: what it calls itself, in any language. ``popularity``: 0 and up, lifts gently: 1.0 by half
    as much again."""

    key: str
    kind: str
    readers: Sequence[str]
    name: str
    title: str = ""
    text: str = ""
    tags: Sequence[str] = ()
    facets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    popularity: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """``words``: as typed; empty: everything. ``readers`` None: whoever may see all. ``facets``: all values must be
    there. ``sort``: a number of the layout, greatest first; None: what fits best. ``counted``: facets of which the
    values shall be counted, and "kind". ``has_snippets``: show where in the texts the words are."""

    words: str = ""
    kinds: Sequence[str] = ()
    readers: frozenset[str] | None = frozenset()
    facets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sort: str | None = None
    skip: int = 0
    limit: int = 30
    counted: Sequence[str] = ()
    has_snippets: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text; ``is_match``: one of the words that were looked for."""

    text: str
    is_match: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """``snippet``: where in its text the words are, or how the text begins."""

    key: str
    kind: str
    title: str
    snippet: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Found:
    """``kinds``, if counted: how many of each kind match, whatever kinds were asked for. ``counts``: for each counted
    facet its values, most first; of a facet that is itself asked for, as if it were not. ``suggestion``: what the words
    may have been meant to be; ``is_loose``: nothing matches them all exactly, so the hits are near misses."""

    hits: Sequence[Hit]
    total: int
    kinds: Mapping[str, int]
    counts: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)
    suggestion: str | None = None
    is_loose: bool = False


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far the index is. ``position``: of the last fact that is in it. ``is_complete``: false while it is being
    made anew; ``stage``: how far that is."""

    position: tuple[int, int]
    is_complete: bool
    stage: tuple[str, int] = ("", 0)
