"""Every SELECT over tables: a page of rows, facts about columns, a reader's own query."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from yungu.tables import rules
from yungu.tables.backends import Engine, Reading
from yungu.tables.errors import QueryInvalid, QueryRefused, TableUnreadable
from yungu.tables.models import Answer, Bar, Column, ColumnFacts, QueryResult, Rows, Summary, Table

MOST_QUERY_CHARACTERS = 10_000
_PAGE_BYTES = 16 << 20
_PAGE_CHARACTERS = 60_000
_LONGEST_CUT = 2_000
_COUNTED_BYTES = 8 << 20


def read_rows(engine: Engine, table: Table, offset: int, count: int) -> Rows:
    """Rows ``offset`` and following. A table that cannot be read strictly is read loosely, if that helps.

    Raises TableUnreadable, TooLong, TooMuchMemory, TablesBusy."""
    try:
        return _read_rows(engine, table, offset, count)
    except TableUnreadable:
        if not _can_be_looser(table):
            raise
        return _read_rows(engine, replace(table, is_loose=True), offset, count)


def summarise(engine: Engine, table: Table) -> Summary:
    """Facts about the columns, over the first rows. Raises as ``read_rows``."""
    try:
        return _summarise(engine, table)
    except TableUnreadable:
        if not _can_be_looser(table):
            raise
        return _summarise(engine, replace(table, is_loose=True))


def run_query(
    engine: Engine, tables: Mapping[str, Table], sql: str, *, most_rows: int, cut_at: int | None = None
) -> QueryResult:
    """The first rows that a reader's SELECT over ``tables`` answers; those that it does not name are not opened.

    Raises QueryInvalid, QueryRefused, TableUnreadable, TooLong, TooMuchMemory, TablesBusy."""
    if len(sql) > MOST_QUERY_CHARACTERS:
        raise QueryInvalid(f"it is longer than {MOST_QUERY_CHARACTERS} characters.")
    named = {name: table for name, table in tables.items() if re.search(rf"\b{re.escape(name)}\b", sql, re.IGNORECASE)}
    files = [file for table in named.values() for file in table.files]
    started = time.monotonic()
    with engine.open(files) as reading:
        inner = reading.check(sql)
        _make_views(reading, named)
        columns, more = _describe(reading, inner)
        cut = cut_at or _cut_at(len(columns))
        answer = reading.run(rules.shown(columns, inner, cut), most_rows=most_rows, most_bytes=_PAGE_BYTES)
    rows = _rows(columns, answer, cut, has_more_columns=more)
    return QueryResult(rows, time.monotonic() - started, answer.rows_scanned)


def _can_be_looser(table: Table) -> bool:
    return not table.is_loose and (table.format != "parquet" or len(table.files) > 1)


def _read_rows(engine: Engine, table: Table, offset: int, count: int) -> Rows:
    with engine.open(table.files) as reading, _blaming_the_data():
        source = rules.reader(table, reading.names)
        columns, more = _describe(reading, f"FROM {source}")
        cut = _cut_at(len(columns))
        inner = f"SELECT * FROM {source} LIMIT {count + 1} OFFSET {offset}"  # noqa: S608 - ours
        answer = reading.run(rules.shown(columns, inner, cut), most_rows=count, most_bytes=_PAGE_BYTES)
        total = _count(reading, table, source)
    rows = _rows(columns, answer, cut, has_more_columns=more)
    return replace(rows, is_loose=table.is_loose, total_count=total)


def _count(reading: Reading, table: Table, source: str) -> int | None:
    """All rows, where that is cheap to know: Parquet says it, small files are read anyway."""
    is_small = sum(file.size_bytes for file in table.files) <= _COUNTED_BYTES
    is_packed = any(file.ending.endswith(".gz") for file in table.files)
    if table.format != "parquet" and (is_packed or not is_small):
        return None
    return int(reading.run(f"SELECT count(*) FROM {source}").rows[0][0])  # noqa: S608 - ours


def _make_views(reading: Reading, tables: Mapping[str, Table]) -> None:
    names = iter(reading.names)
    for view, table in tables.items():
        source = rules.reader(table, [next(names) for _ in table.files])
        with _blaming_the_data():
            reading.run(f"CREATE TEMP VIEW {rules.quote_name(view)} AS FROM {source}")


def _describe(reading: Reading, inner: str) -> tuple[list[Column], bool]:
    found = reading.run(f"DESCRIBE {inner}", most_rows=rules.MOST_COLUMNS, most_bytes=4 << 20)
    return [rules.column(str(row[0]), str(row[1])) for row in found.rows], found.has_more


def _cut_at(columns_count: int) -> int:
    return max(100, min(_LONGEST_CUT, _PAGE_CHARACTERS // max(1, columns_count)))


def _rows(columns: Sequence[Column], answer: Answer, cut_at: int, *, has_more_columns: bool) -> Rows:
    rows = [list(_values(columns, iter(row))) for row in answer.rows]
    return Rows(columns, rows, answer.has_more, has_more_columns, cut_at, answer.read_bytes, answer.size_bytes)


def _values(columns: Sequence[Column], raw: Iterator[Any]) -> Iterator[Any]:
    for column in columns:
        value = next(raw, None)
        if column.shape == "binary":
            picture = next(raw, None)
            yield {**value, "data": picture} if isinstance(value, dict) else None
        else:
            yield value if isinstance(value, str | int | float | None) else str(value)


# --- facts


def _summarise(engine: Engine, table: Table) -> Summary:
    with engine.open(table.files) as reading, _blaming_the_data():
        source = rules.reader(table, reading.names)
        columns = rules.summarised(_describe(reading, f"FROM {source}")[0])
        if not columns:
            return Summary(0, True, (), 100)
        taken = reading.run(rules.sample(columns, source)).rows[0][0]
        row = iter(reading.run(rules.aggregates(columns)).rows[0])
        count = next(row)
        facts = [_facts(column, count, [next(row) for _ in range(rules.FACTS_PER_COLUMN)]) for column in columns]
        spread = _spread(reading, facts, count)
    told = [_with_bars(fact, spread.get(at, [])) for at, fact in enumerate(facts)]
    return Summary(count, taken <= rules.SAMPLE_ROWS, told, 1000 * len(told))


def _facts(column: Column, rows_count: int, values: Sequence[Any]) -> ColumnFacts:
    count, distinct, *numbers = values
    names = ("min", "max", "mean", "median", "std")
    facts = {name: value for name, value in zip(names, numbers, strict=True) if value is not None}
    return ColumnFacts(column, rows_count - count, distinct, facts)


def _spread(reading: Reading, facts: Sequence[ColumnFacts], rows_count: int) -> dict[int, list[list[Any]]]:
    """Column number to its (column, bar, label, count) rows."""
    questions = [question for at, fact in enumerate(facts) if (question := _bars_question(at, fact, rows_count))]
    found: dict[int, list[list[Any]]] = {}
    if questions:
        for row in reading.run(" UNION ALL ".join(questions), most_rows=20 * len(facts), most_bytes=4 << 20).rows:
            found.setdefault(row[0], []).append(list(row))
    return found


def _bars_question(at: int, fact: ColumnFacts, rows_count: int) -> str | None:
    shape = fact.column.shape
    if rules.has_few_values(shape, fact.distinct_count, rows_count):
        return rules.labels(at, of_numbers=shape == "number")
    low, high = fact.facts.get("min"), fact.facts.get("max")
    if shape in ("number", "text", "list") and isinstance(low, float | int) and isinstance(high, float | int):
        return rules.histogram(at, low, high) if high > low and high - low != float("inf") else None
    return None


def _with_bars(fact: ColumnFacts, rows: Sequence[Sequence[Any]]) -> ColumnFacts:
    if not rows:
        return fact
    if rows[0][2] is not None:
        is_number = fact.column.shape == "number"
        bars = [Bar(row[3], label=rules.short_number(float(row[2])) if is_number else row[2]) for row in rows]
        return replace(fact, bars=bars, bars_of="labels")
    low, high = float(fact.facts["min"]), float(fact.facts["max"])
    counts = {row[1]: row[3] for row in rows}
    bars = [Bar(counts.get(number, 0), *rules.bar_limits(low, high, number)) for number in range(10)]
    return replace(fact, bars=bars, bars_of="values" if fact.column.shape == "number" else "lengths")


class _blaming_the_data:  # noqa: N801 - reads as a sentence
    """Our own statements are good: what is wrong with them is wrong with the data."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, QueryInvalid):
            raise TableUnreadable(error.reason) from error
        if isinstance(error, QueryRefused):
            raise TableUnreadable from error
