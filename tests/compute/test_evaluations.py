"""Evaluations end to end: data that nobody sees, a program of strangers, a scorer, figures that come again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.loops import run_async
from support.purse import Purse
from support.world import World
from yungu import compute, credits
from yungu.compute import EvaluationAsk, Job, JobTerms
from yungu.compute.backends.isolation import LocalCells
from yungu.compute.backends.upstream import Servers, Upstreams
from yungu.compute.jobs import Workshop, perform
from yungu.compute.jobs.logs import Log
from yungu.compute.models import CallLimits
from yungu.compute.programs import score
from yungu.compute.service import jobs as queue
from yungu.hub import Repo
from yungu.kernel import clock

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # test_jobs.py has both
TERMS = JobTerms(second_price=1000, seconds=20, memory_bytes=1 << 30)
SET = [{"input": n, "label": "odd" if n % 2 else "even", "secret": f"label-{n}"} for n in range(40)]
ODD = b"""
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    answer = "odd" if item["input"] % 2 else "even"
    if item["input"] % 10 == 0:
        answer = "odd"
    print(json.dumps({"id": item["id"], "prediction": answer}))
"""


class Yard:
    """Mei has private data, lin a program; jobs are done here and now."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lin, self.mei = world.user("lin"), world.user("mei")
        lines = "".join(json.dumps(record) + "\n" for record in SET)
        files = {"data.jsonl": lines.encode()}
        self.data = world.repo("mei/set", by=self.mei, kind="dataset", visibility="private", files=files)
        self.purse = Purse(world.site.db)
        self.purse.write(lambda s: credits.fund_budget(s, "pot", 10**9, key="pot", by=None))
        assert self.mei.id is not None
        self.purse.grant(self.mei.id, 10**8)

    def program(self, code: bytes, name: str = "lin/odd", **files: bytes) -> Repo:
        return self.world.repo(name, by=self.lin, files={"predict.py": code, **files})

    def ask(self, **asked: Any) -> Job:
        more = {name: asked.pop(name) for name in ("budget", "is_agreed", "by") if name in asked}
        whole = EvaluationAsk("mei/set", "data.jsonl", **{"program": "lin/odd", "resamples": 50} | asked)
        actor, budget = more.pop("by", self.mei), more.pop("budget", 10**7)
        return self.world.write_in(
            compute.ask_evaluation, self.world.site.git, whole, actor, TERMS, budget=budget, **more
        )

    def shop(self) -> Workshop:
        site = self.world.site
        cells = LocalCells(site.store.root / "jobs", hidden=(site.store.root,))
        pool = Upstreams(b"secret")
        return Workshop(site.db, site.git, site.store, cells, pool, Servers(), TERMS, CallLimits(), slots=1)

    def work(self) -> Job | None:
        """Do the next job; as it is afterwards."""

        async def do() -> Job | None:
            shop = self.shop()
            job = self.world.write_in(queue.claim_job, shop.worker)
            if job is not None:
                await perform(shop, job)
            shop.threads.shutdown()
            return self.world.read_in(compute.find_job, job.id) if job else None

        return run_async(do())

    def run(self, **asked: Any) -> Job:
        self.ask(**asked)
        done = self.work()
        assert done is not None
        return done

    def now(self, job: Job) -> Job:
        found = self.world.read_in(compute.find_job, job.id)
        assert found is not None
        return found

    def log(self, job: Job) -> str:
        return "\n".join(compute.iter_log(self.world.site.store, job))

    def items(self, job: Job) -> list[dict[str, Any]]:
        return list(compute.iter_items(self.world.site.store, job))


@pytest.fixture
def yard(world: World) -> Yard:
    return Yard(world)


def test_a_program_is_measured_on_data_that_its_owner_never_sees(yard: Yard) -> None:
    repo = yard.program(ODD)
    done = yard.run(metric="accuracy", seed=7)
    again = yard.run(metric="accuracy", seed=7)

    assert done.state == "succeeded", (done.message, yard.log(done))
    assert done.result is not None and again.result is not None
    assert done.result["value"] == 36 / 40 and done.result["low"] < 0.9 < done.result["high"]
    assert done.result["count"] == 40 and done.result["isolation"] == "full"
    assert done.result["spec"]["program"]["commit"] == yard.world.resolve(repo)
    assert {"python", "numpy", "scikit-learn"} <= set(done.result["versions"])
    assert again.result == done.result
    items = yard.items(done)
    assert [item["score"] for item in items[:3]] == [0.0, 1.0, 1.0]
    assert items[1] == {"id": 1, "input": 1, "label": "odd", "prediction": "odd", "score": 1.0}
    assert 0 < done.cost <= done.budget
    assert done.cost == compute.seconds_cost(1000, done.used_seconds)
    yard.purse.check()
    with pytest.raises(compute.JobNotFound):
        yard.world.read_in(compute.get_job, done.id, yard.lin)


def test_a_program_gets_inputs_and_never_labels_and_its_log_is_for_the_owner_of_the_data(yard: Yard) -> None:
    yard.program(
        b"import sys\ntext = sys.stdin.read()\nprint(text[:300], file=sys.stderr)\n"
        b"print(text.replace('\"input\"', '\"prediction\"'), end='')\n"
    )
    done = yard.run(metric="accuracy")

    log = yard.log(done)
    assert '{"id":3,"input":3}' in log
    assert "label" not in log and "even" not in log
    assert done.result is not None and done.result["value"] == 0.0
    assert "input" not in done.message and "input" not in json.dumps(done.result["limits"])
    names = {path.name for path in (yard.world.site.store.root / "jobs" / str(done.id)).iterdir()}
    assert names == {"log", "items.jsonl", "predictions.jsonl"}


MEASURED: list[tuple[str, list[Any], list[Any], float]] = [
    ("accuracy", ["a", "b", 1, True], ["a ", "c", "1", True], 0.75),
    ("average_precision", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 5 / 6),
    ("balanced_accuracy", ["a", "a", "a", "b"], ["a", "a", "a", "a"], 0.5),
    ("cohen_kappa", ["a", "b"], ["a", "b"], 1.0),
    ("exact_match", ["a b", "c"], ["a b", "d"], 0.5),
    ("f1", ["a", "b", "a", "b"], ["a", "b", "b", "b"], 11 / 15),
    ("f1_micro", ["a", "b", "a", "b"], ["a", "b", "b", "b"], 0.75),
    ("f1_weighted", ["a", "b", "a", "b"], ["a", "b", "b", "b"], 11 / 15),
    ("log_loss", [0, 1], [0.5, 0.5], 0.6931471805599453),
    ("mae", [1, 2, 3, 4], [1, 2, 3, 6], 0.5),
    ("mape", [1, 2, 3, 4], [1, 2, 3, 6], 0.125),
    ("matthews_corrcoef", ["a", "b"], ["b", "a"], -1.0),
    ("median_absolute_error", [1, 2, 3], [1, 3, 6], 1.0),
    ("mse", [1, 2, 3, 4], [1, 2, 3, 6], 1.0),
    ("precision", ["a", "b"], ["a", "a"], 0.25),
    ("r2", ["1", "2", "3"], [1, 2, 3], 1.0),
    ("recall", ["a", "b"], ["a", "a"], 0.5),
    ("rmse", [1, 2, 3, 4], [1, 2, 3, 8], 2.0),
    ("roc_auc", ["no", "no", "yes", "yes"], [0.1, 0.4, 0.35, 0.8], 0.75),
]


def test_metrics_are_those_of_scikit_learn(database_url: str) -> None:
    assert [metric for metric, *_ in MEASURED] == sorted(compute.METRICS)
    for metric, labels, answers, value in MEASURED:
        pairs = zip(labels, answers, strict=True)
        items = [{"id": n, "label": label, "prediction": answer} for n, (label, answer) in enumerate(pairs)]
        _, measure = score.prepare(metric, items)
        assert measure(range(len(items))) == pytest.approx(value), metric


def test_a_metric_without_a_meaning_for_single_items_has_an_interval_too(yard: Yard) -> None:
    lines = "".join(json.dumps({"input": n / 10, "label": n > 4 or n == 2}) + "\n" for n in range(10))
    yard.world.commit(yard.data, {"data.jsonl": lines.encode()}, by=yard.mei)
    yard.program(b"import sys\nprint(sys.stdin.read().replace('\"input\"', '\"prediction\"'), end='')")
    done = yard.run(metric="roc_auc", resamples=100)

    assert done.result is not None, (done.message, yard.log(done))
    assert done.result["value"] == pytest.approx(22 / 24)
    assert done.result["low"] < 22 / 24 < done.result["high"] <= 1
    assert "score" not in yard.items(done)[0]


def test_a_scorer_of_ones_own_sees_labels_and_gives_an_interval(yard: Yard) -> None:
    yard.program(ODD)
    yard.world.repo(
        "mei/scorer",
        by=yard.mei,
        visibility="private",
        files={
            "score.py": b"import json, sys\nfor line in sys.stdin:\n    item = json.loads(line)\n"
            b"    print(json.dumps({'id': item['id'], 'score': 2 * (item['label'] == item['prediction'])}))\n"
        },
    )
    done = yard.run(scorer="mei/scorer", resamples=200)

    assert done.result is not None, (done.message, yard.log(done))
    assert (done.result["metric"], done.result["value"]) == ("score", 1.8)
    assert 1.5 < done.result["low"] < 1.8 < done.result["high"] <= 2.0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (b"raise SystemExit(3)", "Predictor: The program ended with status 3."),
        (b"print('{}')", "is not"),
        (b"print('tea')", "is not JSON"),
        (b'print(\'{"id": 0, "prediction": 1}\')', "1 of 40 inputs were answered"),
        (b'print(\'{"id": 0, "prediction": 1}\\n\' * 2)', "answered twice"),
        (b'print(\'{"id": 99, "prediction": 1}\')', "is not"),
        (b"print('[' * 100_000)", "is not"),
        (b"bytearray(2 << 30)", "wanted more memory"),
        (b"import socket\nsocket.create_connection(('127.0.0.1', 80))", "ended with status 1"),
    ],
)
def test_a_program_that_does_not_answer_is_told_so_and_paid_for(yard: Yard, code: bytes, said: str) -> None:
    yard.program(code)
    done = yard.run(metric="accuracy")

    assert (done.state, done.result) == ("failed", None)
    assert said in done.message
    assert done.cost > 0
    yard.purse.check()


def test_a_job_stops_when_its_budget_is_used_up_and_what_was_done_is_kept(yard: Yard) -> None:
    yard.program(ODD + b"    sys.stdout.flush()\nimport time; time.sleep(30)\n")
    done = yard.run(metric="accuracy", budget=1000)

    assert (done.state, done.cost) == ("failed", 1000)
    assert "budget is used up" in done.message
    assert done.done_count == 40
    yard.purse.check()


def test_a_killed_worker_leaves_answers_that_are_not_asked_for_again(yard: Yard) -> None:
    yard.program(ODD)
    asked = yard.ask(metric="accuracy")
    folder = yard.world.site.store.root / "jobs" / str(asked.id)
    folder.mkdir(parents=True)
    kept = "".join(json.dumps({"id": n, "prediction": "kept"}) + "\n" for n in range(39))
    (folder / "predictions.jsonl").write_text(kept + '{"id": 39, "predic')
    done = yard.work()

    assert done is not None and done.result is not None, done
    assert {item["prediction"] for item in yard.items(done)[:39]} == {"kept"}
    assert done.result["value"] == 1 / 40


_WORKER = """
import asyncio, sys
from pathlib import Path
from yungu.compute import CallLimits, JobTerms
from yungu.compute.backends.isolation import LocalCells
from yungu.compute.backends.upstream import Servers, Upstreams
from yungu.compute.jobs import Workshop, perform
from yungu.compute.service import jobs as queue
from yungu.kernel.db import Database
from yungu.storage.git import GitStore
from yungu.storage.local import LocalStore
url, git, root = sys.argv[1:]
terms = JobTerms(second_price=1000, seconds=60, memory_bytes=1 << 30)
shop = Workshop(Database(url), GitStore(Path(git)), LocalStore(Path(root)), LocalCells(Path(root) / "jobs"),
                Upstreams(b""), Servers(), terms, CallLimits(), slots=1)
with shop.db.write() as session:
    job = queue.claim_job(session, shop.worker)
asyncio.run(perform(shop, job))
"""


def test_a_worker_is_killed_and_the_next_one_goes_on(yard: Yard) -> None:
    yard.program(
        b"import json, sys, time\nfor count, line in enumerate(sys.stdin):\n    number = json.loads(line)['id']\n"
        b"    if count and number == 3: time.sleep(60)\n"
        b"    print(json.dumps({'id': number, 'prediction': 'first' if number == count else 'second'}), flush=True)\n"
    )
    asked, site = yard.ask(metric="accuracy"), yard.world.site
    url = site.db.url.render_as_string(hide_password=False)
    worker = subprocess.Popen([sys.executable, "-c", _WORKER, url, str(site.git.root), str(site.store.root)])
    predictions = site.store.root / "jobs" / str(asked.id) / "predictions.jsonl"
    while not predictions.exists() or predictions.read_bytes().count(b"\n") < 3 or not yard.now(asked).used_seconds:
        assert worker.poll() is None
        time.sleep(0.02)
    worker.kill()
    worker.wait()

    assert yard.world.write_in(queue.tend_jobs, clock.now()) == 0
    assert yard.world.write_in(queue.tend_jobs, clock.now() + timedelta(seconds=21)) == 1
    done = yard.work()

    assert done is not None and (done.state, done.attempts) == ("succeeded", 2), done
    said = [item["prediction"] for item in yard.items(done)]
    assert said == ["first"] * 3 + ["second"] * 37
    assert done.cost == compute.seconds_cost(1000, done.used_seconds) <= done.budget
    yard.purse.check()


def test_a_running_program_is_stopped_when_somebody_cancels(yard: Yard) -> None:
    yard.program(b"import time; time.sleep(60)")
    asked = yard.ask(metric="accuracy")
    shop = yard.shop()

    async def cancel_later() -> None:
        job = yard.world.write_in(queue.claim_job, shop.worker)
        assert job is not None
        doing = asyncio.create_task(perform(shop, job))
        folder = yard.world.site.store.root / "jobs" / str(asked.id)
        while not (folder / "predictions.jsonl").exists():
            await asyncio.sleep(0.02)
        yard.world.write_in(compute.cancel_job, asked.id, yard.mei)
        await asyncio.wait_for(doing, 10)

    run_async(cancel_later())
    done = yard.world.read_in(compute.find_job, asked.id)
    assert done is not None and (done.state, done.message) == ("cancelled", "It was cancelled.")
    assert 0 < done.cost < 10_000
    yard.purse.check()


def test_a_stopped_server_puts_its_jobs_back(yard: Yard) -> None:
    yard.program(b"import time; time.sleep(60)")
    asked = yard.ask(metric="accuracy")
    shop = yard.shop()

    async def stop_later() -> None:
        job = yard.world.write_in(queue.claim_job, shop.worker)
        assert job is not None
        doing = asyncio.create_task(perform(shop, job))
        folder = yard.world.site.store.root / "jobs" / str(asked.id)
        while not (folder / "predictions.jsonl").exists():
            await asyncio.sleep(0.02)
        doing.cancel()
        await asyncio.wait([doing])

    run_async(stop_later())
    job = yard.world.read_in(compute.find_job, asked.id)
    assert job is not None and (job.state, job.attempts, job.cost) == ("waiting", 0, 0)


def test_who_may_not_read_may_not_ask_unless_both_sides_have_agreed(yard: Yard) -> None:
    from yungu import hub

    yard.program(ODD)
    with pytest.raises(hub.RepoNotFound):
        yard.ask(metric="accuracy", by=yard.lin, budget=0)
    secret = yard.world.repo("lin/secret", by=yard.lin, visibility="private", files={"predict.py": ODD})
    with pytest.raises(hub.RepoNotFound):
        yard.ask(metric="accuracy", program="lin/secret")
    done = yard.run(metric="accuracy", program="lin/secret", is_agreed=True)

    assert done.state == "succeeded"
    assert done.result is not None and done.result["spec"]["program"]["repo_id"] == secret.id


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"metric": "tea"}, compute.JobInvalid),
        ({"metric": ""}, compute.JobInvalid),
        ({"metric": "accuracy", "program": None}, compute.JobInvalid),
        ({"metric": "accuracy", "resamples": 10**9}, compute.JobInvalid),
        ({"metric": "accuracy", "input_field": "a b"}, compute.JobInvalid),
    ],
)
def test_what_makes_no_sense_is_not_queued(yard: Yard, asked: dict[str, Any], error: type[Exception]) -> None:
    yard.program(ODD)
    with pytest.raises(error):
        yard.ask(**asked)


def test_a_log_is_bounded(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    log = Log(folder)
    for _ in range(200):
        log.feed(b"x" * 10_000)
    log.close()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 600 << 10


def test_an_actor_is_needed(yard: Yard) -> None:
    from yungu.accounts import ANONYMOUS, SignInRequired

    yard.world.commit(yard.data, {"x": b"y"}, by=yard.mei)
    public = yard.world.repo("mei/open", by=yard.mei, kind="dataset", files={"d.jsonl": b"{}"})
    yard.program(ODD)
    asked = EvaluationAsk(public.repo_id, "d.jsonl", program="lin/odd", metric="mae")
    with pytest.raises(SignInRequired):
        yard.world.write_in(compute.ask_evaluation, yard.world.site.git, asked, ANONYMOUS, TERMS)
