"""An evaluation inside a pilot: a stranger's program on data that nobody else sees, paid by who asked for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from support.lists import MODEL, TEA, Lists
from support.servers import LiveHub
from support.visitor import Visitor
from support.world import World
from yungu import compute, credits, hub, scenarios
from yungu.accounts import Actor
from yungu.compute import Job
from yungu.scenarios import validation
from yungu.scenarios.validation import Bench, Goal, Pilot, Terms

Visit = Callable[..., Visitor]
DAYS = [{"input": {"warm": n}, "label": 80 + n % 7} for n in range(30)]
GUESS = b"""
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    print(json.dumps({"id": item["id"], "prediction": 80 + item["input"]["warm"] %% 7 + %d}))
"""
ERROR = Goal("days off", "<=", 2, "d", source="evaluation", is_confident=True)


class Field:
    """A garden with private records and credits, and providers whose claims it has accepted."""

    def __init__(self, live: LiveHub) -> None:
        self.live = live
        self.world = World(live.site)
        self.lists = Lists(self.world)
        fresh = live.fresh_name
        self.expert, self.operator = (
            self.lists.holder(fresh("elsa"), "expert"),
            self.lists.holder(fresh("otto"), "operator"),
        )
        self.garden = live.actor(live.user(fresh("garden")))
        assert self.garden.id is not None
        lines = "".join(json.dumps(day) + "\n" for day in DAYS).encode()
        self.data = self.world.repo(
            f"{self.garden.name}/days",
            by=self.garden,
            kind="dataset",
            visibility="private",
            files={"data.jsonl": lines},
        )
        pot = fresh("pot")
        with live.site.db.write() as session:
            credits.fund_budget(session, pot, 10**8, key=pot, by=None)
            credits.grant(session, self.garden.id, 10**7, budget=pot, key=pot, by=None)
        self.demand = self.publish(self.lists.post(self.garden, TEA, capacity=5), self.garden)

    def publish(self, item: scenarios.Item, by: Actor) -> scenarios.Item:
        return self.lists.publish(item, by, expert=self.expert, operator=self.operator)

    def provider(self) -> Actor:
        return self.live.actor(self.live.user(self.live.fresh_name("provider")))

    def terms(self, **changed: object) -> Terms:
        bench = Bench(self.data.repo_id, "main", metric="mae", seed=5)
        pinned = self.lists.write(validation.pin_bench, self.live.site.git, bench, self.garden)
        return Terms([ERROR], bench=pinned, **({"attempts": 2, "budget": 10**6} | changed))  # type: ignore[arg-type]

    def claim(self, provider: Actor) -> int:
        """A claim of the provider's that the garden has accepted."""
        supply = self.publish(self.lists.post(provider, MODEL), provider)
        claim = self.lists.write(scenarios.make_claim, self.demand.code, supply.code, provider)
        return self.lists.write(scenarios.accept_claim, claim.id, self.garden).id

    def agree(self, provider: Actor, terms: Terms | None = None, *, claim: int | None = None) -> Pilot:
        claim = claim or self.claim(provider)
        pilot = self.lists.write(validation.propose_pilot, claim, self.garden, terms or self.terms())
        for party, by in (("demand", self.garden), ("provider", provider)):
            pilot = self.lists.write(validation.sign_terms, pilot.code, party, by, terms_hash=pilot.terms_hash)  # type: ignore[arg-type]
        return pilot

    def program(self, provider: Actor, code: bytes) -> str:
        name = f"{provider.name}/{self.live.fresh_name('picker')}"
        return self.world.repo(name, by=provider, files={"predict.py": code}).repo_id

    def evaluate(self, pilot: Pilot, by: Actor, repo: str, terms: compute.JobTerms | None = None) -> validation.Attempt:
        site = self.live.site
        return self.lists.write(validation.evaluate, site.git, pilot.code, by, terms or site.job_terms, repo=repo)

    def wait(self, attempt: validation.Attempt) -> Job:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            job = self.lists.read(compute.find_job, attempt.job_id)
            assert job is not None
            if job.state not in compute.OPEN_JOBS:
                return job
            time.sleep(0.05)
        raise AssertionError("the job did not end")

    def run(self, pilot: Pilot, by: Actor, code: bytes) -> Job:
        return self.wait(self.evaluate(pilot, by, self.program(by, code)))


@pytest.fixture
def field(live: LiveHub) -> Field:
    return Field(live)


def test_the_last_good_evaluation_decides_and_the_chain_leads_through_its_job(field: Field, visit: Visit) -> None:
    provider = field.provider()
    pilot = field.agree(provider)
    assert field.run(pilot, provider, GUESS % 5).state == "succeeded"  # five days off
    assert [one.outcome for one in field.lists.read(validation.judge_pilot, pilot)] == ["missed"]
    done = field.run(pilot, provider, GUESS % 1)
    assert done.state == "succeeded" and done.owner_id == field.garden.id
    judged = field.lists.read(validation.judge_pilot, pilot)
    assert [(one.outcome, one.figure.value) for one in judged if one.figure] == [("met", 1.0)]
    with pytest.raises(validation.AttemptsUsed):
        field.run(pilot, provider, GUESS % 0)

    assert provider.name is not None
    hers, place = visit(provider.name), f"/-/pilots/{pilot.code}"
    page = hers.read(place)
    assert "2 of 2" in page and "/-/jobs/" not in page  # items and log are for the garden
    with pytest.raises(compute.JobNotFound):
        field.lists.read(compute.get_job, done.id, provider)

    ended = field.lists.write(validation.conclude, pilot.code, field.garden)
    chain = [fact.kind for fact in field.lists.read(validation.list_chain, ended)]
    assert chain[-5:] == ["PilotEvaluationAsked", "JobAsked", "JobStarted", "JobEnded", "PilotAccepted"]
    assert chain[:2] == ["ItemDrafted", "ItemSubmitted"]


def test_a_provider_may_change_terms_around_a_bench_that_only_the_garden_reads(field: Field, visit: Visit) -> None:
    provider, terms = field.provider(), field.terms()
    pilot = field.lists.write(validation.propose_pilot, field.claim(provider), field.garden, terms)
    assert terms.bench is not None and provider.name is not None
    goal = {"metric_0": ERROR.metric, "op_0": "<=", "value_0": "2", "unit_0": "d", "source_0": "evaluation"}
    form = goal | {"is_mandatory_0": "1", "attempts": "3", "budget": "1", "based_on": pilot.terms_hash}
    form |= {f"bench_{name}": str(value) for name, value in msgspec.structs.asdict(terms.bench).items()}
    hers, place = visit(provider.name), f"/-/pilots/{pilot.code}/terms"
    assert hers.submit(place, **(form | {"bench_commit": "main"})).status_code == 404
    assert hers.submit(place, **form).status_code == 303
    changed = field.lists.read(validation.visible_pilot, pilot.code, provider).pilot.terms
    assert (changed.attempts, changed.bench) == (3, terms.bench)


def test_nobody_of_the_providers_side_may_be_able_to_read_the_labels(field: Field) -> None:
    provider = field.provider()
    pilot = field.agree(provider)
    field.lists.write(hub.change_settings, field.data, field.garden, visibility="public")
    with pytest.raises(validation.BenchReadable):
        field.run(pilot, provider, GUESS % 0)
    with pytest.raises(hub.RepoNotFound):  # and a program that its own side cannot read is not theirs to bring
        secret = field.world.repo(
            f"{field.garden.name}/own", by=field.garden, visibility="private", files={"predict.py": GUESS % 0}
        )
        field.lists.write(hub.change_settings, field.data, field.garden, visibility="private")
        field.evaluate(pilot, provider, secret.repo_id)


def test_a_program_that_looks_for_the_labels_fails_and_has_used_an_attempt(field: Field) -> None:
    provider = field.provider()
    pilot = field.agree(provider)
    root = str(field.live.site.store.root).encode()
    nosy = b"import os\nassert not os.path.exists(%r), 'seen'\nopen(%r)\n" % (root, root + b"/yungu.db")
    job = field.run(pilot, provider, nosy)
    assert job.state == "failed"
    log = "\n".join(compute.iter_log(field.live.site.store, job))
    assert "seen" not in log and "No such file" in log
    assert [one.outcome for one in field.lists.read(validation.judge_pilot, pilot)] == ["unknown"]
    with pytest.raises(validation.GoalsOpen):
        field.lists.write(validation.conclude, pilot.code, field.garden)
    assert field.lists.read(validation.visible_pilot, pilot.code, provider).pilot.attempts_count == 1


def test_a_program_that_hangs_or_eats_memory_is_cut_within_the_budget(field: Field) -> None:
    provider = field.provider()
    pilot = field.agree(provider)
    two_seconds = replace(field.live.site.job_terms, second_price=500_000)
    hung = field.evaluate(pilot, provider, field.program(provider, b"while True: pass\n"), two_seconds)
    job = field.wait(hung)
    assert (job.state, job.cost) == ("failed", 10**6) and "budget is used up" in job.message
    job = field.run(pilot, provider, b"kept = []\nwhile True: kept.append(bytes(1 << 24))\n")
    assert job.state == "failed" and "wanted more memory" in job.message
    with pytest.raises(validation.GoalsOpen):
        field.lists.write(validation.conclude, pilot.code, field.garden)


def test_the_agreed_budget_is_the_most_that_evaluations_cost(field: Field) -> None:
    provider = field.provider()
    pilot = field.agree(provider, field.terms(budget=0))
    job = field.lists.read(compute.find_job, field.evaluate(pilot, provider, field.program(provider, GUESS % 0)).job_id)
    assert job is not None and job.budget == 0
    with pytest.raises(validation.AttemptOpen):
        field.evaluate(pilot, provider, field.program(provider, GUESS % 0))


def test_a_leader_board_compares_providers_on_the_same_items(field: Field, visit: Visit) -> None:
    board, providers = [], [field.provider(), field.provider()]
    claims = [field.claim(provider) for provider in providers]
    for provider, claim, error in zip(providers, claims, (1, 3), strict=True):
        pilot = field.agree(provider, claim=claim)
        assert field.run(pilot, provider, GUESS % error).state == "succeeded"
        board.append((pilot.code, provider.name))
    places = field.lists.read(validation.leader_board, field.live.site.store, field.demand.id)
    assert [(place.entrant, place.figure.value, place.best, place.worst) for place in places] == [
        (board[0][0], 1.0, 1, 1),
        (board[1][0], 3.0, 2, 2),
    ]
    rival = visit(board[1][1]).read(f"/-/pilots/{board[1][0]}")
    assert board[0][0] not in rival and "another provider" in rival
