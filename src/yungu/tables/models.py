"""What goes into a reading of tables, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Format = Literal["parquet", "csv", "json"]
Shape = Literal["number", "boolean", "text", "time", "list", "binary", "other"]
"""What can be shown and said of a column. "binary": bytes, or the bytes and path of a media file."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that may be read. ``oid``: names its content; ``ending``: ".csv", ".json.gz".

    ``source``: where the plain file lies, or what reads bytes ``start`` up to, not including, ``end``."""

    oid: str
    ending: str
    size_bytes: int
    source: Path | Callable[[int, int], bytes] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Table:
    """Files of one format that are one table, in order. ``is_loose``: lines that do not fit are left out, and values of
    CSV files are all text."""

    format: Format
    files: tuple[TableFile, ...]
    is_loose: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """The same for the same content."""
        return self.format, self.is_loose, *((file.oid, file.ending) for file in self.files)


@dataclass(frozen=True, slots=True)
class Column:
    """``kind``: the type in the words of DuckDB; ``type_name``: in the words of Arrow and `datasets`."""

    name: str
    kind: str
    type_name: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of JSON values. Texts are cut after ``cut_at`` characters; a "binary" value is None or
    ``{"size": bytes, "path": text or None, "data": base64 or None}``, with data for pictures only.

    ``has_more_columns``: the table has more than are here."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    has_more: bool
    has_more_columns: bool
    cut_at: int
    read_bytes: int
    size_bytes: int
    is_loose: bool = False
    total_count: int | None = None


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The answer to a reader's query. ``rows_scanned``: of the data, None when DuckDB does not say."""

    rows: Rows
    seconds: float
    rows_scanned: int | None

    @property
    def size_bytes(self) -> int:
        return self.rows.size_bytes


@dataclass(frozen=True, slots=True)
class Bar:
    """``count`` rows with values from ``low`` to ``high``, or with the value ``label``."""

    count: int
    low: float = 0
    high: float = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What the rows looked at say of a column. ``facts``: "min", "max", "mean", "median", "std" of numbers, of the
    lengths of texts, or of the lengths of lists; ``bars``: how they are spread, or the most frequent values."""

    column: Column
    nulls_count: int
    distinct_count: int | None = None
    facts: Mapping[str, float | str] = field(default_factory=dict)
    bars: Sequence[Bar] = ()
    bars_of: Literal["", "values", "lengths", "labels"] = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """Facts over the first ``rows_count`` rows. ``is_whole``: those are all."""

    rows_count: int
    is_whole: bool
    columns: Sequence[ColumnFacts]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the locked process said to one statement."""

    names: Sequence[str]
    rows: Sequence[Sequence[Any]]
    has_more: bool
    read_bytes: int
    rows_scanned: int | None
    size_bytes: int
