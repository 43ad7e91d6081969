"""The same deployments on a real Ray cluster of this machine, started once for this file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.servers import LiveHub
from yungu import compute, hub
from yungu.app import demo
from yungu.compute.backends.local import LocalPool
from yungu.compute.backends.logs import Logs
from yungu.compute.backends.pool import Places
from yungu.compute.backends.ray import RayPool
from yungu.compute.backends.sources import Fetched, Shared
from yungu.compute.backends.upstream import Upstreams
from yungu.compute.backends.weights import Weights

pytest.importorskip("ray", reason="Ray is not installed")
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]
GENOS = Path(demo.__file__).with_name("demo_data") / "genos-mt"
PROMPT = "GTTAATGTAGCTTAATAAC"
GREEDY = "CCAAACCAAACACACAAAAACCTA"


class Loop:
    """An event loop in a thread, as a server has one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(200)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def weights(live: LiveHub, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    site = live.site
    return Weights(site.db, site.git, site.store, tmp_path_factory.mktemp("compute"), cache_bytes=1 << 30)


@pytest.fixture(scope="module")
def cluster(live: LiveHub, loop: Loop, weights: Weights) -> Iterator[RayPool]:
    made = RayPool(Shared(weights), address="local", start_seconds=150)
    yield made
    loop.run(made.stop())


@pytest.fixture
def genos(live: LiveHub) -> compute.Deployment:
    """The DNA model in a private repo, to run on Ray, at rest after three idle seconds."""
    lin = live.actor(live.user())
    files = {path.name: path.read_bytes() for path in GENOS.glob("*.json")}
    repo = live.world.repo(f"{lin.name}/genos-mt", by=lin, files=files, visibility="private")
    stored = live.world.upload(repo, (GENOS / "model.safetensors").read_bytes(), by=lin)
    change = replace(stored, path="model.safetensors")
    live.world.apply(repo, hub.CommitPlan(branch="main", changes=[change], title="weights"), by=lin)
    options = {"place": "ray", "idle_seconds": 3}
    return live.world.write_in(compute.deploy, live.site.git, repo.repo_id, lin, **options)


async def complete(pool: Any, deployment: compute.Deployment, **body: Any) -> httpx.Response:
    asked = {"model": "x", "prompt": PROMPT, "max_tokens": 24, "temperature": 0} | body
    async with pool.reach(deployment) as target, httpx.AsyncClient(timeout=120) as client:
        return await client.post(f"{target.url}/v1/completions", json=asked, headers=dict(target.headers))


def test_a_deployment_runs_on_ray_streams_sleeps_and_wakes(
    cluster: RayPool, genos: compute.Deployment, loop: Loop, live: LiveHub, weights: Weights, tmp_path: Path
) -> None:
    local = LocalPool(weights, Logs(tmp_path), memory_bytes=1 << 30)
    pool = Places(live.site.db, local, Upstreams(live.site.secret), cluster)

    async def until_asleep() -> None:
        while pool.standing(genos).state != "asleep":
            await asyncio.sleep(1)
            await cluster.count()

    async def story() -> None:
        assert pool.standing(genos).state == "asleep"
        whole = (await complete(pool, genos)).json()
        assert whole["choices"][0]["text"] == GREEDY
        assert whole["usage"]["completion_tokens"] == 24 and whole["usage"]["device_seconds"] > 0
        stream = await complete(pool, genos, stream=True, stream_options={"include_usage": True})
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert '"completion_tokens":24' in stream.text and stream.text.endswith("data: [DONE]\n\n")
        refused = await complete(pool, genos, prompt="")
        assert refused.status_code == 400
        assert pool.standing(genos).state == "ready"
        await until_asleep()
        assert (await complete(pool, genos)).json()["choices"] == whole["choices"]
        await cluster.keep([replace(genos, wanted="off")])
        assert cluster.running == []
        with pytest.raises(compute.DeploymentOff):
            await complete(pool, replace(genos, wanted="off"))

    loop.run(story())


def test_machines_without_the_data_folder_fetch_weights_with_a_token_for_that_repo(
    cluster: RayPool, genos: compute.Deployment, loop: Loop, live: LiveHub, weights: Weights
) -> None:
    fetched = Fetched(weights, live.site.db, live.site.secret, live.url)
    source = fetched(genos)
    assert source.folder == ""
    assert {file.path for file in source.files} >= {"model.safetensors", "config.json", "tokenizer.json"}
    again = fetched(genos)
    headers = {"authorization": f"Bearer {source.token}"}
    assert httpx.get(source.files[0].url, headers=headers).status_code == 401, "the token before has ended"
    assert httpx.get(source.files[0].url, headers={"authorization": f"Bearer {again.token}"}).status_code == 200

    cluster._provide = fetched
    assert loop.run(complete(cluster, genos)).json()["choices"][0]["text"] == GREEDY


def test_a_model_that_cannot_load_on_ray_says_so(cluster: RayPool, live: LiveHub, loop: Loop, weights: Weights) -> None:
    lin = live.actor(live.user())
    files = {"config.json": b'{"model_type": "llama"}', "tokenizer.json": b"{}", "a.safetensors": b"no weights"}
    repo = live.world.repo(f"{lin.name}/broken", by=lin, files=files)
    broken = live.world.write_in(compute.deploy, live.site.git, repo.repo_id, lin, place="ray")
    cluster._provide = Shared(weights)
    with pytest.raises(compute.ReplicaFailed, match=r"does not start on Ray: .*safetensors"):
        loop.run(complete(cluster, broken))
    assert cluster.standing(broken).state == "failed"
