"""Batches: a file of requests is answered at a price, in a budget, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.loops import run_async
from support.purse import Purse
from support.upstream import Upstream, upstream
from support.world import World
from yungu import compute, credits, hub
from yungu.compute import BatchAsk, CallLimits, Job, JobTerms, Prices
from yungu.compute.backends.isolation import LocalCells
from yungu.compute.backends.upstream import Servers, Upstreams
from yungu.compute.jobs import Workshop, perform
from yungu.compute.service import jobs as queue

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # test_jobs.py has both
PRICES = Prices(request=100, prompt_million=1_000_000, completion_million=2_000_000)
PER_CALL = 100 + 11 + 2 * 3
"""The model server counts 11 tokens of prompt and writes 3."""


def chat(number: int) -> dict[str, Any]:
    body = {"model": "whatever", "messages": [{"role": "user", "content": f"tea {number}?"}], "max_tokens": 8}
    return {"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


class Yard:
    """Lin has requests, mei a model that costs; jobs are done here and now."""

    def __init__(self, world: World, server: Upstream) -> None:
        self.world, self.server = world, server
        self.lin, self.mei = world.user("lin"), world.user("mei")
        self.purse = Purse(world.site.db)
        self.purse.write(lambda s: credits.fund_budget(s, "pot", 10**9, key="pot", by=None))
        assert self.lin.id is not None
        self.purse.grant(self.lin.id, 10**8)
        options = {
            "prices": PRICES,
            "upstream_model": "upstream-tea",
            "answers": ("chat", "embedding"),
            "context_tokens": 100,
            "visibility": "public",
        }
        root = world.user("root", is_admin=True)
        self.model = world.write_in(compute.deploy_upstream, world.site.secret, "mei/tea", root, server.url, **options)
        self.data = world.repo("lin/asked", by=self.lin, kind="dataset")

    def ask(self, *lines: Any, budget: int = 10**6, **asked: Any) -> Job:
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        self.world.commit(self.data, {"asked.jsonl": text.encode()}, by=self.lin)
        whole = BatchAsk("mei/tea", "lin/asked", "asked.jsonl", **asked)
        options: dict[str, Any] = {"budget": budget}
        return self.world.write_in(compute.ask_batch, self.world.site.git, whole, self.lin, JobTerms(), **options)

    def work(self, terms: JobTerms = JobTerms()) -> Job:  # noqa: B008 - it is frozen
        async def do() -> Job | None:
            site = self.world.site
            cells, pool = LocalCells(site.store.root / "cells"), Upstreams(site.secret)
            shop = Workshop(site.db, site.git, site.store, cells, pool, Servers(), terms, CallLimits(), slots=1)
            job = self.world.write_in(queue.claim_job, shop.worker)
            assert job is not None
            await perform(shop, job)
            shop.servers.close()
            shop.threads.shutdown()
            return self.world.read_in(compute.find_job, job.id)

        done = run_async(do())
        assert done is not None
        return done

    def answers(self, job: Job) -> list[dict[str, Any]]:
        return [json.loads(line) for line in compute.iter_answers(self.world.site.store, job)]


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def yard(world: World, server: Upstream) -> Yard:
    return Yard(world, server)


def test_every_request_is_answered_paid_and_written_into_the_data_set(yard: Yard) -> None:
    strange = [{"custom_id": "x", "url": "/v1/nowhere", "body": {}}, 7, chat(0) | {"body": {"max_tokens": 10**9}}]
    yard.ask(*(chat(n) for n in range(10)), *strange, into="lin/asked", into_path="out/answers.jsonl")
    done = yard.work()

    assert (done.state, done.done_count, done.cost) == ("succeeded", 13, 10 * PER_CALL), done.message
    assert done.result is not None and (done.result["count"], done.result["failed_count"]) == (13, 3)
    written = yard.world.read(yard.data, "out/answers.jsonl").decode()
    lines = [json.loads(line) for line in written.splitlines()]
    assert lines == yard.answers(done)
    assert [line["custom_id"] for line in lines[:10]] == [f"r{n}" for n in range(10)]
    first = lines[0]["response"]
    assert first["status_code"] == 200 and first["body"]["model"] == "mei/tea"
    assert first["body"]["choices"][0]["message"]["content"] == " tea tea tea"
    assert [line["error"]["code"] for line in lines[10:]] == ["invalid_request"] * 3
    assert {asked["model"] for asked in yard.server.requests} == {"upstream-tea"}
    assert len(yard.world.read_in(compute.list_calls, user_id=yard.lin.id, limit=100).items) == 10
    yard.purse.check()


def test_a_budget_is_never_exceeded_and_what_it_paid_for_is_kept(yard: Yard) -> None:
    budget = 3 * PER_CALL + 500
    yard.ask(*(chat(n) for n in range(20)), budget=budget)
    done = yard.work()

    assert done.state == "failed" and "budget is used up" in done.message
    kept = yard.answers(done)
    assert 0 < len(kept) < 20
    assert done.cost == len(kept) * PER_CALL <= budget
    assert yard.purse.read(lambda s: credits.get_wallet(s, yard.lin.id or 0)).held == 0
    yard.purse.check()


def test_a_batch_holds_its_budget_so_that_nothing_else_can_starve_it(yard: Yard) -> None:
    lin = yard.lin.id or 0
    budget = 5 * PER_CALL + 500
    asked = yard.ask(*(chat(n) for n in range(5)), budget=budget)
    left = yard.purse.read(lambda s: credits.get_wallet(s, lin))
    assert left.held == budget
    yard.purse.settle(yard.purse.hold(lin, 10**8 - budget), 10**8 - budget)
    with pytest.raises(credits.CreditsShort):
        yard.ask(chat(0), budget=1)
    done = yard.work()

    assert (done.id, done.state, done.cost) == (asked.id, "succeeded", 5 * PER_CALL), done.message
    calls = yard.world.read_in(compute.list_calls, user_id=lin, limit=100).items
    assert [call.amount for call in calls] == [PER_CALL] * 5 and {call.provider_id for call in calls} == {yard.mei.id}
    assert yard.world.read_in(compute.list_wrong_receipts) == []
    wallet = yard.purse.read(lambda s: credits.get_wallet(s, lin))
    assert (wallet.held, wallet.vouchers) == (0, 500)
    yard.purse.check()


def test_what_a_killed_worker_spent_counts_against_the_budget(yard: Yard) -> None:
    asked = yard.ask(*(chat(n) for n in range(9)), budget=4 * PER_CALL)
    job = yard.world.read_in(compute.find_job, asked.id)
    assert job is not None and job.hold_id is not None and job.calls_amount == 0
    number = job.hold_id
    for name in ("a", "b", "c"):  # paid, but its worker died before it said so
        yard.purse.write(lambda s, name=name: credits.draw(s, number, PER_CALL, name))
    done = yard.work()

    assert done.state == "failed" and "budget is used up" in done.message
    assert (done.calls_amount, done.cost) == (3 * PER_CALL, 3 * PER_CALL) and yard.answers(done) == []
    yard.purse.check()


def test_lines_that_a_dead_worker_has_answered_are_not_asked_again(yard: Yard) -> None:
    asked = yard.ask(*(chat(n) for n in range(6)))
    folder = yard.world.site.store.root / "jobs" / str(asked.id)
    folder.mkdir(parents=True)
    answered = {"custom_id": "kept", "response": None, "error": None}
    lines = [json.dumps({"id": f"job-{asked.id}-{n}"} | answered) for n in (4, 1)]
    (folder / "answers.jsonl").write_text("\n".join(lines) + '\n{"id": "job-')
    done = yard.work()

    assert (done.state, done.cost) == ("succeeded", 4 * PER_CALL)
    assert [line["custom_id"] for line in yard.answers(done)] == ["r0", "kept", "r2", "r3", "kept", "r5"]
    assert len(yard.server.requests) == 4


def test_a_model_server_that_is_away_is_tried_again_and_nothing_is_paid(yard: Yard) -> None:
    yard.server.behave("hang up")
    yard.ask(chat(0))
    first = yard.work()
    assert (first.state, first.attempts, first.cost) == ("waiting", 1, 0)
    assert "hung up" in first.message
    yard.server.behave()
    done = yard.work()

    assert (done.state, done.attempts, done.cost) == ("succeeded", 2, PER_CALL)
    yard.purse.check()


def test_a_refused_request_does_not_stop_the_others(yard: Yard) -> None:
    yard.server.behave("refuse")
    yard.ask(chat(0), chat(1))
    done = yard.work()

    assert (done.state, done.cost) == ("succeeded", 0)
    assert ["too long for me" in line["error"]["message"] for line in yard.answers(done)] == [True, True]


def test_an_evaluation_calls_a_model_within_its_budget(yard: Yard) -> None:
    lines = "".join(json.dumps({"input": n, "label": " tea tea tea" if n else "no"}) + "\n" for n in range(4))
    yard.world.commit(yard.data, {"set.jsonl": lines.encode()}, by=yard.lin)
    asked = compute.EvaluationAsk("lin/asked", "set.jsonl", model="mei/tea", metric="accuracy", resamples=10,
                                  options={"max_tokens": 8})  # fmt: skip
    yard.world.write_in(compute.ask_evaluation, yard.world.site.git, asked, yard.lin, JobTerms(), budget=10**6)
    done = yard.work()

    assert done.result is not None, done.message
    assert (done.result["value"], done.result["isolation"], done.cost) == (0.75, "calls", 4 * PER_CALL)
    assert yard.server.requests[0]["temperature"] == 0


def test_calls_and_the_seconds_of_a_scorer_share_one_budget(yard: Yard) -> None:
    lines = "".join(json.dumps({"input": n, "label": " tea tea tea"}) + "\n" for n in range(4))
    yard.world.commit(yard.data, {"set.jsonl": lines.encode()}, by=yard.lin)
    asked = compute.EvaluationAsk("lin/asked", "set.jsonl", model="mei/tea", metric="accuracy", resamples=10,
                                  options={"max_tokens": 8})  # fmt: skip
    terms = JobTerms(second_price=10**6)
    spent = 4 * PER_CALL
    for budget in (10**7, 10**6):
        yard.world.write_in(compute.ask_evaluation, yard.world.site.git, asked, yard.lin, terms, budget=budget)
        done = yard.work(terms)
        assert spent < done.cost <= budget and done.calls_amount == spent
        assert yard.purse.read(lambda s: credits.get_wallet(s, yard.lin.id or 0)).held == 0
    yard.purse.check()


def test_who_may_not_read_write_or_call_may_not_ask(yard: Yard) -> None:
    yard.world.repo("mei/private", by=yard.mei, kind="dataset", visibility="private", files={"asked.jsonl": b"{}"})
    for asked in (
        BatchAsk("mei/tea", "mei/private", "asked.jsonl"),
        BatchAsk("mei/nothing", "lin/asked", "asked.jsonl"),
        BatchAsk("mei/tea", "lin/asked", "asked.jsonl", into="mei/private"),
        BatchAsk("mei/tea", "lin/asked", "missing.jsonl"),
    ):
        with pytest.raises((hub.RepoNotFound, compute.DeploymentNotFound, hub.EntryNotFound, hub.RevisionNotFound)):
            yard.world.write_in(compute.ask_batch, yard.world.site.git, asked, yard.lin, JobTerms())
