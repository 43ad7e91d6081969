"""Where the lines and squares of a chart go. The templates draw them as SVG; see the macros in ``parts/ui.html``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WIDTH, HEIGHT = 600, 160
_STEPS = 4
_DATES_SHOWN = 5
_WEEKS = 53

Points = Sequence[tuple[date, int]]


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    day: date
    count: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Counts over time in a field of WIDTH by HEIGHT units. ``line``: a path through all points; ``area``: the same,
    closed along the ground. ``bars``: one for each point, ``steps``: the labels of the grid, highest first. ``dates``:
    labels of the ground, evenly spread from the first point to the last."""

    line: str
    area: str
    bars: Sequence[Bar]
    steps: Sequence[int]
    dates: Sequence[date]
    total: int
    peak: tuple[date, int]


@dataclass(frozen=True, slots=True)
class Day:
    """``level``: 0 for nothing, then 1 to 4 by quarters of the busiest day."""

    day: date
    count: int
    level: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """A year of days in columns of weeks that begin on Mondays. ``months``: the column in which a month begins.
    ``by_month``: (first day of the month, count)."""

    weeks: Sequence[Sequence[Day]]
    months: Sequence[tuple[int, date]]
    by_month: Sequence[tuple[date, int]]
    total: int


def draw_chart(points: Points) -> Chart:
    """At least one point, oldest first, at even distances."""
    top = _round_top(max(count for _, count in points))
    slot = WIDTH / len(points)
    bars = [
        Bar(round(index * slot, 2), round(HEIGHT - height, 2), round(slot, 2), round(height, 2), day, count)
        for index, (day, count) in enumerate(points)
        for height in [count / top * HEIGHT]
    ]
    places = [(round((index + 0.5) * slot, 1), round(bar.y, 1)) for index, bar in enumerate(bars)]
    line = "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
    area = f"{line}L{places[-1][0]:g} {HEIGHT}L{places[0][0]:g} {HEIGHT}Z"
    steps = [top * step // _STEPS for step in range(_STEPS, -1, -1)]
    peak = max(points, key=lambda point: point[1])
    return Chart(line, area, bars, steps, _spread(points), sum(count for _, count in points), peak)


def draw_calendar(counts: Mapping[date, int], last: date) -> Calendar:
    """The 53 weeks up to the one that holds the day ``last``."""
    monday = last - timedelta(days=last.weekday(), weeks=_WEEKS - 1)
    days = [monday + timedelta(days=number) for number in range((last - monday).days + 1)]
    busiest = max((counts.get(day, 0) for day in days), default=0)
    cells = [Day(day, counts.get(day, 0), _level(counts.get(day, 0), busiest)) for day in days]
    weeks = [cells[start : start + 7] for start in range(0, len(cells), 7)]
    months = [(column, cell.day) for column, week in enumerate(weeks) for cell in week if cell.day.day == 1]
    by_month: dict[date, int] = {}
    for cell in cells:
        month = cell.day.replace(day=1)
        by_month[month] = by_month.get(month, 0) + cell.count
    return Calendar(weeks, months, list(by_month.items()), sum(cell.count for cell in cells))


def _round_top(highest: int) -> int:
    """The least of 4, 8, 20, 40, 80, 200 ... that is not below ``highest``: quarters of it are whole."""
    top, factors = 4, (2, 2.5, 2)
    while top < highest:
        for factor in factors:
            top = int(top * factor)
            if top >= highest:
                break
    return top


def _spread(points: Points) -> Sequence[date]:
    shown = min(_DATES_SHOWN, len(points))
    if shown < 2:
        return [points[0][0]]
    return [points[round(number * (len(points) - 1) / (shown - 1))][0] for number in range(shown)]


def _level(count: int, busiest: int) -> int:
    return -(-4 * count // busiest) if count else 0
