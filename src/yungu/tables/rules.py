"""SQL for what pages show, decided from names and types alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from yungu.tables.models import Column, Format, Shape, Table

MOST_COLUMNS = 200
SAMPLE_ROWS = 50_000
_MOST_SUMMARISED_COLUMNS = 60
_BARS = 10
_LABELS = 10
_LABEL_CHARACTERS = 60
_THUMBNAIL_BYTES = 512 * 1024
_CSV_LINE_BYTES = 2 << 20
_JSON_OBJECT_BYTES = 4 << 20

_ENDINGS: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
_PACKED = (".gz",)
_TYPE_NAMES = {
    "VARCHAR": "string",
    "BOOLEAN": "bool",
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "HUGEINT": "int128",
    "UTINYINT": "uint8",
    "USMALLINT": "uint16",
    "UINTEGER": "uint32",
    "UBIGINT": "uint64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "BLOB": "binary",
}
_NUMBERS = frozenset(_TYPE_NAMES) - {"VARCHAR", "BOOLEAN", "BLOB"}
_MEDIA = re.compile(r"STRUCT\(\"?bytes\"? BLOB, \"?path\"? VARCHAR\)", re.IGNORECASE)


def ending_of(path: str) -> str:
    """The ending that tells how a file is read, ".csv.gz" as well as ".csv"; empty when it is not a table."""
    name = path.rpartition("/")[2].lower()
    packed = next((ending for ending in _PACKED if name.endswith(ending)), "")
    ending = "".join(name.removesuffix(packed).rpartition(".")[1:])
    if ending not in _ENDINGS or (packed and ending == ".parquet"):
        return ""
    return ending + packed


def format_of(path: str) -> Format | None:
    """How a file of that name is read as a table."""
    ending = ending_of(path)
    return _ENDINGS["." + ending.split(".")[1]] if ending else None


def file_name(number: int, ending: str) -> str:
    """The name under which the locked process knows a file."""
    return f"{number}{ending}"


def quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def quote_name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def reader(table: Table, names: Sequence[str]) -> str:
    """The FROM of a table whose files go by ``names``."""
    files = "[" + ", ".join(quote(f"given://{name}") for name in names) + "]"
    if table.format == "parquet":
        return f"read_parquet({files}{', union_by_name = true' if table.is_loose else ''})"
    if table.format == "csv":
        tab = ", delim = '\\t'" if table.files[0].ending.startswith(".tsv") and not table.is_loose else ""
        loose = ", all_varchar = true, null_padding = true, ignore_errors = true, union_by_name = true"
        return (
            f"read_csv({files}, max_line_size = {_CSV_LINE_BYTES}, buffer_size = {2 * _CSV_LINE_BYTES}"
            f"{loose if table.is_loose else ''}{tab})"
        )
    is_lines = table.files[0].ending.split(".")[1] != "json"
    return (
        f"read_json({files}, format = '{'newline_delimited' if is_lines else 'auto'}', maximum_depth = 6, "
        f"maximum_object_size = {_JSON_OBJECT_BYTES}, sample_size = 2048"
        f"{', ignore_errors = true, union_by_name = true' if table.is_loose and is_lines else ''})"
    )


def column(name: str, kind: str) -> Column:
    return Column(name, kind, _type_name(kind), _shape(kind))


def shown(columns: Sequence[Column], inner: str, cut_at: int) -> str:
    """The rows of ``inner`` as values that fit on a page; ``columns``: the first ones of it."""
    aliases = ", ".join(f"c{at}" for at in range(len(columns)))
    values = ", ".join(_shown(found, f"t.c{at}", cut_at) for at, found in enumerate(columns))
    return f"SELECT {values} FROM ({inner}\n) AS t({aliases})"  # noqa: S608 - names are ours, inner is checked


def _shown(found: Column, name: str, cut_at: int) -> str:
    match found.shape:
        case "number" if found.kind in _NUMBERS - {"HUGEINT"}:
            return name
        case "boolean":
            return name
        case "text":
            return f"left({name}::VARCHAR, {cut_at + 1})"
        case "binary":
            data, path = (f"{name}.bytes", f"{name}.path") if _MEDIA.fullmatch(found.kind) else (name, "NULL::VARCHAR")
            picture = f"CASE WHEN octet_length({data}) <= {_THUMBNAIL_BYTES} THEN {data} END"
            packed = f"struct_pack(size := octet_length({data}), path := left({path}, 300))"
            return f"CASE WHEN {name} IS NOT NULL THEN {packed} END, {picture}"
        case "list" | "other" if _is_nested(found.kind):
            return f"left(to_json({name})::VARCHAR, {cut_at + 1})"
        case _:
            return f"left({name}::VARCHAR, {cut_at + 1})"


def _type_name(kind: str) -> str:
    if kind in _TYPE_NAMES:
        return _TYPE_NAMES[kind]
    if _MEDIA.fullmatch(kind):
        return "file"
    if kind.endswith("[]"):
        return f"list<{_type_name(kind[:-2])}>"[:80]
    return kind.lower()[:80]


def _shape(kind: str) -> Shape:
    if kind in _NUMBERS or kind.startswith("DECIMAL("):
        return "number"
    if kind in ("BOOLEAN", "BLOB", "VARCHAR"):
        return {"BOOLEAN": "boolean", "BLOB": "binary", "VARCHAR": "text"}[kind]  # type: ignore[return-value]
    if kind.startswith("ENUM("):
        return "text"
    if kind.startswith(("DATE", "TIMESTAMP")):
        return "time"
    if _MEDIA.fullmatch(kind):
        return "binary"
    return "list" if kind.endswith("]") else "other"


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP(", "UNION("))


# --- what the rows say of a column


def summarised(columns: Sequence[Column]) -> list[Column]:
    """The columns of which facts are told."""
    return list(columns[:_MOST_SUMMARISED_COLUMNS])


def sample(columns: Sequence[Column], inner: str) -> str:
    """The table ``sample``: for column n its value, or its length, as ``v<n>``, and the beginning of a text as
    ``s<n>``. Bytes are not read."""
    aliases = ", ".join(f"c{at}" for at in range(len(columns)))
    values = ", ".join(piece for at, found in enumerate(columns) for piece in _sampled(found, at))
    return (
        f"CREATE TEMP TABLE sample AS SELECT {values} FROM (SELECT * FROM {inner}) AS t({aliases}) "  # noqa: S608
        f"LIMIT {SAMPLE_ROWS + 1}"
    )


def _sampled(found: Column, at: int) -> list[str]:
    match found.shape:
        case "number":
            return [f"c{at}::DOUBLE AS v{at}"]
        case "text":
            return [f"length(c{at}::VARCHAR) AS v{at}", f"left(c{at}::VARCHAR, {_LABEL_CHARACTERS}) AS s{at}"]
        case "boolean":
            return [f"c{at}::VARCHAR AS v{at}", f"c{at}::VARCHAR AS s{at}"]
        case "time":
            return [f"c{at} AS v{at}"]
        case "list" if found.kind.endswith("[]"):
            return [f"len(c{at}) AS v{at}"]
        case "binary":
            return [f"1 AS v{at}"]
        case _:
            return [f"CASE WHEN c{at} IS NOT NULL THEN 1 END AS v{at}"]


FACTS_PER_COLUMN = 7


def aggregates(columns: Sequence[Column]) -> str:
    """One row: the count of rows, then for each column the count of values, of distinct ones, min, max, mean, median,
    standard deviation (None where they mean nothing)."""
    values = ", ".join(piece for at, found in enumerate(columns) for piece in _aggregates(found, at))
    return f"SELECT count(*), {values} FROM (FROM sample LIMIT {SAMPLE_ROWS})"  # noqa: S608


def _aggregates(found: Column, at: int) -> list[str]:
    name = f"v{at}"
    nothing = "NULL"
    if found.shape == "time":
        return [f"count({name})", nothing, f"min({name})::VARCHAR", f"max({name})::VARCHAR", nothing, nothing, nothing]
    if found.shape not in ("number", "text", "list"):
        distinct = f"count(DISTINCT s{at})" if found.shape == "boolean" else nothing
        return [f"count({name})", distinct, *[nothing] * 5]
    of = f"s{at}" if found.shape == "text" else name
    filtered = f"FILTER (isfinite({name}::DOUBLE))"
    return [
        f"count({name})",
        f"count(DISTINCT {of})",
        *(f"{what}({name}::DOUBLE) {filtered}" for what in ("min", "max", "avg", "median", "stddev_pop")),
    ]


def histogram(at: int, low: float, high: float) -> str:
    """(number of the bar, count) of column ``at`` between its least and greatest value."""
    width = (high - low) / _BARS
    place = f"least(floor((v{at}::DOUBLE - ({low!r}::DOUBLE)) / {width!r}::DOUBLE), {_BARS - 1})::INTEGER"
    return (
        f"SELECT {at} AS c, {place} AS b, NULL AS l, count(*) AS n "  # noqa: S608
        f"FROM (FROM sample LIMIT {SAMPLE_ROWS}) WHERE v{at} IS NOT NULL AND isfinite(v{at}::DOUBLE) GROUP BY ALL"
    )


def labels(at: int, *, of_numbers: bool) -> str:
    """The most frequent values of column ``at``."""
    name = f"v{at}" if of_numbers else f"s{at}"
    order = f"{name}" if of_numbers else f"n DESC, {name}"
    return (
        f"SELECT * FROM (SELECT {at} AS c, 0 AS b, {name}::VARCHAR AS l, count(*) AS n "  # noqa: S608
        f"FROM (FROM sample LIMIT {SAMPLE_ROWS}) WHERE {name} IS NOT NULL GROUP BY {name} "
        f"ORDER BY {order} LIMIT {_LABELS})"
    )


def bar_limits(low: float, high: float, number: int) -> tuple[float, float]:
    width = (high - low) / _BARS
    return low + number * width, low + (number + 1) * width


def short_number(value: float) -> str:
    """``12``, ``0.25``, ``1.23e+12``: five digits that matter, whole numbers up to a million whole."""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.5g}"


def has_few_values(shape: Shape, distinct: int | None, rows: int) -> bool:
    """Whether the values themselves are worth a bar each, rather than how they are spread."""
    if distinct is None or distinct == 0:
        return False
    if shape == "number":
        return distinct <= _LABELS
    return shape == "boolean" or (shape == "text" and distinct <= max(_LABELS, rows // 20) and distinct <= 1000)
