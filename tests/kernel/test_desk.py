"""Small writes of many share a commit, and nobody waits in the event loop for anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from support.loops import run_async
from yungu.accounts.models import owners
from yungu.kernel import clock
from yungu.kernel.db import Database, Session
from yungu.kernel.desk import Desk
from yungu.kernel.errors import Denied


@pytest.fixture
def desk(database: Database) -> Desk:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL has many writers")
    return Desk(database)


def adding(name: str, error: Exception | None = None) -> Callable[[Session], str]:
    def add(session: Session) -> str:
        row = {"kind": "user", "name": name, "key": name, "created_at": clock.now(), "is_admin": False}
        session.execute(sa.insert(owners).values(row | {"full_name": name, "default_visibility": "public"}))
        if error is not None:
            raise error
        return name

    return add


def names(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.scalars(sa.select(owners.c.name)))


@pytest.mark.parametrize("error", [Denied("no"), ZeroDivisionError()], ids=["refused", "broken"])
@pytest.mark.parametrize("lasts", [True, False])
def test_what_fails_undoes_itself_and_nothing_else(
    desk: Desk, database: Database, error: Exception, lasts: bool
) -> None:
    async def write() -> list[object]:
        works = [adding("lin"), adding("mei", error), adding("hua")]
        told = await asyncio.gather(*(desk.write(work, lasts=lasts) for work in works), return_exceptions=True)
        await desk.close()
        return list(told)

    assert run_async(write()) == ["lin", error, "hua"]
    assert names(database) == {"lin", "hua"}


@pytest.mark.parametrize("lasts", [True, False])
def test_the_event_loop_goes_on_while_somebody_else_writes(desk: Desk, database: Database, lasts: bool) -> None:
    async def write() -> set[str]:
        with database.write() as session:
            adding("lin")(session)
            mine = [asyncio.create_task(desk.write(adding(name), lasts=lasts)) for name in ("mei", "hua")]
            for _ in range(50):
                await asyncio.sleep(0.001)
            assert not any(task.done() for task in mine)
        written = set(await asyncio.gather(*mine))
        await desk.close()
        return written

    assert run_async(write()) == {"mei", "hua"}
    assert names(database) == {"lin", "mei", "hua"}


def test_what_was_asked_for_is_written_though_nobody_waits_for_it_any_more(desk: Desk, database: Database) -> None:
    async def write() -> None:
        leaving = asyncio.create_task(desk.write(adding("lin")))
        await asyncio.sleep(0)
        leaving.cancel()
        await desk.close()

    run_async(write())
    assert names(database) == {"lin"}


def test_a_desk_serves_one_event_loop_after_the_other(desk: Desk, database: Database) -> None:
    for name in ("lin", "mei"):
        assert run_async(desk.write(adding(name))) == name
    assert names(database) == {"lin", "mei"}
