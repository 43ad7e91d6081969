"""Batches and evaluations on pages: asked for, watched, cancelled, and what came of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import compute
from yungu.app import demo

Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"
_GENOS = Path(demo.__file__).parent / "demo_data" / "genos-mt"


@pytest.fixture
def asked(live: LiveHub, lin_name: str) -> dict[str, str]:
    """A deployed model, and a dataset with two requests to it."""
    actor, model = live.actor(lin_name), f"{lin_name}/genos"
    live.world.repo(model, by=actor, files={path.name: path.read_bytes() for path in _GENOS.iterdir()})
    body = {"model": model, "prompt": "GTTAATGTAGC", "max_tokens": 5, "temperature": 0}
    lines = [{"custom_id": f"{SCRIPT}{n}", "method": "POST", "url": "/v1/completions", "body": body} for n in (1, 2)]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    dataset = live.world.repo(f"{lin_name}/asked", by=actor, kind="dataset", files={"asked.jsonl": data})
    with live.site.db.write() as session:
        compute.deploy(session, live.site.git, model, actor)
    return {"kind": "batch", "model": model, "dataset": dataset.repo_id, "path": "asked.jsonl", "budget": "0"}


def test_a_batch_is_asked_for_watched_and_its_answers_are_fetched(
    visit: Visit, lin_name: str, asked: dict[str, str]
) -> None:
    lin = visit(lin_name)
    form = "/-/jobs/new?kind=batch"
    wrong = lin.submit(form, **(asked | {"path": "nothing.jsonl"}))
    assert wrong.status_code == 404 and 'value="nothing.jsonl"' in wrong.text and "e-path" in wrong.text
    assert lin.submit(form, **(asked | {"dataset": "nobody/nothing"})).status_code == 404
    assert lin.submit(form, **(asked | {"budget": "-4"})).status_code == 400
    place = lin.submit(form, **asked).headers["location"]
    assert asked["model"] in lin.read(place) and place in lin.read("/-/jobs")

    until = time.monotonic() + 60
    while "badge-good" not in (page := lin.read(place)) and time.monotonic() < until:
        assert "badge-bad" not in page, page
        time.sleep(0.2)
    assert "2 / 2" in page and SCRIPT not in page and "&lt;script&gt;alert(1)&lt;/script&gt;1" in page
    answers = [json.loads(line) for line in lin.get(f"{place}/result.jsonl").text.splitlines()]
    assert [answer["custom_id"] for answer in answers] == [f"{SCRIPT}1", f"{SCRIPT}2"]
    assert answers[0]["response"]["body"]["usage"]["completion_tokens"] == 5

    number = place.rpartition("/")[2]
    wrong = lin.submit(place, f"{place}/delete", confirm="7-")
    assert wrong.status_code == 400 and "not its number" in wrong.text
    assert lin.submit(place, f"{place}/delete", confirm=number).status_code == 303
    page = lin.read(place)
    assert "What the job made was deleted" in page and "2 / 2" in page and "/delete" not in page
    assert lin.get(f"{place}/result.jsonl").text == ""


def test_jobs_are_seen_and_cancelled_by_their_own_people(
    live: LiveHub, visit: Visit, lin_name: str, asked: dict[str, str]
) -> None:
    lin, other = visit(lin_name), visit(live.user())
    evaluation = asked | {"kind": "evaluation", "metric": "accuracy"}
    place = lin.submit("/-/jobs/new?kind=evaluation", **evaluation).headers["location"]

    for path in (place, f"{place}/result.jsonl"):
        assert other.get(path).status_code == 404 and visit().get(path).is_redirect
    assert other.submit("/-/jobs/new", f"{place}/cancel").status_code == 404
    assert place not in other.read("/-/jobs")
    assert lin.submit("/-/jobs/new", f"{place}/cancel").status_code in (303, 409)  # it may have ended by itself
    assert lin.post("/-/jobs/new", data=asked).status_code == 403  # without the page's token
    both = lin.submit("/-/jobs/new", **(evaluation | {"metric": ""}))
    assert both.status_code == 400 and "needs a metric or a scorer" in both.text
