"""Transactions, moments, events and pages, the same on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from yungu.accounts.models import owners
from yungu.kernel import clock, pages
from yungu.kernel.db import Database, Session, ValueUnstorable, derive, recall, remember, upsert
from yungu.kernel.events import Event, events, record


class TeaPoured(Event, frozen=True, kw_only=True):
    cups: int
    words: str = ""


def add(session: Session, name: str, **values: object) -> None:
    row = {"kind": "user", "name": name, "key": name, "created_at": clock.now(), "is_admin": False}
    session.execute(sa.insert(owners).values(row | {"full_name": name, "default_visibility": "public"} | values))


def names(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(sa.select(owners.c.name).order_by(owners.c.id)))


def test_what_is_written_is_there_afterwards(database: Database) -> None:
    with database.write() as session:
        add(session, "lin")
    assert names(database) == ["lin"]


def test_an_error_takes_everything_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        add(session, "lin")
        raise ZeroDivisionError
    assert names(database) == []


def test_a_read_never_writes(database: Database) -> None:
    with database.read() as session:
        add(session, "lin")
    assert names(database) == []


def test_nobody_sees_what_is_not_committed(database: Database) -> None:
    with database.write() as session:
        add(session, "lin")
        assert names(database) == []


def test_concurrent_writers_wait_for_each_other(database: Database) -> None:
    def write(number: int) -> None:
        with database.write() as session:
            count = session.scalar(sa.select(sa.func.count()).select_from(owners))
            add(session, f"n{number}", full_name=str(count))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(names(database)) == [f"n{number}" for number in range(8)]


def test_a_value_that_no_column_holds_is_an_invalid_request_and_not_a_crash(database: Database) -> None:
    with pytest.raises(ValueUnstorable), database.write() as session:
        session.execute(sa.select(owners).where(owners.c.id == 2**80))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_nul_character_is_an_invalid_request_where_it_cannot_be_stored(database: Database) -> None:
    with pytest.raises(ValueUnstorable), database.read() as session:
        session.execute(sa.select(owners).where(owners.c.key == "a\0b"))


def test_a_moment_comes_back_aware_in_utc_to_the_microsecond(database: Database) -> None:
    noon = datetime(2026, 11, 22, 20, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    with database.write() as session:
        add(session, "lin", created_at=noon)
        back = session.scalar(sa.select(owners.c.created_at))
    assert back == noon
    assert back.tzinfo is UTC


def test_an_upsert_inserts_then_updates_only_what_it_is_told_to(database: Database) -> None:
    row = {"kind": "user", "name": "lin", "key": "lin", "full_name": "Lin", "created_at": clock.now()}
    row |= {"is_admin": False, "default_visibility": "public"}
    with database.write() as session:
        upsert(session, owners, row, keys=["key"], update=[])
        upsert(session, owners, row | {"name": "LIN", "full_name": "L"}, keys=["key"], update=["full_name"])
        upsert(session, owners, row | {"full_name": "nothing"}, keys=["key"], update=[])
        assert session.execute(sa.select(owners.c.name, owners.c.full_name)).all() == [("lin", "L")]


def test_an_event_is_a_row_with_its_payload_and_its_cause(database: Database) -> None:
    with database.write() as session:
        first = record(session, TeaPoured(cups=2, words="请"), actor_id=7, repo_id=8)
        second = record(session, TeaPoured(cups=1), actor_id=None, caused_by=first)
        columns = [events.c[name] for name in ("id", "kind", "actor_id", "repo_id", "caused_by", "payload")]
        rows = session.execute(sa.select(*columns).order_by(events.c.id)).all()
    assert rows == [
        (first, "TeaPoured", 7, 8, None, {"cups": 2, "words": "请"}),
        (second, "TeaPoured", None, None, first, {"cups": 1, "words": ""}),
    ]


def test_an_event_of_a_failed_change_was_never_there(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        record(session, TeaPoured(cups=2), actor_id=None)
        raise ZeroDivisionError
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(events)) == 0


def test_a_cursor_reads_back_as_what_it_was_made_of() -> None:
    now = clock.now()
    assert pages.decode_cursor(pages.encode_cursor(now, 7, "茶"), datetime, int, str) == (now, 7, "茶")


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "W10", "茶", "WyJhIiwxXQ", pages.encode_cursor(1, 2, 3)])
def test_a_cursor_that_we_did_not_make_is_refused(cursor: str) -> None:
    with pytest.raises(pages.CursorInvalid):
        pages.decode_cursor(cursor, float, int)


def test_a_moment_is_told_in_milliseconds_with_a_z() -> None:
    moment = datetime(2026, 11, 22, 20, 0, 0, 7999, tzinfo=timezone(timedelta(hours=8)))
    assert clock.iso(moment) == "2026-11-22T12:00:00.007Z"


COUNT = sa.select(sa.func.count()).select_from(owners).where(owners.c.key != sa.bindparam("but"))


def recalled(database: Database) -> int:
    with database.read() as session:
        return int(recall(session, COUNT, but="nobody")[0][0])


def test_what_is_recalled_is_what_is_there_whoever_wrote_it(database: Database) -> None:
    assert [recalled(database), recalled(database)] == [0, 0]
    for number, writer in enumerate([database, Database(database.url.render_as_string(hide_password=False))] * 2, 1):
        with writer.write() as session:
            assert recall(session, COUNT, but="nobody")[0][0] == number - 1
            add(session, f"n{number}")
            assert recall(session, COUNT, but="nobody")[0][0] == number
        assert [recalled(database), recalled(database)] == [number, number]


def test_nothing_is_recalled_of_what_was_taken_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        add(session, "lin")
        assert recall(session, COUNT, but="nobody")[0][0] == 1
        raise ZeroDivisionError
    assert recalled(database) == 0


def test_a_reader_sees_one_state_from_its_first_question_on(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL shows a reader what was committed meanwhile")
    with database.read() as session:
        assert recall(session, COUNT, but="nobody")[0][0] == 0
        with database.write() as other:
            add(other, "lin")
        assert recall(session, COUNT, but="somebody")[0][0] == 0
    assert recalled(database) == 1


def test_a_reader_of_sqlite_asks_once_until_somebody_writes(database: Database) -> None:
    asked: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert [recalled(database) for _ in range(3)] == [0, 0, 0]
    assert len(asked) == (1 if database.is_sqlite else 3)
    with database.write() as session:
        add(session, "lin")
    asked.clear()
    assert [recalled(database) for _ in range(3)] == [1, 1, 1]
    assert len(asked) == (1 if database.is_sqlite else 3)


def test_a_glance_sees_what_was_committed_before_it_and_asks_once_until_somebody_writes(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("nobody glances at PostgreSQL")
    asked: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def made(session: Session) -> tuple[int, int]:
        return tuple(session.execute(COUNT, {"but": but}).scalar_one() for but in ("nobody", "n0"))

    for number in range(3):
        asked.clear()
        for _ in range(3):
            with database.glance() as session:
                assert remember(session, ("counted",), lambda: made(session)) == (number, max(number - 1, 0))
        assert len(asked) == 2
        with database.write() as session:
            add(session, f"n{number}")


def test_who_is_in_a_glance_makes_nothing_of_two_states(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("nobody glances at PostgreSQL")

    def pair(session: Session) -> tuple[int, int]:
        return recall(session, COUNT, but="nobody")[0][0], recall(session, COUNT, but="somebody")[0][0]

    with database.glance() as session:
        assert recall(session, COUNT, but="nobody")[0][0] == 0
    with database.glance() as session:
        assert recall(session, COUNT, but="nobody")[0][0] == 0
        with database.write() as other:
            add(other, "lin")
        assert remember(session, ("pair",), lambda: pair(session)) == (1, 1)


def test_who_writes_again_and_again_recalls_what_is_there_whoever_wrote_it(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL has many writers")
    asked: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for number, writer in enumerate([database, Database(database.url.render_as_string(hide_password=False))] * 2):
        asked.clear()
        for lasts in (True, False, False):
            with database.note(lasts=lasts) as session:
                assert recall(session, COUNT, but="nobody")[0][0] == number
        assert len(asked) == 1
        with writer.write() as session:
            add(session, f"n{number}")


def test_only_what_need_not_last_is_not_synced(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("it is SQLite that syncs at each commit")

    def level(session: Session) -> int:
        return int(session.exec_driver_sql("PRAGMA synchronous").scalar_one())

    for lasts in (False, True, False):
        with database.note(lasts=lasts) as session:
            assert level(session) == (2 if lasts else 1)
    with pytest.raises(ZeroDivisionError), database.note(lasts=False) as session:
        add(session, "lin")
        raise ZeroDivisionError
    assert recalled(database) == 0
    with database.write() as one, database.read() as other:
        assert [level(one), level(other)] == [2, 2]
    with database.note(lasts=True) as session:
        assert level(session) == 2


def test_what_is_derived_at_a_glance_begins_nothing_and_is_forgotten_when_somebody_writes(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("nobody glances at PostgreSQL")
    for number in range(3):
        for made in (number, "not made again"):
            with database.glance() as session:
                assert derive(session, ("derived",), lambda made=made: made) == number
                assert not session.in_transaction()
        with database.write() as session:
            add(session, f"n{number}")


def test_what_is_derived_while_somebody_writes_is_not_kept(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("nobody glances at PostgreSQL")

    def overtaken(session: Session) -> int:
        with database.write() as other:
            add(other, "lin")
        return int(recall(session, COUNT, but="nobody")[0][0])

    with database.glance() as session:
        assert derive(session, ("derived",), lambda: overtaken(session)) == 1
        assert derive(session, ("derived",), lambda: "made again") == "made again"
