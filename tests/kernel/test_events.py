"""Listeners read every fact once and in order, whoever writes, dies or reads beside them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from yungu.kernel import events
from yungu.kernel.db import Database, Session
from yungu.kernel.events import Event, Fact, find_end, listen, read_after, record


class TeaPoured(Event, frozen=True, kw_only=True):
    cups: int


class LeafPicked(Event, frozen=True, kw_only=True):
    pass


def pour(database: Database, *cups: int) -> None:
    for count in cups:
        with database.write() as session:
            record(session, TeaPoured(cups=count), actor_id=None)


def cups(facts: Sequence[Fact]) -> list[int]:
    return [fact.payload["cups"] for fact in facts]


def read(database: Database, position: events.Position = events.START, limit: int = 100) -> Sequence[Fact]:
    with database.read() as session:
        return read_after(session, position, limit=limit, kinds=["TeaPoured"])


def test_a_reader_goes_on_where_it_stopped(database: Database) -> None:
    pour(database, 1, 2, 3)
    first = read(database, limit=2)
    assert cups(first) == [1, 2]
    assert cups(read(database, first[-1].position)) == [3]


def test_a_reader_gets_only_the_kinds_it_asked_for(database: Database) -> None:
    with database.write() as session:
        record(session, LeafPicked(), actor_id=None)
    pour(database, 1)
    assert cups(read(database)) == [1]


def test_who_begins_at_the_end_hears_only_what_comes(database: Database) -> None:
    pour(database, 1)
    with database.read() as session:
        end = find_end(session)
    pour(database, 2)
    assert cups(read(database, end)) == [2]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_fact_that_is_committed_late_is_not_jumped_over(database: Database) -> None:
    with database.write() as slow:
        record(slow, TeaPoured(cups=1), actor_id=None)
        pour(database, 2)
        assert read(database) == []
    assert cups(read(database)) == [1, 2]


def test_a_listener_hears_each_fact_once(database: Database) -> None:
    heard: list[int] = []
    pour(database, 1, 2, 3)

    def hear(_session: Session, facts: Sequence[Fact]) -> None:
        heard.extend(cups(facts))

    counts = [listen(database, "cups", hear, kinds=["TeaPoured"], limit=2) for _ in range(3)]
    assert (heard, counts) == ([1, 2, 3], [2, 1, 0])


def test_a_listener_that_fails_hears_the_fact_again_and_has_written_nothing(database: Database) -> None:
    pour(database, 1)

    def write_and_fail(session: Session, _facts: Sequence[Fact]) -> None:
        record(session, LeafPicked(), actor_id=None)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        listen(database, "cups", write_and_fail, kinds=["TeaPoured"])
    with database.read() as session:
        assert read_after(session, events.START, limit=9, kinds=["LeafPicked"]) == []
    heard: list[int] = []
    assert listen(database, "cups", lambda _, facts: heard.extend(cups(facts)), kinds=["TeaPoured"]) == 1
    assert heard == [1]


def test_listeners_of_one_name_in_many_threads_share_the_facts(database: Database) -> None:
    pour(database, *range(30))
    heard: list[int] = []

    def work() -> None:
        while listen(database, "cups", lambda _, facts: heard.extend(cups(facts)), kinds=["TeaPoured"], limit=3):
            pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == list(range(30))
