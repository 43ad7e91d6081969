"""Replicas on this machine come with the first call, leave when nobody calls, and never outlive their server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.loops import run_async
from support.world import World
from yungu import compute, hub
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.app import demo
from yungu.compute.backends.local import LocalPool
from yungu.compute.backends.logs import MOST_BYTES, Logs
from yungu.compute.backends.weights import Weights
from yungu.kernel import clock
from yungu.storage import content

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GENOS = Path(demo.__file__).with_name("demo_data") / "genos-mt"
PROMPT = "GTTAATGTAGCTTAATAAC"


@pytest.fixture
def make_pool(site: Site, tmp_path: Path) -> Callable[..., LocalPool]:
    def make(memory_bytes: int = 4 << 30) -> LocalPool:
        weights = Weights(site.db, site.git, site.store, tmp_path / "compute", cache_bytes=1 << 30)
        return LocalPool(weights, Logs(tmp_path / "logs"), memory_bytes=memory_bytes, start_seconds=60)

    return make


@pytest.fixture
def genos(world: World, lin: Actor) -> compute.Deployment:
    """The DNA model, its weights in the byte store, deployed as lin/genos-mt."""
    small = {path.name: path.read_bytes() for path in GENOS.iterdir() if path.suffix != ".safetensors"}
    repo = world.repo("lin/genos-mt", by=lin, files=small)
    weights = world.upload(repo, (GENOS / "model.safetensors").read_bytes(), by=lin)
    change = replace(weights, path="model.safetensors")
    world.apply(repo, hub.CommitPlan(branch="main", changes=[change], title="weights"), by=lin)
    return world.write_in(compute.deploy, world.site.git, "lin/genos-mt", lin)


def run(work: Coroutine[Any, Any, None]) -> None:
    run_async(asyncio.wait_for(work, 90))


@asynccontextmanager
async def running(pool: LocalPool) -> AsyncIterator[LocalPool]:
    try:
        yield pool
    finally:
        await pool.stop()


async def complete(target: compute.Target, **body: Any) -> httpx.Response:
    asked = {"model": target.model, "prompt": PROMPT, "max_tokens": 8, "temperature": 0} | body
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(f"{target.url}/v1/completions", json=asked, headers=dict(target.headers))


def pids(pool: LocalPool) -> list[int]:
    return [replica.pid for group in pool._groups.values() for replica in group.all]


def is_gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.01)


def test_the_first_call_starts_a_replica_that_reads_the_weights_where_they_lie(
    make_pool: Callable[..., LocalPool], genos: compute.Deployment, site: Site, tmp_path: Path
) -> None:
    async def story() -> None:
        async with running(make_pool()) as pool:
            assert pool.standing(genos).state == "asleep"
            async with pool.reach(genos) as target:
                answer = (await complete(target)).json()
                assert pool.standing(genos).state == "ready"
                assert pool.standing(genos).in_flight == 1
            async with pool.reach(genos) as again:
                assert again == target
            assert answer["usage"]["prompt_tokens"] == len(PROMPT)
            assert answer["usage"]["completion_tokens"] == 8
            assert answer["usage"]["device_seconds"] > 0
            assert set(answer["choices"][0]["text"]) <= set("ACGTN")
            (weights,) = (tmp_path / "compute" / "models").rglob("model.safetensors")
            stored = site.store.path(content.raw_key(weights.resolve().name))
            assert weights.is_symlink() and weights.resolve() == stored.resolve()
            (pid,) = pids(pool)
        assert is_gone(pid)

    run(story())


def test_many_first_calls_wait_for_one_replica(make_pool: Callable[..., LocalPool], genos: compute.Deployment) -> None:
    async def call(pool: LocalPool) -> str:
        async with pool.reach(genos) as target:
            return str((await complete(target)).json()["choices"][0]["text"])

    async def story() -> None:
        async with running(make_pool()) as pool:
            texts = await asyncio.gather(*(call(pool) for _ in range(6)))
            assert len(set(texts)) == 1
            assert len(pids(pool)) == 1

    run(story())


def test_only_the_server_may_call_a_replica(make_pool: Callable[..., LocalPool], genos: compute.Deployment) -> None:
    async def story() -> None:
        async with running(make_pool()) as pool, pool.reach(genos) as target:
            refused = await complete(replace(target, headers={"authorization": "Bearer guessed"}))
            assert refused.status_code == 401
            (pid,) = pids(pool)
            assert site_secrets(pid) == set()

    run(story())


def site_secrets(pid: int) -> set[str]:
    """What a replica could know of the server by its environment and arguments."""
    known = (Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()).decode()
    return {word for word in ("YUNGU_", "secret", "Bearer", "DATABASE") if word in known}


def test_a_replica_that_is_killed_ends_its_streams_at_once_and_is_started_again(
    make_pool: Callable[..., LocalPool], genos: compute.Deployment
) -> None:
    async def story() -> None:
        async with running(make_pool()) as pool, httpx.AsyncClient(timeout=60) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                async with pool.reach(genos) as target:
                    body = {"model": "x", "prompt": PROMPT, "max_tokens": 4000, "stream": True}
                    headers = dict(target.headers)
                    async with client.stream(
                        "POST", f"{target.url}/v1/completions", json=body, headers=headers
                    ) as sent:
                        async for _line in sent.aiter_lines():
                            os.kill(pids(pool)[0], signal.SIGKILL)
            async with pool.reach(genos) as target:
                assert (await complete(target)).status_code == 200
            assert "SIGKILL" in pool.logs.read(genos.id)

    run(story())


def test_a_stream_that_nobody_reads_any_more_stops_the_model(
    make_pool: Callable[..., LocalPool], genos: compute.Deployment
) -> None:
    async def health(target: compute.Target) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=60) as client:
            found = await client.get(f"{target.url}/health", headers=dict(target.headers))
            return dict(found.json())

    async def story() -> None:
        async with running(make_pool()) as pool, pool.reach(genos) as target, httpx.AsyncClient(timeout=60) as client:
            body = {"model": "x", "prompt": PROMPT, "max_tokens": 4000, "stream": True}
            headers = dict(target.headers)
            async with client.stream("POST", f"{target.url}/v1/completions", json=body, headers=headers) as sent:
                await anext(sent.aiter_lines())
                assert (await health(target))["in_flight"] == 1
            started = asyncio.get_running_loop().time()
            while (await health(target))["in_flight"]:
                await asyncio.sleep(0.01)
            assert asyncio.get_running_loop().time() - started < 1.5  # all 4000 tokens take longer

    run(story())


def test_a_model_that_nobody_calls_is_put_to_sleep_and_wakes_with_the_next_call(
    make_pool: Callable[..., LocalPool], genos: compute.Deployment
) -> None:
    drowsy = replace(genos, idle_seconds=1)

    async def story() -> None:
        async with running(make_pool()) as pool:
            async with pool.reach(drowsy) as target:
                await complete(target)
                (pid,) = pids(pool)
                for replica in pool._groups[genos.id].replicas:
                    replica.used_at -= 10
                await pool.keep([drowsy])
                assert pids(pool) == [pid], "it is in use"
            for replica in pool._groups[genos.id].replicas:
                replica.used_at -= 10
            await pool.keep([drowsy])
            await until(lambda: is_gone(pid))
            assert pool.standing(drowsy).state == "asleep"
            async with pool.reach(drowsy) as target:
                assert (await complete(target)).status_code == 200

    run(story())


def test_replicas_follow_what_is_wanted(make_pool: Callable[..., LocalPool], genos: compute.Deployment) -> None:
    async def story() -> None:
        async with running(make_pool()) as pool:
            warm = replace(genos, least_replicas=1)
            await pool.keep([warm])
            await until(lambda: pool.standing(warm).state == "ready")
            (first,) = pids(pool)

            changed = replace(warm, context_tokens=64)
            async with pool.reach(changed) as target:
                refused = await complete(target, prompt="A" * 64)
                assert refused.json()["error"]["code"] == "context_length_exceeded"
            await until(lambda: is_gone(first))

            (second,) = pids(pool)
            await pool.keep([replace(changed, wanted="off")])
            await until(lambda: is_gone(second))
            with pytest.raises(compute.DeploymentOff):
                async with pool.reach(replace(changed, wanted="off")):
                    pass

            async with pool.reach(changed):
                (third,) = pids(pool)
            await pool.keep([])
            await until(lambda: is_gone(third))
            assert pool.running == []

    run(story())


def test_memory_bounds_what_is_warm_and_the_idle_make_room(
    make_pool: Callable[..., LocalPool], genos: compute.Deployment
) -> None:
    one = replace(genos, memory_bytes=300 << 20)
    two = replace(one, id=genos.id + 1)
    huge = replace(one, id=genos.id + 2, memory_bytes=1 << 40)

    async def story() -> None:
        async with running(make_pool(memory_bytes=400 << 20)) as pool:
            with pytest.raises(compute.PoolFull, match="needs"):
                async with pool.reach(huge):
                    pass
            async with pool.reach(one):
                (first,) = pids(pool)
                with pytest.raises(compute.PoolFull, match="in use"):
                    async with pool.reach(two):
                        pass
            async with pool.reach(two) as target:
                assert (await complete(target)).status_code == 200
            await until(lambda: is_gone(first))
            assert pool.standing(one).state == "asleep"

    run(story())


def test_more_replicas_come_while_all_are_busy(make_pool: Callable[..., LocalPool], genos: compute.Deployment) -> None:
    two = replace(genos, most_replicas=2)

    async def story() -> None:
        async with running(make_pool()) as pool, pool.reach(two) as first:
            async with pool.reach(two) as other:
                assert other == first, "nobody waits for the second while the first answers"
            await until(lambda: len(pids(pool)) == 2)
            async with pool.reach(two) as other:
                assert other != first
            async with pool.reach(two), pool.reach(two):
                assert len(pids(pool)) == 2

    run(story())


def test_a_model_that_cannot_load_says_why_and_is_not_tried_all_the_time(
    make_pool: Callable[..., LocalPool], world: World, lin: Actor
) -> None:
    config = json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "tanh"}).encode()
    files = {"config.json": config, "tokenizer.json": b"{}", "a.safetensors": b"no weights"}
    world.repo("lin/broken", by=lin, files=files)
    broken = world.write_in(compute.deploy, world.site.git, "lin/broken", lin)

    async def story() -> None:
        async with running(make_pool()) as pool:
            for _ in range(2):
                with pytest.raises(compute.ReplicaFailed, match="tanh"):
                    async with pool.reach(broken):
                        pass
            starts = len(list((pool.logs._root / str(broken.id)).glob("*.log")))
            with pytest.raises(compute.ReplicaFailed, match="tanh") as refused:
                async with pool.reach(broken):
                    pass
            assert "again" in refused.value.hint
            assert len(list((pool.logs._root / str(broken.id)).glob("*.log"))) == starts
            assert pool.standing(broken).state == "failed"
            assert "tanh" in pool.standing(broken).reason

    run(story())


def test_logs_keep_their_end(database_url: str, tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    for number in range(7):
        log = logs.begin(3, f"r{number}", clock.now())
        log.write(f"hello from {number}\n".encode())
        if number == 6:
            for line in range(40_000):
                log.write(f"line {line}\n".encode())
        log.close()
    text = logs.read(3)
    assert text.endswith("line 39999\n")
    files = sorted((logs._root / "3").iterdir())
    assert len(files) == 5
    assert files[-1].stat().st_size <= MOST_BYTES
