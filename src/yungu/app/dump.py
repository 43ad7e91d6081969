"""All tables as lines of JSON, and back: the same lines load into SQLite and into PostgreSQL.

A line is one row, an array of its columns. Bytes are base64, moments ISO 8601."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from yungu.app.tables import metadata
from yungu.kernel.db import Moment, Session

ColumnKind = Literal["plain", "bytes", "moment", "json"]
_STEP = 500


class ColumnDump(msgspec.Struct, frozen=True):
    name: str
    kind: ColumnKind


class TableDump(msgspec.Struct, frozen=True):
    """``last_id``: the highest number that was ever given in this table, None when it gives none."""

    name: str
    columns: list[ColumnDump]
    rows: int
    last_id: int | None


def schema_revision(session: Session) -> str:
    return str(session.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())


def dump_tables(session: Session, into: Path) -> Iterator[tuple[TableDump, Path]]:
    """Write every table to a file of its own under ``into``, those first that others refer to."""
    for table in metadata.sorted_tables:
        file = into / f"{table.name}.jsonl"
        carried = [column for column in table.columns if "of_this_database" not in column.info]
        columns = [ColumnDump(str(column.name), _kind(column.type)) for column in carried]
        rows = _write(session, sa.select(*carried).order_by(*table.primary_key.columns), file)
        yield TableDump(str(table.name), columns, rows, _last_id(session, table)), file


def load_table(session: Session, dump: TableDump, lines: Iterable[bytes]) -> int:
    """Insert the rows of a dumped table; how many."""
    columns = [sa.column(column.name, _TYPES[column.kind]) for column in dump.columns]
    table, batch, count = sa.table(dump.name, *columns), list[dict[str, Any]](), 0
    for line in lines:
        values = msgspec.json.decode(line)
        pairs = zip(dump.columns, values, strict=True)
        batch.append({column.name: _decode(column.kind, value) for column, value in pairs})
        if len(batch) == _STEP:
            count += _insert(session, table, batch)
    count += _insert(session, table, batch)
    _raise_last_id(session, dump)
    return count


_TYPES: dict[ColumnKind, Any] = {
    "plain": sa.types.NullType(),
    "bytes": sa.LargeBinary(),
    "moment": Moment(),
    "json": sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"),
}


def _kind(column_type: sa.types.TypeEngine[Any]) -> ColumnKind:
    if isinstance(column_type, Moment):
        return "moment"
    if isinstance(column_type, sa.LargeBinary):
        return "bytes"
    return "json" if isinstance(column_type, sa.JSON) else "plain"


def _write(session: Session, query: sa.Select[Any], path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for row in session.execute(query.execution_options(yield_per=_STEP)):
            file.write(msgspec.json.encode(list(row)) + b"\n")
            count += 1
    return count


def _decode(kind: ColumnKind, value: Any) -> Any:
    if value is None or kind in ("plain", "json"):
        return value
    return base64.b64decode(value) if kind == "bytes" else datetime.fromisoformat(value)


def _insert(session: Session, table: sa.TableClause, batch: list[dict[str, Any]]) -> int:
    count = len(batch)
    if batch:
        session.execute(sa.insert(table), batch)
        batch.clear()
    return count


def _last_id(session: Session, table: sa.Table) -> int | None:
    if table.autoincrement_column is None:
        return None
    if session.dialect.name == "postgresql":
        sequence = session.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, "id")))
        return int(session.exec_driver_sql(f"SELECT last_value FROM {sequence}").scalar_one())  # noqa: S608 - its own name
    given = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    last = session.execute(given, {"name": table.name}).scalar()
    return int(last) if last is not None else session.scalar(sa.select(sa.func.max(table.c.id)))


def _raise_last_id(session: Session, dump: TableDump) -> None:
    """Let the next number be one that was never given."""
    if dump.last_id is None:
        return
    named = {"name": dump.name, "last": dump.last_id}
    if session.dialect.name == "postgresql":
        session.execute(sa.text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), named)
        return
    given = session.execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), named).scalar()
    if given is not None:
        session.execute(sa.text("UPDATE sqlite_sequence SET seq = max(seq, :last) WHERE name = :name"), named)
