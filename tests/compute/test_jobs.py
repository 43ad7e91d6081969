"""The queue: every job is done by one worker, whatever dies, in an order that is fair, and paid exactly once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.purse import Clock, Purse
from support.world import World
from yungu import compute, credits
from yungu.accounts import ANONYMOUS, Actor
from yungu.compute import EvaluationSpec, Job, JobTerms, Progress, RepoPlace
from yungu.compute.service import jobs as queue
from yungu.kernel import clock
from yungu.kernel.events import read_after

PRICE = 1000
TERMS = JobTerms(second_price=PRICE)


class Queue:
    """Jobs in one line each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.purse = Purse(world.site.db)
        self.purse.write(lambda s: credits.fund_budget(s, "pot", 10**9, key="pot", by=None))

    def ask(self, actor: Actor, *, budget: int = 10 * PRICE, **more: Any) -> Job:
        dataset = RepoPlace(1, "datasets/lin/set", "0" * 40, "data.jsonl")
        spec = EvaluationSpec(dataset, program=RepoPlace(2, "lin/tea", "0" * 40), metric="accuracy")
        terms = more.pop("terms", TERMS)
        assert actor.user is not None
        return self.world.write_in(
            queue.ask,
            spec,
            actor,
            more.pop("payer", actor.user),
            budget,
            terms,
            use=credits.Use("job", "lin/tea"),
            **more,
        )

    def claim(self, worker: str = "w1") -> Job | None:
        return self.world.write_in(queue.claim_job, worker)

    def beat(self, job: Job, *, seconds: float = 0.0, worker: str = "w1", **more: Any) -> bool:
        return self.world.write_in(queue.beat, job.id, worker, progress(seconds, **more))

    def end(self, job: Job, *, seconds: float = 0.0, worker: str = "w1", **more: Any) -> Job:
        return self.world.write_in(queue.end_job, job.id, worker, "succeeded", "", progress(seconds), **more)

    def now(self, job: Job) -> Job:
        found = self.world.read_in(compute.find_job, job.id)
        assert found is not None
        return found

    def tend(self) -> int:
        return self.world.write_in(queue.tend_jobs, clock.now())


def progress(seconds: float, checkpoint: dict[str, Any] | None = None) -> Progress:
    return Progress(3, 10, "answering", seconds, 0, checkpoint or {})


@pytest.fixture
def jobs(world: World) -> Queue:
    return Queue(world)


@pytest.fixture
def rich(jobs: Queue, lin: Actor) -> Actor:
    assert lin.id is not None
    jobs.purse.grant(lin.id, 1000 * PRICE)
    return lin


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The hand of a clock that a test moves."""
    held = Clock()
    monkeypatch.setattr(clock, "now", held)
    return held


def test_a_job_is_held_done_and_settled_and_every_step_knows_its_cause(jobs: Queue, rich: Actor) -> None:
    asked = jobs.ask(rich, budget=10 * PRICE)
    begun = jobs.claim()

    assert begun is not None and (begun.id, begun.state, begun.attempts) == (asked.id, "running", 1)
    assert jobs.claim() is None
    assert jobs.beat(begun, seconds=1.5, checkpoint={"line": 3})
    assert (jobs.now(asked).done_count, jobs.now(asked).checkpoint) == (3, {"line": 3})
    ended = jobs.end(begun, seconds=2.5, result={"value": 0.9})

    assert ended == jobs.now(asked)
    assert (ended.state, ended.cost, ended.result) == ("succeeded", 2500, {"value": 0.9})
    with jobs.world.site.db.read() as session:
        facts = {fact.kind: fact for fact in read_after(session, (0, 0), limit=100) if "Job" in fact.kind}
        held = credits.get_hold(session, asked.hold_id or 0)
    assert facts["JobStarted"].caused_by == facts["JobAsked"].id
    assert facts["JobEnded"].caused_by == facts["JobStarted"].id
    assert facts["JobEnded"].payload == {"job_id": asked.id, "state": "succeeded", "cost": 2500}
    assert (held.state, held.settled_amount, held.amount) == ("settled", 2500, 10 * PRICE)
    jobs.purse.check()


def test_an_owner_with_many_jobs_does_not_keep_others_waiting(jobs: Queue, rich: Actor, mei: Actor) -> None:
    assert mei.id is not None
    jobs.purse.grant(mei.id, 1000 * PRICE)
    many = [jobs.ask(rich).id for _ in range(4)]
    first = jobs.claim()
    few = [jobs.ask(mei).id for _ in range(2)]
    urgent = jobs.ask(mei, priority=-1).id
    order = [job.id for job in iter(jobs.claim, None)]

    assert first is not None and first.id == many[0]
    assert order == [urgent, many[1], few[0], many[2], few[1], many[3]]


def test_a_job_of_a_dead_worker_goes_on_from_its_checkpoint_until_it_was_tried_too_often(
    hand: Clock, jobs: Queue, rich: Actor
) -> None:
    asked = jobs.ask(rich)
    for attempt in range(1, queue.MOST_ATTEMPTS + 1):
        begun = jobs.claim(f"w{attempt}")
        assert begun is not None and begun.attempts == attempt
        assert begun.checkpoint == ({"line": attempt - 1} if attempt > 1 else {})
        assert jobs.beat(begun, worker=f"w{attempt}", seconds=attempt, checkpoint={"line": attempt})
        assert jobs.tend() == 0
        hand.move(seconds=21)
        assert jobs.tend() == 1
        with pytest.raises(compute.LeaseLost):
            jobs.end(begun, worker=f"w{attempt}")

    ended = jobs.now(asked)
    assert (ended.state, ended.cost) == ("failed", 5 * PRICE)
    assert "given up after 5 attempts" in ended.message
    jobs.purse.check()


def test_workers_at_the_same_time_never_do_the_same_job(jobs: Queue, rich: Actor) -> None:
    asked = {jobs.ask(rich).id for _ in range(24)}

    def work(name: str) -> list[int]:
        return [job.id for job in iter(lambda: jobs.claim(name), None)]

    with ThreadPoolExecutor(4) as pool:
        done = [number for found in pool.map(work, ["a", "b", "c", "d"]) for number in found]

    rest = [job.id for job in iter(jobs.claim, None)]  # where all rows were locked at once, a worker found none
    assert sorted(done + rest) == sorted(asked)


def test_who_cancels_a_waiting_job_has_the_credits_back_and_a_running_one_is_told(jobs: Queue, rich: Actor) -> None:
    running, waiting = jobs.ask(rich), jobs.ask(rich)
    begun = jobs.claim()
    assert begun is not None and begun.id == running.id

    cancelled = jobs.world.write_in(compute.cancel_job, waiting.id, rich)
    assert (cancelled.state, cancelled.cost) == ("cancelled", 0)
    assert jobs.world.write_in(compute.cancel_job, waiting.id, rich).state == "cancelled"
    assert jobs.world.write_in(compute.cancel_job, running.id, rich).state == "running"
    assert not jobs.beat(begun)
    ended = jobs.world.write_in(queue.end_job, running.id, "w1", "cancelled", "It was cancelled.", progress(1))

    assert (ended.state, ended.cost) == ("cancelled", PRICE)
    wallet = jobs.purse.read(lambda s: credits.get_wallet(s, rich.id or 0))
    assert (wallet.vouchers, wallet.held) == (999 * PRICE, 0)


def test_a_job_never_costs_more_than_its_budget(jobs: Queue, rich: Actor) -> None:
    asked = jobs.ask(rich, budget=2 * PRICE)
    begun = jobs.claim()
    assert begun is not None

    assert jobs.end(begun, seconds=3600).cost == 2 * PRICE
    assert jobs.now(asked).used_seconds == 3600
    jobs.purse.check()


def test_a_worker_that_stops_puts_the_job_back_as_if_it_had_not_been_tried(jobs: Queue, rich: Actor) -> None:
    jobs.ask(rich)
    begun = jobs.claim()
    assert begun is not None
    jobs.world.write_in(queue.put_back, begun.id, "w1", progress(1, {"line": 3}))
    again = jobs.claim("w2")

    assert again is not None and (again.attempts, again.checkpoint, again.used_seconds) == (1, {"line": 3}, 1)


def test_who_has_nothing_to_do_with_a_job_does_not_find_it(jobs: Queue, rich: Actor, mei: Actor) -> None:
    world = jobs.world
    club = world.organization("club", admin=mei, write=[rich])
    jobs.purse.grant(club.id, 100 * PRICE)
    private = world.repo("mei/set", by=mei, kind="dataset", visibility="private")
    own = jobs.ask(world.actor("lin"))
    paid = jobs.ask(world.actor("lin"), payer=club, dataset_id=private.id)
    root = world.user("root", is_admin=True)

    def seen(actor: Actor) -> list[int]:
        return [job.id for job in world.read_in(compute.list_jobs, actor).items]

    assert seen(world.actor("lin")) == [paid.id, own.id] == seen(root)
    assert seen(world.actor("mei")) == [paid.id]
    assert seen(ANONYMOUS) == seen(world.user("eve")) == []
    page = world.read_in(compute.list_jobs, world.actor("lin"), limit=1)
    rest = world.read_in(compute.list_jobs, world.actor("lin"), limit=1, cursor=page.next_cursor)
    assert ([job.id for job in rest.items], rest.next_cursor) == ([own.id], None)
    with pytest.raises(compute.JobNotFound):
        world.read_in(compute.get_job, own.id, world.actor("mei"))
    with pytest.raises(compute.JobNotFound):
        world.read_in(compute.get_job, own.id, world.with_token("lin", "fine-grained", ("lin", "write")))
    assert world.read_in(compute.get_job, paid.id, world.actor("lin")) == paid
    with pytest.raises(compute.JobDenied):  # lin asked, but the data are mei's
        world.read_in(compute.get_open_job, paid.id, world.actor("lin"))
    assert world.read_in(compute.get_open_job, paid.id, world.actor("mei")) == paid
    with pytest.raises(compute.JobDenied):
        world.write_in(compute.cancel_job, own.id, world.with_token("lin", "read"))


REFUSED: list[tuple[Callable[[Queue, Actor, Actor], object], type[Exception]]] = [
    (lambda q, lin, mei: q.ask(lin, budget=PRICE - 1), compute.JobInvalid),
    (lambda q, lin, mei: q.ask(lin, budget=-1), compute.JobInvalid),
    (lambda q, lin, mei: q.ask(lin, budget=2**70), compute.JobInvalid),
    (lambda q, lin, mei: q.ask(lin, budget=1001 * PRICE), credits.CreditsShort),
    (lambda q, lin, mei: q.ask(lin, payer=mei.user), compute.JobDenied),
    (lambda q, lin, mei: q.ask(q.world.with_token("lin", "read")), compute.JobDenied),
    (lambda q, lin, mei: q.ask(mei), credits.CreditsShort),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_cannot_be_paid_is_not_queued(jobs: Queue, rich: Actor, mei: Actor, number: int) -> None:
    ask, error = REFUSED[number]
    with pytest.raises(error):
        ask(jobs, rich, mei)
    assert jobs.claim() is None
