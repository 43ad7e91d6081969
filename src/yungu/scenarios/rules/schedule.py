"""A matchmaking day: everybody meets everybody they were chosen for, nobody is at two tables at once, in as few rounds
as there can be.

Rounds are colours of the edges of a bipartite graph: as many as the busiest participant has meetings are needed and
enough (König 1916), by swapping along alternating paths. Colours can be made as even as one likes (de Werra 1971), so
with ``tables`` tables ``max(busiest, ceil(meetings / tables))`` rounds are enough, and fewer never are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

Pair = tuple[int, int]
_Node = tuple[int, int]
"""(side, number): the same number may stand on both sides."""


@dataclass(frozen=True, slots=True)
class Break:
    """No meeting overlaps it."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Meeting:
    """``round`` and ``table`` count from 0."""

    opportunity: int
    capability: int
    round: int
    table: int
    starts_at: datetime
    ends_at: datetime


def fewest_rounds(pairs: Sequence[Pair], tables: int) -> int:
    """What no schedule can stay below."""
    if not pairs:
        return 0
    busiest = max(max(Counter(pair[side] for pair in pairs).values()) for side in (0, 1))
    return max(busiest, math.ceil(len(set(pairs)) / tables))


def rounds(pairs: Sequence[Pair], tables: int) -> list[list[Pair]]:
    """The pairs in ``fewest_rounds`` rounds, at most ``tables`` in each, nobody twice in one. Raises ValueError
    without a table."""
    if tables < 1:
        raise ValueError("A schedule needs at least one table.")
    chosen = sorted(set(pairs))
    colouring = _Colouring(fewest_rounds(chosen, tables))
    for pair in chosen:
        colouring.add(pair)
    colouring.level()
    return [sorted(one) for one in colouring.classes()]


def timetable(
    pairs: Sequence[Pair],
    *,
    tables: int,
    starts_at: datetime,
    minutes: int = 8,
    pause: int = 2,
    breaks: Sequence[Break] = (),
) -> list[Meeting]:
    """All meetings with their times: ``minutes`` each, ``pause`` minutes to change. Who sat at a table stays there as
    long as it meets in the next round."""
    found: list[Meeting] = []
    seats: dict[int, int] = {}
    at = starts_at
    for number, met in enumerate(rounds(pairs, tables)):
        at = _after_breaks(at, timedelta(minutes=minutes), breaks)
        seats = _seated(met, seats, tables)
        ends_at = at + timedelta(minutes=minutes)
        found += [Meeting(i, j, number, seats[i], at, ends_at) for i, j in met]
        at = ends_at + timedelta(minutes=pause)
    return found


def _after_breaks(at: datetime, length: timedelta, breaks: Sequence[Break]) -> datetime:
    for pause in sorted(breaks, key=lambda one: one.starts_at):
        if at < pause.ends_at and at + length > pause.starts_at:
            at = pause.ends_at
    return at


def _seated(met: Sequence[Pair], before: dict[int, int], tables: int) -> dict[int, int]:
    """A table for each opportunity of the round: its own of the round before, else the first free one."""
    seats = {i: before[i] for i, _ in met if i in before}
    free = [table for table in range(tables) if table not in seats.values()]
    return seats | dict(zip([i for i, _ in met if i not in seats], free, strict=False))


class _Colouring:
    """Edges with colours such that no node has two of the same."""

    def __init__(self, colours: int) -> None:
        self._colours = colours
        self._at: dict[_Node, dict[int, _Node]] = {}

    def add(self, pair: Pair) -> None:
        one, other = (0, pair[0]), (1, pair[1])
        free_here, free_there = self._free(one), self._free(other)
        if free_here != free_there:
            self._swap(self._path(other, free_here, free_there), free_here, free_there)
        self._set(one, other, free_here)

    def level(self) -> None:
        """Until no colour has two more edges than another: swap a path that has one more of the greater colour."""
        while True:
            sizes = [len(one) for one in self.classes()]
            if not sizes or max(sizes) - min(sizes) <= 1:
                return
            most, least = sizes.index(max(sizes)), sizes.index(min(sizes))
            self._swap(self._longer_path(most, least), most, least)

    def classes(self) -> list[list[Pair]]:
        found: list[list[Pair]] = [[] for _ in range(self._colours)]
        for (side, number), ends in self._at.items():
            if side == 0:
                for colour, (_, other) in ends.items():
                    found[colour].append((number, other))
        return found

    def _free(self, node: _Node) -> int:
        used = self._at.setdefault(node, {})
        return next(colour for colour in range(self._colours) if colour not in used)

    def _path(self, node: _Node, first: int, second: int) -> list[tuple[_Node, _Node, int]]:
        """The edges from ``node`` on that have the two colours by turns."""
        found, colour = [], first
        while colour in self._at[node]:
            following = self._at[node][colour]
            found.append((node, following, colour))
            node, colour = following, second if colour == first else first
        return found

    def _longer_path(self, most: int, least: int) -> list[tuple[_Node, _Node, int]]:
        """A path that begins and ends with ``most``; there is one, because ``most`` has more edges in all."""
        for node, ends in self._at.items():
            if most in ends and least not in ends:
                path = self._path(node, most, least)
                if path[-1][2] == most:
                    return path
        raise AssertionError("a greater colour has a longer path")

    def _swap(self, path: Sequence[tuple[_Node, _Node, int]], first: int, second: int) -> None:
        for one, other, colour in path:
            del self._at[one][colour], self._at[other][colour]
        for one, other, colour in path:
            self._set(one, other, second if colour == first else first)

    def _set(self, one: _Node, other: _Node, colour: int) -> None:
        self._at[one][colour] = other
        self._at[other][colour] = one
