"""Statements of every request, run without what SQLAlchemy does for each execution: that costs more than SQLite does.

    _FIND = Prepared(sa.select(t.c.name).where(t.c.id == sa.bindparam("id")))
    _FIND.first(session, {"id": 7})
    _ADD = Prepared(sa.insert(t).returning(t.c.id), columns=("name",))
    _ADD.first(session, {"name": "lin"})

The text and the types of a statement are worked out once for each kind of database. Values go through the same types as
always; rows are plain tuples. Lists of unknown length (``in_``) and defaults of columns are not possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from yungu.kernel.db import Session

Values = Mapping[str, Any]
Row = tuple[Any, ...]
_Process = Callable[[Any], Any]


class Prepared:
    """``statement``: a Core statement, or what makes one for the name of a dialect. ``columns``: which an INSERT or
    UPDATE sets."""

    def __init__(
        self, statement: sa.Executable | Callable[[str], sa.Executable], *, columns: Sequence[str] | None = None
    ) -> None:
        self._statement = statement
        self._columns = columns
        self._made: dict[str, _Made] = {}

    def all(self, session: Session, values: Values) -> list[Row]:
        """Every row. Raises what SQLAlchemy would: `sqlalchemy.exc.DBAPIError`."""
        made = self._for(session)
        return made.read(self._run(session, made, made.bind(values)).fetchall())

    def first(self, session: Session, values: Values) -> Row | None:
        """The first row, None when there is none."""
        found = self.all(session, values)
        return found[0] if found else None

    def run(self, session: Session, values: Values) -> int:
        """How many rows were changed."""
        made = self._for(session)
        return int(self._run(session, made, made.bind(values)).rowcount)

    def run_each(self, session: Session, many: Iterable[Values]) -> None:
        """Once for each of ``many``, in their order."""
        made = self._for(session)
        for values in many:
            self._run(session, made, made.bind(values))

    def _for(self, session: Session) -> _Made:
        name = session.dialect.name
        if name not in self._made:
            self._made[name] = _Made(self._statement, self._columns, session.dialect)
        return self._made[name]

    @staticmethod
    def _run(session: Session, made: _Made, values: Any) -> Any:
        if not session.in_transaction():
            session.begin()
        driver: Any = session.connection.dbapi_connection
        try:
            return driver.execute(made.text, values)
        except made.errors.Error as error:
            raise sa.exc.DBAPIError.instance(
                made.text, values, error, made.errors.Error, dialect=session.dialect
            ) from error


class _Made:
    """A statement for one kind of database. ``errors``: the driver's module, for its exceptions."""

    def __init__(self, statement: Any, columns: Sequence[str] | None, dialect: sa.Dialect) -> None:
        statement = statement if isinstance(statement, sa.Executable) else statement(dialect.name)
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        assert not getattr(compiled, "insert_prefetch", ()), "every column with a default must be given"
        self.text = str(compiled)
        self.errors: Any = dialect.loaded_dbapi
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._is_by_place = compiled.positiontup is not None
        binds = {name: _bind(bind.type, dialect) for bind, name in compiled.bind_names.items()}
        self._plan = [(name, binds[name]) for name in compiled.positiontup or binds]
        returned = getattr(statement, "exported_columns", ())
        found = [(place, _result(column.type, dialect)) for place, column in enumerate(returned)]
        self._results = [(place, process) for place, process in found if process]

    def bind(self, values: Values) -> Any:
        """The values as the driver takes them."""
        given = {**self._constants, **values} if self._constants else values
        if self._is_by_place:
            return [process(given[name]) if process else given[name] for name, process in self._plan]
        return {name: process(given[name]) if process else given[name] for name, process in self._plan}

    def read(self, rows: list[Row]) -> list[Row]:
        """The rows as their columns' types make them."""
        if not self._results:
            return rows
        found = []
        for row in rows:
            values = list(row)
            for place, process in self._results:
                values[place] = process(values[place])
            found.append(tuple(values))
        return found


def _bind(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> _Process | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _result(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> _Process | None:
    if isinstance(kind, sa.Float):
        return None  # both drivers give floats; SQLAlchemy would have to see the column first
    return kind.dialect_impl(dialect).result_processor(dialect, None)
