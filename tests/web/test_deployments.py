"""Callable models on pages: made, found, tried, paid, changed and removed, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import accounts, compute, credits
from yungu.app import demo

Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"
_GENOS = Path(demo.__file__).parent / "demo_data" / "genos-mt"
_PROMPT = "GTTAATGTAGCTTAATAAC"
PRICES = {"prompt_million": "0.5", "completion_million": "2", "request": "0.001", "second": "0"}


@pytest.fixture
def genos(live: LiveHub, lin_name: str) -> str:
    """A model of lin's that writes DNA, not deployed."""
    files = {path.name: path.read_bytes() for path in _GENOS.iterdir()}
    return live.world.repo(f"{lin_name}/genos", by=live.actor(lin_name), files=files).repo_id


@pytest.fixture
def deployed(live: LiveHub, lin_name: str, genos: str) -> str:
    with live.site.db.write() as session:
        prices = compute.Prices(500_000, 1_000_000, 2_000_000)
        return compute.deploy(session, live.site.git, genos, live.actor(lin_name), prices).name


def give_cash(live: LiveHub, name: str, amount: int) -> None:
    with live.site.db.write() as session:
        owner = accounts.get_owner(session, name)
        credits.add_cash(session, owner.id, amount, key=live.fresh_name("cash"), by=None)


def test_the_page_of_a_model_says_what_it_runs_on(visit: Visit, genos: str) -> None:
    page = visit().read(f"/{genos}")
    assert "Runs on" in page and "H100 SXM" in page and "as stored" in page
    assert "187k of 631k parameters work on a token" in page
    assert "quoted 2026" in page and "measured 2026" in page
    more = visit().read(f"/{genos}?context=131072&batch=64")
    assert 'value="131072"' in more and "3.22 GB" in more  # 3 layers * 2 heads * 16 * 2 * 2 bytes * 131072 * 64
    for wrong in ("context=-1&batch=x", "context=99999999999999999999", "batch=0"):
        assert visit().get(f"/{genos}?{wrong}").status_code == 200


def test_a_model_is_deployed_changed_switched_and_removed(
    live: LiveHub, visit: Visit, lin_name: str, genos: str
) -> None:
    lin = visit(lin_name)
    form = f"/-/deployments/new?repo={genos}"
    assert "decoder" in lin.read(form)
    given = {"repo": genos, "name": genos, "visibility": "public", **PRICES}
    wrong = lin.submit(form, **(given | {"completion_million": "-1"}))
    assert wrong.status_code == 400 and "Write a number of credits" in wrong.text and 'value="-1"' in wrong.text
    assert lin.submit(form, **(given | {"context_tokens": "99999999999"})).status_code == 400
    assert lin.submit(form, **(given | {"name": "elsewhere/genos"})).status_code == 403
    place = lin.submit(form, **given).headers["location"]
    assert lin.submit(form, **given).status_code == 409

    assert genos in visit().read("/-/deployments")
    stranger = visit().read(place)
    assert "credits per million tokens written" in stranger and "Remove the deployment" not in stranger
    assert f"base_url=&#34;{live.url}/v1&#34;" in stranger and "Call this model" in visit().read(f"/{genos}")
    changed = lin.submit(place, f"{place}/change", **(PRICES | {"request": "7"}), visibility="internal")
    assert changed.status_code == 303
    assert visit().get(place).status_code == 404 and "<b>7</b> credits per call" in lin.read(place)
    lin.submit(place, f"{place}/switch", wanted="off")
    assert "Switch on" in lin.read(place)
    assert lin.submit(place, f"{place}/remove", confirm="no").status_code == 400
    assert lin.submit(place, f"{place}/remove", confirm=genos).status_code == 303
    assert lin.get(place).status_code == 404


def test_what_cannot_fit_here_is_refused_with_the_figures(
    live: LiveHub, visit: Visit, lin_name: str, genos: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lin, form = visit(lin_name), f"/-/deployments/new?repo={genos}"
    given = {"repo": genos, "name": genos, "visibility": "public", **PRICES}
    monkeypatch.setattr(live.site, "replica_bytes", 100_000_000)
    refused = lin.submit(form, **given)  # its process alone needs more
    assert refused.status_code == 400 and "128 MB" in refused.text
    assert "would need 0.128 GB of memory; a replica may use 0.1 GB here" in refused.text
    monkeypatch.setattr(live.site, "replica_bytes", 1_000_000_000)
    long = lin.submit(form, **given, context_tokens="4000000")  # its cache would
    assert long.status_code == 400 and "Ask for a shorter context" in long.text
    assert lin.get(f"/-/deployments/{genos}").status_code == 404

    place = lin.submit(form, **given).headers["location"]
    grown = lin.submit(place, f"{place}/change", **PRICES, visibility="public", memory="2000")
    assert grown.status_code == 400 and "would need 2 GB" in grown.text
    assert "This server" in lin.read(f"/{genos}")


def test_only_who_may_write_there_changes_a_deployment(live: LiveHub, visit: Visit, deployed: str) -> None:
    place, other = f"/-/deployments/{deployed}", visit(live.user())
    token = re.search(r'name="form_token" value="(\w+)"', other.read("/"))
    assert token is not None
    for verb, fields in {"switch": {"wanted": "off"}, "change": PRICES, "remove": {"confirm": deployed}}.items():
        answer = other.post(f"{place}/{verb}", data={"form_token": token[1], **fields})
        assert answer.status_code == 403, verb
        assert visit().post(f"{place}/{verb}", data=fields).status_code == 401
    assert "Newest calls" not in other.read(place)


def test_a_question_without_scripts_is_answered_and_leaves_a_receipt(
    live: LiveHub, visit: Visit, deployed: str
) -> None:
    caller = visit(live.user())
    page = f"/-/playground/{deployed}"
    short = caller.submit(page, message=_PROMPT, max_tokens="20", temperature="0")
    assert "alert-error" in short.text and "credits" in short.text  # nothing to pay with
    assert caller.name is not None
    give_cash(live, caller.name, 1_000_000)
    for wrong in ({"max_tokens": "0"}, {"max_tokens": "many"}, {"temperature": "9"}, {"message": ""}):
        fields = {"message": _PROMPT, "max_tokens": "20", "temperature": "0"} | wrong
        assert caller.submit(page, **fields).status_code == 400, wrong

    answer = caller.submit(page, message=_PROMPT, max_tokens="20", temperature="0")
    said = re.search(r"(\d+) tokens read, 20 written, ([0-9.]+) credits.*?href=\"(/-/receipts/\d+)\"", answer.text)
    assert said is not None, answer.text
    assert re.search(r'<p class="reply is-code">[ACGTN]{20}</p>', answer.text)
    receipt = caller.read(said[3])
    assert said[2] in receipt and "Cash" in receipt and "came back" in receipt
    assert visit(live.user()).get(said[3]).status_code == 404
    export = caller.get(f"/-/credits/{caller.name}/calls.csv").text
    assert f",{deployed},completion,done,{said[1]},20," in export
    assert deployed in caller.read("/-/credits")


def test_a_browser_session_streams_only_from_our_own_pages(live: LiveHub, visit: Visit, deployed: str) -> None:
    caller = visit(live.user())
    assert caller.name is not None
    give_cash(live, caller.name, 1_000_000)
    body = {"model": deployed, "prompt": _PROMPT, "max_tokens": 8, "stream": True}
    foreign = caller.post("/v1/completions", json=body, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403

    own = {"origin": live.url, "idempotency-key": "page-1"}
    answer = caller.post("/v1/completions", json=body, headers=own)
    assert answer.status_code == 200 and "data: [DONE]" in answer.text
    told = caller.get("/-/receipts?request=page-1").json()
    assert told["completion_tokens"] == 8 and caller.get(told["address"]).status_code == 200
    assert visit(live.user()).get("/-/receipts?request=page-1").status_code == 404


def test_what_others_wrote_runs_nothing(live: LiveHub, visit: Visit, lin_name: str, deployed: str) -> None:
    lin = visit(lin_name)
    upstream = {"name": f"{lin_name}/far", "address": "http://[x", "visibility": "private", "answers": "chat"} | PRICES
    refused = lin.submit("/-/deployments/upstream", **(upstream | {"upstream_model": SCRIPT, "address": SCRIPT}))
    assert refused.status_code == 400 and SCRIPT not in refused.text and "&lt;script&gt;" in refused.text
    made = lin.submit(
        "/-/deployments/upstream", **(upstream | {"address": "https://models.example", "upstream_model": SCRIPT})
    )
    assert made.status_code == 303 and SCRIPT not in lin.read(made.headers["location"])
    private = lin.submit("/-/deployments/upstream", **(upstream | {"address": "http://127.0.0.1:9"}))
    assert private.status_code == 400
    page = lin.submit(f"/-/playground/{deployed}", message=SCRIPT, max_tokens="1", temperature="1")
    assert SCRIPT not in page.text
    assert live.site.pool is None or SCRIPT not in lin.read(f"/-/deployments/{deployed}")


def test_a_secret_of_an_upstream_server_is_never_shown(visit: Visit, lin_name: str) -> None:
    lin = visit(lin_name)
    given = {"name": f"{lin_name}/cloud", "address": "https://models.example", "visibility": "private"} | PRICES
    made = lin.submit("/-/deployments/upstream", answers="chat", key="sk-very-secret", **given)
    page = lin.read(made.headers["location"])
    assert "https://models.example" in page and "sk-very-secret" not in page
    refused = lin.submit("/-/deployments/upstream", answers="chat", key="sk-very-secret", **given)
    assert refused.status_code == 409 and "sk-very-secret" not in refused.text
