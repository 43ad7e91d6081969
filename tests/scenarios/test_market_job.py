"""A draft for the whole market is a job: it says how far it is, can be cancelled, and is done beside long jobs."""

from __future__ import annotations

import pytest

from support.lists import MODEL, TEA, Lists
from support.loops import run_async
from support.world import World
from yungu import compute
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.app.matcher import work_out_market
from yungu.compute import CallLimits, Job, JobTerms
from yungu.compute.backends.isolation import LocalCells
from yungu.compute.backends.upstream import Servers, Upstreams
from yungu.compute.jobs import Workshop, do_now, run
from yungu.scenarios import RoleNeeded, matching
from yungu.scenarios.matching import MarketBusy, Rules


@pytest.fixture
def asked(lists: Lists, lin: Actor, mei: Actor, expert: Actor, operator: Actor) -> Job:
    """Both lists have an item, and the operator wants a draft."""
    lists.publish(lists.post(mei, MODEL), mei, expert=expert, operator=operator)
    lists.publish(lists.post(lin, TEA), lin, expert=expert, operator=operator)
    return ask(lists, operator)


def ask(lists: Lists, by: Actor) -> Job:
    return lists.write(matching.ask_market, Rules(shortlist=3), by, JobTerms(second_price=5))


def shop_of(site: Site, *, slots: int = 1) -> Workshop:
    async def task(course: compute.jobs.course.Course) -> dict[str, object]:
        return await work_out_market(site, course)

    cells, pool = LocalCells(site.store.root / "cells"), Upstreams(site.secret)
    tasks = {"market": task}
    return Workshop(site.db, site.git, site.store, cells, pool, Servers(), JobTerms(), CallLimits(), slots, tasks)


def test_the_draft_is_worked_out_logged_and_free(world: World, lists: Lists, asked: Job, operator: Actor) -> None:
    with pytest.raises(MarketBusy):
        ask(lists, operator)
    done = run_async(do_now(shop_of(world.site), asked.id))
    assert (done.kind, done.state, done.done_count, done.total_count, done.cost) == ("task", "succeeded", 7, 7, 0)
    assert done.result is not None
    found = lists.read(matching.get_run, done.result["run_id"])
    assert (found.state, found.made_by, found.inputs["rules"]["shortlist"]) == ("draft", operator.id, 3)
    assert [fact.kind for fact in lists.facts() if fact.id == found.caused_by] == ["JobStarted"]
    log = "".join(compute.iter_log(world.site.store, done))
    assert all(step in log for step in ("reading", "judging", "choosing", "comparing", "writing", "succeeded"))
    assert run_async(do_now(shop_of(world.site), asked.id)) == done, "what has ended is not done again"


def test_nobody_but_an_operator_asks_and_what_is_cancelled_writes_nothing(
    world: World, lists: Lists, asked: Job, lin: Actor, operator: Actor
) -> None:
    with pytest.raises(RoleNeeded):
        ask(lists, lin)
    with pytest.raises(compute.JobNotFound):
        lists.write(compute.cancel_job, asked.id, lin)
    told: list[str] = []

    def tell(what: str, _done: int, _total: int) -> None:
        told.append(what)

    with pytest.raises(Exception) as stopped:
        matching.work_out(world.site.db, world.site.markets, asked, tell, lambda: len(told) == 3)
    assert type(stopped.value).__name__ == "_Stopped" and told == ["reading", "judging", "choosing"]
    lists.write(compute.cancel_job, asked.id, operator)
    assert run_async(do_now(shop_of(world.site), asked.id)).state == "cancelled"
    assert lists.read(matching.list_runs) == []
    assert ask(lists, operator).id != asked.id


def test_a_task_of_the_hub_does_not_wait_for_a_slot(world: World, lists: Lists, asked: Job) -> None:
    async def until_done() -> Job:
        import asyncio

        working = asyncio.create_task(run(shop_of(world.site, slots=0)))
        try:
            while (found := lists.read(compute.find_job, asked.id)) is None or found.state in compute.OPEN_JOBS:
                await asyncio.sleep(0.02)
            return found
        finally:
            working.cancel()
            await asyncio.wait([working])

    assert run_async(until_done()).state == "succeeded"
