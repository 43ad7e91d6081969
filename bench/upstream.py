"""What calling a model server takes by the hub's own client, by httpx and by aiohttp: CPU of the process that asks."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import httpx
import uvloop

from harness import free_port, progress, start, stop, wait_for_answer, workplace
from yungu.compute import Target
from yungu.compute.backends.upstream import Reply, Servers

_PATH = "/v1/chat/completions"
_AT_ONCE = 8
_ASKED = {"model": "zero", "messages": [{"role": "user", "content": "a cup of tea, please"}], "max_tokens": 64}
_BODIES = {
    "call": json.dumps(_ASKED).encode(),
    "stream of 20 frames": json.dumps(_ASKED | {"stream": True}).encode(),
}
_HEADERS = {"content-type": "application/json"}
Ask = Callable[[bytes], Awaitable[bytes]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=800, help="of each kind, by each client, in a round")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with _model_server() as url:
        uvloop.run(_measure(url, options.calls, options.rounds))


async def _measure(url: str, calls: int, rounds: int) -> None:
    servers = Servers()
    async with httpx.AsyncClient(timeout=60) as plain, aiohttp.ClientSession() as session:
        asks = {
            "own": lambda body: _by_own(servers, url, body),
            "httpx": lambda body: _by_httpx(plain, url, body),
            "aiohttp": lambda body: _by_aiohttp(session, url, body),
        }
        for what, body in _BODIES.items():
            costs: dict[str, list[float]] = {name: [] for name in asks}
            for _ in range(rounds):
                for name, ask in asks.items():
                    costs[name].append(await _round(ask, body, calls))
            for name, taken in costs.items():
                ratio = statistics.median(cost / own for cost, own in zip(taken, costs["own"], strict=True))
                progress(f"{what}, {name}: {statistics.median(taken) * 1000:.3f} ms of CPU, {ratio:.1f} times the own")
    servers.close()


async def _round(ask: Ask, body: bytes, calls: int) -> float:
    """CPU seconds of a call."""

    async def some() -> None:
        for _ in range(calls // _AT_ONCE):
            assert (await ask(body)).count(b"tea ") == 20

    await ask(body)
    started = time.process_time()
    await asyncio.gather(*(some() for _ in range(_AT_ONCE)))
    return (time.process_time() - started) / (calls // _AT_ONCE * _AT_ONCE)


async def _by_own(servers: Servers, url: str, body: bytes) -> bytes:
    reply: Reply = await servers.post(
        Target(url, {}, "zero", True), _PATH, body, stall_seconds=60, asked=lambda _reply: None
    )
    return await _joined(reply.read)


async def _joined(read: Callable[[], Awaitable[bytes]]) -> bytes:
    parts = []
    while part := await read():
        parts.append(part)
    return b"".join(parts)


async def _by_httpx(client: httpx.AsyncClient, url: str, body: bytes) -> bytes:
    async with client.stream("POST", url + _PATH, content=body, headers=_HEADERS) as answer:
        return b"".join([part async for part in answer.aiter_raw()])


async def _by_aiohttp(session: aiohttp.ClientSession, url: str, body: bytes) -> bytes:
    async with session.post(url + _PATH, data=body, headers=_HEADERS) as answer:
        return await _joined(answer.content.readany)


@contextmanager
def _model_server() -> Iterator[str]:
    with workplace() as work:
        port = free_port()
        process = start([sys.executable, str(Path(__file__).with_name("zero_model.py")), str(port)], work / "zero.log")
        try:
            wait_for_answer(process, f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(process)


if __name__ == "__main__":
    main()
