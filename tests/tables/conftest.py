"""Tables made on the spot, and the real process that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from yungu.tables import LockedDuckDB, QueryResult, Rows, Summary, Table, TableFile, Tables, ending_of, format_of

SECONDS = 20
MEMORY_BYTES = 256 << 20


class Desk:
    """Makes files, and reads them with processes of its own."""

    def __init__(self, folder: Path, *, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self.folder = folder
        self.engine = LockedDuckDB(memory_bytes=memory_bytes, seconds=seconds)
        self.tables = Tables(self.engine, processes=1)

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def parquet(self, sql: str, name: str = "made.parquet") -> Path:
        path = self.folder / name
        duckdb.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
        return path

    def table(self, *paths: Path, is_proxied: bool = False) -> Table:
        """``is_proxied``: as content that is not a plain file, read by the server for the process."""
        files = [_file(path, is_proxied=is_proxied) for path in paths]
        form = format_of(paths[0].name)
        assert form is not None
        return Table(form, tuple(files))

    def rows(self, *paths: Path, offset: int = 0, count: int = 100, is_proxied: bool = False) -> Rows:
        return self.tables.rows(self.table(*paths, is_proxied=is_proxied), offset, count).result()

    def summary(self, *paths: Path) -> Summary:
        return self.tables.summary(self.table(*paths)).result()

    def query(self, sql: str, *paths: Path, **tables: Path) -> QueryResult:
        named = {name: self.table(path) for name, path in tables.items()}
        if paths:
            named["data"] = self.table(*paths)
        return self.tables.query(named, sql, most_rows=100).result()


def _file(path: Path, *, is_proxied: bool) -> TableFile:
    def read(start: int, end: int) -> bytes:
        return path.read_bytes()[start:end]

    source: Any = read if is_proxied else path
    return TableFile(f"{path}-{is_proxied}", ending_of(path.name), path.stat().st_size, source)


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**options: Any) -> Desk:
        made.append(Desk(tmp_path, **options))
        return made[-1]

    yield make
    for desk in made:
        desk.tables.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()
