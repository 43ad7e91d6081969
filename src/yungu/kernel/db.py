"""The facts: one database, SQLite or PostgreSQL, through SQLAlchemy Core.

A *session* is one open transaction. Domain functions take it as their first argument, never commit and never open
another one; whoever began the request or job commits:

    with database.write() as session:      # BEGIN IMMEDIATE on SQLite; committed at the end, rolled back on error
        hub.create_repo(session, ...)

    with database.read() as session:       # never writes, always rolled back
        hub.get_repo(session, ...)
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite

from yungu.kernel.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from yungu.kernel.prepared import Prepared

Session = sa.Connection
"""One open transaction (a Core connection): ``session.execute(select(...))``."""

T = TypeVar("T")
Rows = Sequence[Sequence[Any]]
_RECALLED = "yungu_recalled"
_TUNED = "yungu_tuned"
_BUSY_MILLISECONDS = 30_000
_MOST_RECALLED = 256  # findings of one connection

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""Every table of every domain; migrations are checked against it."""

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Integer primary keys: 64 bit, auto-incremented on both databases."""
OF_THIS_DATABASE = {"of_this_database": True}
"""``info`` of a column whose values mean nothing in another database: a dump leaves it out, its default returns."""


class ValueUnstorable(Invalid):
    """A number or text beyond what its column holds, or text with a NUL character (which PostgreSQL refuses)."""

    def __init__(self) -> None:
        super().__init__("A value in the request is too large, too long or holds a NUL character.")


class Moment(sa.TypeDecorator[datetime]):
    """An aware UTC datetime; stored naive in UTC on SQLite, ``timestamptz`` on PostgreSQL."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return as_utc(value)


def as_utc(value: datetime | None) -> datetime | None:
    """A moment as a database tells it, as everybody else knows it: aware, in UTC."""
    if value is None:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def columns(cls: type, *tables: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """The columns whose names are the fields of dataclass ``cls``, in order, so that ``cls(*row)`` reads a row."""
    found: list[sa.ColumnElement[Any]] = []
    for field in dataclasses.fields(cls):
        found.append(next(table.c[field.name] for table in tables if field.name in table.c))
    return found


def upsert(
    session: Session,
    table: sa.Table,
    rows: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[str],
    update: Sequence[str],
) -> None:
    """INSERT ... ON CONFLICT (keys) DO UPDATE SET update columns, on both databases; no update columns: DO NOTHING."""
    insert = sqlite.insert if session.dialect.name == "sqlite" else postgresql.insert
    statement: Any = insert(table)
    if update:
        statement = statement.on_conflict_do_update(
            index_elements=list(keys), set_={name: statement.excluded[name] for name in update}
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    session.execute(statement, rows)


class Busy(Unavailable):
    """Others are writing without a pause."""

    hint = "Try again in a moment."


class DatabaseAway(Unavailable):
    """The database does not answer, or not in time; nothing was changed."""

    hint = "Try again in a moment."

    def __init__(self) -> None:
        super().__init__("The database of the server does not answer.")


def is_away(error: BaseException) -> bool:
    """Whether ``error`` means that the database cannot be reached, is going down, or is locked for too long."""
    cause = getattr(error, "orig", error)
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, sa.exc.TimeoutError | sa.exc.OperationalError)


def recall(session: Session, statement: sa.Select[Any] | Prepared, **values: Any) -> Rows:
    """What ``statement``, one of those that stand in front of every request, finds; never to be changed by who gets it.
    See `remember`."""
    return remember(session, (statement, *values.values()), lambda: _ask(session, statement, values))


def remember(session: Session, key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
    """What ``make()`` makes of what it reads in this session; never to be changed by who gets it. ``key`` says all that
    it depends on beside the database.

    A reader of SQLite keeps what it found for as long as nobody writes to the database, which SQLite tells it at each
    BEGIN (https://www.sqlite.org/pragma.html#pragma_data_version); everybody else asks."""
    recalled: _Recalled | None = session.info.get(_RECALLED)
    found: T | None = recalled.found.get(key) if recalled and recalled.is_current else None
    if found is not None:
        return found
    if not session.in_transaction():
        session.begin()
    recalled = session.info.get(_RECALLED)
    if recalled is None or recalled.version is None:
        return make()
    found = recalled.found.get(key)
    if found is None:
        found = make()
        recalled.keep(key, found)
    return found


def derive(session: Session, key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
    """Like `remember`, for what ``make()`` makes of what is remembered itself, or never changes: unless it asks the
    database, no transaction begins."""
    recalled: _Recalled | None = session.info.get(_RECALLED)
    if recalled is None or not recalled.is_current:
        return remember(session, key, make)
    version, found = recalled.version, recalled.found.get(key)
    if found is None:
        found = make()
        if recalled.version == version:
            recalled.keep(key, found)
    return found


def _ask(session: Session, statement: sa.Select[Any] | Prepared, values: Mapping[str, Any]) -> Rows:
    if isinstance(statement, sa.Select):
        return session.execute(statement, values).all()
    return statement.all(session, values)


def exclude_writers(session: Session, *tables: sa.Table) -> None:
    """Until this transaction ends nobody else writes these tables, and what everybody has written is seen.

    SQLite has one writer anyway. On PostgreSQL this waits for those who are writing, but gives up before it could
    stand in anybody's way. Raises Busy."""
    if session.dialect.name != "postgresql":
        return
    names = ", ".join(table.name for table in tables)
    session.exec_driver_sql("SET LOCAL lock_timeout = '800ms'")  # below deadlock_timeout: others never pay for us
    try:
        session.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
    except sa.exc.OperationalError as error:
        raise Busy("The tables are being written without a pause.") from error
    session.exec_driver_sql("SET LOCAL lock_timeout = 0")


def new_id(result: sa.CursorResult[Any]) -> int:
    """The number that the database gave to the one row just inserted."""
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


class Database:
    """A pool of connections to one database.

    ``url``: ``sqlite:///path/to/file.db`` or ``postgresql+psycopg://user:password@host/name``."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = sa.create_engine(
            self.url, pool_size=pool_size, max_overflow=pool_size, pool_timeout=30, json_serializer=_to_json,
            json_deserializer=_from_json,
            pool_use_lifo=True,  # who was used last remembers most, see `recall`
        )  # fmt: skip
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(yungu_write=True)
        self._noting = self.engine.execution_options(yungu_write=True, yungu_note=True)
        self._glancer: Session | None = None
        self._noter: Session | None = None
        self.looked_through: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}  # see `events.listen`

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Raises ValueUnstorable."""
        try:
            with self.engine.connect() as session:
                yield session
        except (sa.exc.DataError, OverflowError) as error:
            raise ValueUnstorable from error

    @contextmanager
    def glance(self) -> Iterator[Session]:
        """Like ``read``, on a connection that is kept for it: for the event loop, which takes one glance at a time.

        On SQLite only. Where all is remembered, no transaction begins."""
        session, self._glancer = self._glancer or self.engine.connect(), None
        recalled = _recalled(session)
        try:
            recalled.see(_data_version(session))
            recalled.is_current = True
            yield session
        except (sa.exc.DataError, OverflowError) as error:
            raise ValueUnstorable from error
        finally:
            recalled.is_current = False
            session.rollback()
            self._glancer = session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Like ``read``, and nothing that others commit meanwhile is seen."""
        with self.engine.connect() as session:
            if not self.is_sqlite:  # SQLite never shows a reader anything else
                session = session.execution_options(isolation_level="REPEATABLE READ")
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Raises ValueUnstorable."""
        try:
            with self._writer.begin() as session:
                yield session
        except (sa.exc.DataError, OverflowError) as error:
            raise ValueUnstorable from error

    @contextmanager
    def note(self, *, lasts: bool, waits: bool = True) -> Iterator[Session]:
        """Like ``write``, on SQLite, on a connection that is kept for it: for one at a time, who writes nothing that
        `recall` remembers. It may ask `recall`, too: SQLite tells it when anybody else has written.

        Not ``lasts``: what is written outlives the process, but a loss of power only once something that lasts was
        written after it, by whomever; until then it is not synced to disk
        (https://www.sqlite.org/pragma.html#pragma_synchronous), nor does it tidy up after others. Not ``waits``: raises
        at once, see `is_away`, while somebody else is writing. It may end in another thread than it began in. Raises
        ValueUnstorable."""
        session, self._noter = self._noter or self._noting.connect(), None
        driver = _driver(session)
        try:
            if not session.in_transaction():
                session.begin()  # stays so: what begins and ends here is the driver's
            _tune(session, synchronous="FULL" if lasts else "NORMAL", wal_autocheckpoint=1000 if lasts else 0)
            _tune(session, busy_timeout=_BUSY_MILLISECONDS if waits else 0)
            driver.execute("BEGIN IMMEDIATE")
            _recalled(session).see(_data_version(session))
            yield session
            driver.commit()
        except BaseException as error:
            if is_away(error) and not driver.in_transaction:
                self._noter = session
                raise
            session.invalidate()  # nobody else may get a connection that does not sync
            session.close()
            if isinstance(error, sa.exc.DataError | OverflowError):
                raise ValueUnstorable from error
            raise
        self._noter = session

    def close(self) -> None:
        for kept in (self._glancer, self._noter):
            if kept is not None:
                kept.invalidate()
                kept.close()
        self.engine.dispose()


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _from_json(text: str | bytes) -> Any:
    """Four times as fast as ``json.loads``, which takes what is no JSON to others: NaN."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-16384",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@dataclasses.dataclass(slots=True)
class _Recalled:
    """What one connection to SQLite remembers of the ``version`` of the database that it sees; None: it is writing.
    ``is_current``: also outside of transactions."""

    version: int | None = None
    found: dict[tuple[Hashable, ...], Any] = dataclasses.field(default_factory=dict)
    is_current: bool = False

    def see(self, version: int | None) -> None:
        if version is None or version != self.version:
            self.version, self.found = version, {}

    def keep(self, key: tuple[Hashable, ...], found: Any) -> None:
        if len(self.found) >= _MOST_RECALLED:
            self.found.clear()
        self.found[key] = found


def _recalled(session: Session) -> _Recalled:
    found: _Recalled = session.info.setdefault(_RECALLED, _Recalled())
    return found


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("yungu_note"):
        return  # see `Database.note`
    if options.get("yungu_write"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _recalled(connection).see(None)
        return
    _driver(connection).execute("BEGIN")  # in every request; by way of SQLAlchemy it takes ten times as long
    _recalled(connection).see(_data_version(connection))


def _tune(connection: sa.Connection, **pragmas: object) -> None:
    """Let the connection have other settings than before, if it has."""
    tuned: dict[str, object] = connection.info.setdefault(_TUNED, {})
    for name, value in pragmas.items():
        if tuned.get(name) != value:
            _driver(connection).execute(f"PRAGMA {name}={value}")
            tuned[name] = value


def _data_version(connection: sa.Connection) -> int:
    """Another one whenever somebody else has written since this connection was asked before."""
    (version,) = _driver(connection).execute("PRAGMA data_version").fetchone()
    return int(version)


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.dbapi_connection
