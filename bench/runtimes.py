"""How soon a sleeping model answers, and what its process and HTTP cost beside the bare runtime."""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from harness import ROOT, SERVERS, Cost, Figure, Meter, cpu_seconds, keep_apart, median, progress, save, workplace
from yungu.compute.backends.replica import environment
from yungu.compute.runtimes.protocol import Spec

_NOTE = """\
A replica is the process that a deployment starts. Cold: from starting it to the end of an answer of one token, files
in the page cache; beside it the bare runtime, which is Python with the same library and no server. Writing: one
prompt, a stream of {tokens} tokens read to its end over HTTP on loopback, beside the same call inside a process that
holds nothing but the runtime; in turns, either of them first every other time, with fresh processes for each
{pairs} turns (one process is up to a tenth faster than another of the same program); the result is how many tokens a
second of CPU gives, of those that it gives the bare runtime (the median of {turns} neighbours; one of them says little:
their quartiles are several per cent apart; the wall time of one thread among many others says less). The DNA model
is `lin/genos-mt` of the demo (a Mixtral of 0.63 million parameters, numpy); the GGUF file is a Llama of {size} MB of
random weights, by llama.cpp. Both use one thread, on a core that the client does not use."""
_BARE = """\
import importlib, sys
import msgspec
from yungu.compute.runtimes import RUNTIMES
from yungu.compute.runtimes.protocol import Ask, Spec
spec = msgspec.json.decode(sys.argv[1], type=Spec)
runtime = importlib.import_module(RUNTIMES[spec.runtime][0]).load(spec)
for line in sys.stdin:
    said = []
    ask = Ask(prompt="ACGTTGCA", max_tokens=int(line), temperature=0, seed=1, body={"logit_bias": {"2": -100}})
    print(runtime.generate(ask, lambda piece: bool(said.append(piece))).completion_tokens, flush=True)
"""
_GENOS = ROOT / "src" / "yungu" / "app" / "demo_data" / "genos-mt"
_SPARE_TOKENS = 64
_TURNS_IN_A_ROUND = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    keep_apart()
    with workplace(options.work) as work:
        gguf = _make_gguf(work)
        figures = _measure("the DNA model (numpy)", _spec("decoder", _GENOS, options.tokens), options)
        figures += _measure("a GGUF file (llama.cpp)", _spec("gguf", gguf.parent, options.tokens), options)
        size = f"{gguf.stat().st_size / 1e6:.0f}"
    save(
        "runtimes",
        "Runtimes",
        figures,
        _NOTE.format(
            tokens=options.tokens, size=size, pairs=_TURNS_IN_A_ROUND, turns=_TURNS_IN_A_ROUND * options.rounds
        ),
    )


def _spec(runtime: str, folder: Path, tokens: int) -> Spec:
    answers = ("chat", "completion")
    options = {"runtime": runtime, "folder": str(folder), "context_tokens": tokens + _SPARE_TOKENS}
    return Spec(**options, model="lin/m", answers=answers, secret="bench")


def _make_gguf(work: Path) -> Path:
    sys.path.insert(0, str(ROOT / "tests"))
    from support.tiny_models import write_gguf

    folder = work / "gguf"
    folder.mkdir()
    return write_gguf(folder / "bench.gguf", width=384, layers=6, context=4096)


def _measure(what: str, spec: Spec, options: argparse.Namespace) -> list[Figure]:
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(_cold(spec))
        theirs.append(_cold_bare(spec))
    cold = median(ours)
    progress(f"{what}: cold {cold.wall_seconds:.2f} s, bare {median(theirs).wall_seconds:.2f} s")
    figures = [Figure(f"cold start and one token: {what}", cold, "bare", median(theirs), cold.wall_seconds, "s")]
    ours, theirs = [], []
    for _ in range(options.rounds):
        with _replica(spec) as replica, _bare(spec) as bare:
            _stream(replica, options.tokens)
            _write(bare, options.tokens)
            for turn in range(_TURNS_IN_A_ROUND):
                for is_ours in (turn % 2 == 0, turn % 2 != 0):
                    if is_ours:
                        ours.append(_stream(replica, options.tokens))
                    else:
                        theirs.append(_write(bare, options.tokens))
    ratio = statistics.median(their.cpu_seconds / our.cpu_seconds for our, their in zip(ours, theirs, strict=True))
    cost = median(ours)
    speed = options.tokens / cost.wall_seconds
    progress(f"{what}: {speed:.0f} tokens/s, {ratio:.1%} of bare")
    told = f"{options.tokens} tokens in a stream: {what}, {speed:.0f} tokens/s"
    return [*figures, Figure(told, cost, "bare", median(theirs), ratio, "%", target=0.95)]


# --- the replica


@contextmanager
def _replica(spec: Spec) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    command = [*SERVERS, sys.executable, "-P", "-m", "yungu.compute.runtimes.serve"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd="/", env=environment(spec.threads)
    )
    assert process.stdin and process.stdout
    process.stdin.write(msgspec.json.encode(spec) + b"\n")
    process.stdin.flush()
    try:
        yield process, json.loads(process.stdout.readline())["port"]
    finally:
        process.kill()
        process.wait()


def _cold(spec: Spec) -> Cost:
    started = time.perf_counter()
    with _replica(spec) as (process, port):
        _complete(port, 1)
        return Cost(cpu_seconds(process.pid), time.perf_counter() - started)


def _stream(replica: tuple[subprocess.Popen[bytes], int], tokens: int) -> Cost:
    with Meter(replica[0].pid) as meter:
        _complete(replica[1], tokens)
    return meter.cost


def _complete(port: int, tokens: int) -> None:
    body = {"model": "x", "prompt": "ACGTTGCA", "max_tokens": tokens, "temperature": 0, "stream": True}
    body |= {"stream_options": {"include_usage": True}, "seed": 1, "logit_bias": {"2": -100}}  # llama.cpp: no end
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("POST", "/v1/completions", json.dumps(body), {"authorization": "Bearer bench"})
    said = connection.getresponse().read()
    connection.close()
    usage = json.loads(said.split(b"data: ")[-2])["usage"]
    if usage["completion_tokens"] != tokens:
        raise RuntimeError(f"{usage['completion_tokens']} tokens instead of {tokens}")


# --- the bare runtime


@contextmanager
def _bare(spec: Spec) -> Iterator[subprocess.Popen[bytes]]:
    command = [*SERVERS, sys.executable, "-P", "-c", _BARE, msgspec.json.encode(spec).decode()]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment(spec.threads)
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _cold_bare(spec: Spec) -> Cost:
    started = time.perf_counter()
    with _bare(spec) as process:
        _write(process, 1)
        return Cost(cpu_seconds(process.pid), time.perf_counter() - started)


def _write(process: subprocess.Popen[bytes], tokens: int) -> Cost:
    assert process.stdin and process.stdout
    with Meter(process.pid) as meter:
        process.stdin.write(b"%d\n" % tokens)
        process.stdin.flush()
        process.stdout.readline()
    return meter.cost


if __name__ == "__main__":
    main()
