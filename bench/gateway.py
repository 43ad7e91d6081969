"""Calls of models through the gateway, with every call held, counted and settled, beside LiteLLM and no gateway."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import (
    OWNER,
    ROOT,
    Cost,
    Figure,
    Hub,
    Meter,
    WallOnly,
    free_port,
    keep_apart,
    median,
    progress,
    running_hub,
    save,
    start,
    stop,
    wait_for_answer,
    workplace,
)
from yungu import accounts, compute, credits
from yungu.kernel.db import Database

VERSION = "litellm[proxy]==1.106.2"
VENV = ROOT / "build" / "bench" / "litellm"
_CLIENTS = 8
_TENTH = 10.0
_MODEL = "mei/zero"
_NOTE = f"""\
The model server answers at once with 20 words; behind it there is nothing. Our call finds out who calls, holds the most
that it can cost on a voucher, passes the answer on, settles what the server counted and writes the row of the receipt:
two committed transactions on SQLite, the second of them synced to disk. LiteLLM ({VERSION}) runs without a database
and with one key, so it keeps no accounts at all. CPU is that of the gateway's process, {_CLIENTS} clients at a time;
servers have one core, clients the other;
a stream has 20 frames, each sent by itself. Latencies are of one client; those of the model server without a gateway
are taken off."""


@dataclass(slots=True)
class Side:
    """A server to call. ``pid``: whose CPU is counted."""

    name: str
    url: str
    model: str
    token: str
    pid: int
    calls: int
    costs: dict[bool, list[Cost]] = field(default_factory=lambda: {False: [], True: []})
    waits: dict[bool, list[float]] = field(default_factory=lambda: {False: [], True: []})

    def round(self) -> None:
        for is_stream in (False, True):
            self.send(is_stream, _CLIENTS)
            each = self.calls // _CLIENTS
            with Meter(self.pid) as meter, ThreadPoolExecutor(_CLIENTS) as pool:
                list(pool.map(self.send, [is_stream] * _CLIENTS, [each] * _CLIENTS))
            self.costs[is_stream].append(meter.cost.per(each * _CLIENTS))
            self.waits[is_stream] += self.send(is_stream, self.calls // 4)

    def send(self, is_stream: bool, count: int) -> list[float]:
        """How long each of so many calls took, one after the other."""
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc)
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": "a cup of tea, please"}],
            "max_tokens": 64,
        }
        data = json.dumps(body | ({"stream": True} if is_stream else {})).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        waits = []
        for _ in range(count):
            started = time.perf_counter()
            connection.request("POST", "/v1/chat/completions", data, headers)
            answer = connection.getresponse()
            content = answer.read()
            waits.append(time.perf_counter() - started)
            if answer.status != 200 or content.count(b"tea ") != 20:
                raise RuntimeError(f"{self.name} answered {answer.status}: {content[:300]!r}")
        connection.close()
        return waits

    def wait(self, is_stream: bool, percent: int) -> float:
        return statistics.quantiles(self.waits[is_stream], n=100)[percent - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1600, help="of each kind in a round; LiteLLM gets an eighth")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-litellm", action="store_true")
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    keep_apart()
    with workplace(options.work) as work, ExitStack() as stack:
        port = stack.enter_context(_model_server(work))
        bare = Side("the model server", f"http://127.0.0.1:{port[0]}", "zero", "none", port[1], options.calls)
        hub = stack.enter_context(running_hub(work))
        _fill(hub, bare.url)
        ours = Side("yungu", hub.url, _MODEL, hub.token, hub.pid, options.calls)
        sides = [bare, ours]
        if not options.without_litellm:
            sides.append(stack.enter_context(_litellm(work, bare.url, options.calls // 8)))
        for _ in range(options.rounds):
            for side in sides:
                side.round()
                shown = [f"{median(side.costs[kind]).cpu_seconds * 1000:.2f} ms" for kind in (False, True)]
                progress(f"{side.name}: CPU {shown[0]} a call, {shown[1]} a stream")
        _check(hub)
        if options.without_litellm:
            return
        save("gateway", "Calls of models", list(_figures(*sides)), _NOTE)


def _figures(bare: Side, ours: Side, theirs: Side) -> Iterator[Figure]:
    for is_stream, what in ((False, "call"), (True, "stream of 20 frames")):
        our, their = median(ours.costs[is_stream]), median(theirs.costs[is_stream])
        ratio = their.cpu_seconds / our.cpu_seconds
        yield Figure(f"{what}, metered", our, "LiteLLM, not metered", their, ratio, "times less CPU", _TENTH)
    for is_stream, what in ((False, "call"), (True, "stream of 20 frames")):
        for percent in (50, 99):
            our, their = (side.wait(is_stream, percent) - bare.wait(is_stream, percent) for side in (ours, theirs))
            told = f"{what}: latency added, p{percent}"
            yield Figure(told, Cost(0, our), "LiteLLM", WallOnly(their), their / our, "times less")


@contextmanager
def _model_server(work: Path) -> Iterator[tuple[int, int]]:
    port = free_port()
    process = start([sys.executable, str(Path(__file__).with_name("zero_model.py")), str(port)], work / "zero.log")
    try:
        wait_for_answer(process, f"http://127.0.0.1:{port}/")
        yield port, process.pid
    finally:
        stop(process)


def _fill(hub: Hub, upstream: str) -> None:
    """A deployment that somebody else earns with, and a voucher to pay it."""
    database = Database(f"sqlite:///{hub.data / 'yungu.db'}")
    secret = (hub.data / "secret.key").read_bytes()
    with database.write() as session:
        mei = accounts.create_user(session, "mei", password_hash=None)
        actor = accounts.Actor(replace(mei, is_admin=True))
        prices = compute.Prices(request=10, prompt_million=1_000_000, completion_million=2_000_000)
        compute.deploy_upstream(
            session, secret, _MODEL, actor, upstream, prices, upstream_model="zero", visibility="public"
        )
        credits.fund_budget(session, "pot", 10**15, key="pot", by=None)
        spender = accounts.get_user(session, OWNER)
        credits.grant(session, spender.id, 10**14, budget="pot", key="voucher", by=None)
    database.close()


def _check(hub: Hub) -> None:
    database = Database(f"sqlite:///{hub.data / 'yungu.db'}")
    with database.snapshot() as session:
        audit = credits.replay(session)
        held = credits.get_wallet(session, accounts.get_user(session, OWNER).id).held
    database.close()
    progress(f"{audit.transfers} transfers, sound: {audit.is_sound}, still held: {held}")
    if not audit.is_sound or held:
        raise RuntimeError("the books are not right")


@contextmanager
def _litellm(work: Path, upstream: str, calls: int) -> Iterator[Side]:
    """LiteLLM's proxy with one model and one key, told not to ask the network for anything."""
    _make_environment()
    port, key = free_port(), "sk-only-for-this-run"
    config = work / "litellm.yaml"
    model = {"model": "openai/zero", "api_base": f"{upstream}/v1", "api_key": "none"}
    config.write_text(
        json.dumps(
            {"model_list": [{"model_name": "zero", "litellm_params": model}], "general_settings": {"master_key": key}}
        )
    )
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False"}
    command = [str(VENV / "bin" / "litellm"), f"--config={config}", "--host=127.0.0.1", f"--port={port}"]
    process = start(command, work / "litellm.log", env=os.environ | quiet | {"HOME": str(work)})
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for_answer(process, f"{url}/health/liveliness")
        yield Side("LiteLLM", url, "zero", key, process.pid, calls)
    finally:
        stop(process)


def _make_environment() -> None:
    """Its packages, apart from ours, kept between runs."""
    stamp = VENV / ".version"
    if stamp.exists() and stamp.read_text() == VERSION:
        return
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin" / "pip", "-q", "--disable-pip-version-check", "install", VERSION], check=True)
    stamp.write_text(VERSION)


if __name__ == "__main__":
    main()
