"""Tables in files: rows, facts about columns and read-only SQL, without loading whole files and without trusting them.

    from yungu.tables import LockedDuckDB, Table, TableFile, Tables

    tables = Tables(LockedDuckDB(memory_bytes=512 << 20, seconds=20), processes=2)
    table = Table("csv", (TableFile(sha256, ".csv", size_bytes, path),))
    tables.rows(table, 0, 100).result().rows
    tables.query({"data": table}, "SELECT count(*) FROM data", most_rows=10).result().rows.rows

Files and queries are hostile: both are looked at by a process that can do nothing else, see `yungu.tables.locked`."""

from yungu.tables.backends import MOST_FILES, Engine, LockedDuckDB
from yungu.tables.errors import (
    QueryInvalid,
    QueryRefused,
    TablesBusy,
    TablesOff,
    TableUnreadable,
    TooLong,
    TooMuchMemory,
)
from yungu.tables.kept import Tables
from yungu.tables.models import Bar, Column, ColumnFacts, Format, QueryResult, Rows, Summary, Table, TableFile
from yungu.tables.queries import MOST_QUERY_CHARACTERS
from yungu.tables.rules import ending_of, format_of, quote_name

__all__ = [
    "MOST_FILES",
    "MOST_QUERY_CHARACTERS",
    "Bar",
    "Column",
    "ColumnFacts",
    "Engine",
    "Format",
    "LockedDuckDB",
    "QueryInvalid",
    "QueryRefused",
    "QueryResult",
    "Rows",
    "Summary",
    "Table",
    "TableFile",
    "TableUnreadable",
    "Tables",
    "TablesBusy",
    "TablesOff",
    "TooLong",
    "TooMuchMemory",
    "ending_of",
    "format_of",
    "quote_name",
]
