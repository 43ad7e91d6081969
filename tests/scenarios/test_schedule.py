"""A matchmaking day: nobody at two tables at once, and not one round too many."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings, strategies as st

from yungu.scenarios.rules.schedule import Break, Pair, rounds, timetable

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 11)), unique=True, max_size=70)
NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)


@settings(max_examples=150, deadline=None)
@given(PAIRS, st.integers(1, 12))
def test_all_meet_in_as_few_rounds_as_there_can_be(pairs: list[Pair], tables: int) -> None:
    found = rounds(pairs, tables)
    busiest = max([0, *Counter(i for i, _ in pairs).values(), *Counter(j for _, j in pairs).values()])

    assert sorted(pair for one in found for pair in one) == sorted(pairs)
    assert len(found) == max(busiest, math.ceil(len(pairs) / tables))
    for met in found:
        assert len(met) <= tables
        assert len({i for i, _ in met}) == len({j for _, j in met}) == len(met)


@settings(max_examples=40, deadline=None)
@given(PAIRS, st.integers(2, 8))
def test_no_table_is_taken_twice_and_no_meeting_runs_into_a_break(pairs: list[Pair], tables: int) -> None:
    lunch = Break(NINE + timedelta(minutes=31), NINE + timedelta(minutes=75))
    meetings = timetable(pairs, tables=tables, starts_at=NINE, breaks=[lunch])

    assert len({(one.round, one.table) for one in meetings}) == len(meetings)
    assert all(0 <= one.table < tables for one in meetings)
    assert not any(one.starts_at < lunch.ends_at and one.ends_at > lunch.starts_at for one in meetings)


def test_a_full_day_fits_its_rooms_and_keeps_hosts_at_their_tables() -> None:
    pairs = [(i, j) for i in range(20) for j in range(30) if (i + j) % 3 == 0]
    meetings = timetable(pairs, tables=20, starts_at=NINE, minutes=8, pause=2)

    assert max(one.round for one in meetings) + 1 == 10
    assert max(one.ends_at for one in meetings) == NINE + timedelta(minutes=98)
