"""Replicas on a Ray cluster: each deployment is an application of Ray Serve, which starts, counts and stops them.

Serve scales between ``least_replicas`` and ``most_replicas`` by the calls in flight, to none after ``idle_seconds``,
and keeps calls waiting while the first one starts again. Calls go to Serve's own HTTP address."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from yungu.compute.backends import Standing, State
from yungu.compute.backends.replica import spec_of, state_of
from yungu.compute.errors import DeploymentOff, ReplicaFailed
from yungu.compute.models import Deployment, Target
from yungu.compute.runtimes.sources import Source

log = logging.getLogger("yungu.pool")
Provide = Callable[[Deployment], Source]
RENEW_SECONDS = 12 * 3600.0
"""How old a source may be: what Ray's machines fetch with ends some time."""
COUNT_SECONDS = 15.0
"""Between two looks at how many replicas there are: asking Serve costs a tenth of a second of CPU."""
_SERVE_PORT = 8000
_QUEUED = 64
_REFUSED = re.compile(r"\.(?:ModelUnfit|ExtraMissing): (.{1,300})")
"""What a runtime says in the middle of Ray's traceback."""
_NEVER_SECONDS = 10.0**9


@dataclass(slots=True)
class _App:
    name: str
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    state: tuple[object, ...] | None = None
    target: Target | None = None
    deployed_at: float = 0.0
    in_flight: int = 0
    replicas: int = 0
    memory_bytes: int = 0
    reason: str = ""


class RayPool:
    """``address``: as ``ray.init`` takes it, or "local" for a cluster of its own; ``url``: where Serve answers, empty
    for port 8000 of the address; ``name``: tells apart hubs that share a cluster. Ray is loaded with the first call."""

    def __init__(
        self,
        provide: Provide,
        *,
        address: str,
        url: str = "",
        name: str = "",
        threads: int = 1,
        start_seconds: float = 120,
    ) -> None:
        self._provide, self._address, self._name = provide, address, name
        self._url = url.rstrip("/")
        self._threads, self._start_seconds = threads, start_seconds
        self._apps: dict[int, _App] = {}
        self._connecting: asyncio.Task[None] | None = None
        self._counted_at = 0.0

    @asynccontextmanager
    async def reach(self, deployment: Deployment) -> AsyncIterator[Target]:
        """See `Pool`."""
        if deployment.wanted != "on":
            raise DeploymentOff(deployment.name)
        app = self._apps.setdefault(deployment.id, _App(f"yungu-{self._name}{deployment.id}"))
        target = await self._ensure(app, deployment)
        app.in_flight += 1
        try:
            yield target
        finally:
            app.in_flight -= 1

    def standing(self, deployment: Deployment) -> Standing:
        """See `Pool`."""
        app = self._apps.get(deployment.id)
        if deployment.wanted == "off" or app is None:
            return Standing("off" if deployment.wanted == "off" else "asleep")
        state: State = "ready" if app.replicas else "failed" if app.reason else "asleep"
        if app.turn.locked():
            state = "starting"
        return Standing(state, app.replicas, app.in_flight, app.replicas * app.memory_bytes, app.reason)

    @property
    def running(self) -> list[int]:
        return list(self._apps)

    async def keep(self, known: Iterable[Deployment]) -> None:
        """Start what is wanted without being called, take away what is not wanted any more, count the rest."""
        wanted = {deployment.id: deployment for deployment in known if deployment.wanted == "on"}
        for number in self._apps.keys() - wanted.keys():
            await self._remove(self._apps.pop(number))
        for deployment in wanted.values():
            if deployment.least_replicas and deployment.id not in self._apps:
                with suppress(ReplicaFailed):
                    async with self.reach(deployment):
                        pass
        if self._apps and time.monotonic() - self._counted_at > COUNT_SECONDS:
            await self.count()

    async def stop(self) -> None:
        """See `Pool`."""
        if self._connecting is None:
            return
        for app in self._apps.values():
            await self._remove(app)
        self._apps.clear()
        await asyncio.to_thread(_leave, is_own=self._address == "local")

    async def count(self) -> None:
        """Look how many replicas there are."""
        self._counted_at = time.monotonic()
        counts = await asyncio.to_thread(_count_replicas)
        for app in self._apps.values():
            app.replicas = counts.get(app.name, 0)

    # --- one application

    async def _ensure(self, app: _App, deployment: Deployment) -> Target:
        async with app.turn:
            state = state_of(deployment), deployment.least_replicas, deployment.most_replicas, deployment.idle_seconds
            if app.target is None or app.state != state or time.monotonic() - app.deployed_at > RENEW_SECONDS:
                app.target = await self._deploy(app, deployment)
                app.state, app.deployed_at, app.replicas, app.reason = state, time.monotonic(), 1, ""
            return app.target

    async def _deploy(self, app: _App, deployment: Deployment) -> Target:
        await self._connect()
        spec = spec_of(deployment, "", self._threads)
        try:
            source = await asyncio.to_thread(self._provide, deployment)
            made = _application(deployment, spec.threads, msgspec.json.encode(spec), msgspec.json.encode(source))
            app.memory_bytes = deployment.memory_bytes
            async with asyncio.timeout(self._start_seconds):
                await asyncio.to_thread(_run, made, app.name)
        except TimeoutError:
            await self._remove(app)
            app.reason = (
                f"{deployment.name} was not ready within {self._start_seconds:g} seconds: is there room on Ray?"
            )
            raise ReplicaFailed(app.reason) from None
        except RuntimeError as error:
            log.warning("Ray does not start %s: %s", deployment.name, error)
            told = _REFUSED.findall(await asyncio.to_thread(_said, app.name)) or ["the log of the server tells more."]
            await self._remove(app)
            app.reason = f"{deployment.name} does not start on Ray: {told[-1]}"
            raise ReplicaFailed(app.reason) from error
        headers = {"authorization": f"Bearer {spec.secret}"}
        return Target(f"{self._url}/{app.name}", headers, deployment.name)

    async def _remove(self, app: _App) -> None:
        app.target, app.replicas = None, 0
        with suppress(RuntimeError):
            await asyncio.to_thread(_delete, app.name)

    # --- the cluster

    async def _connect(self) -> None:
        """Raises ReplicaFailed."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(asyncio.to_thread(self._join))
        try:
            await asyncio.shield(self._connecting)
        except (ImportError, ConnectionError, RuntimeError, ValueError) as error:
            self._connecting = None
            log.warning("The Ray cluster cannot be reached: %s", error)
            raise ReplicaFailed("The Ray cluster cannot be reached.", hint="Try again in a moment.") from error

    def _join(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
        import ray
        from ray import serve

        is_own = self._address == "local"
        host, port = ("127.0.0.1", _free_port()) if is_own else ("0.0.0.0", _SERVE_PORT)  # noqa: S104 - machines of a cluster call each other
        self._url = self._url or f"http://{host if is_own else _host(self._address)}:{port}"
        ray.init(
            None if is_own else self._address,
            namespace="yungu",
            include_dashboard=False if is_own else None,
            log_to_driver=False,
            configure_logging=False,
            ignore_reinit_error=True,
        )
        serve.start(proxy_location="HeadOnly", http_options={"host": host, "port": port})


def _application(deployment: Deployment, threads: int, spec: bytes, source: bytes) -> Any:
    from ray import serve

    from yungu.compute.runtimes.hosted import Hosted  # numpy and a web server, which the hub does without

    slots = int(deployment.options.get("slots", 1))
    idle = _NEVER_SECONDS if deployment.idle_seconds is None else float(deployment.idle_seconds)
    scaling = {
        "min_replicas": deployment.least_replicas,
        "initial_replicas": max(1, deployment.least_replicas),  # a model that cannot load is found out now
        "max_replicas": deployment.most_replicas,
        "target_ongoing_requests": slots,
        "upscale_delay_s": 1.0,
        "downscale_delay_s": idle,
        "downscale_to_zero_delay_s": idle,
    }
    hosted = serve.deployment(Hosted).options(
        name="model",
        autoscaling_config=scaling,
        max_ongoing_requests=slots + _QUEUED,
        graceful_shutdown_timeout_s=20.0,
        max_constructor_retry_count=1,  # what cannot load now cannot load in a second
        ray_actor_options={"num_cpus": threads, "memory": deployment.memory_bytes},
    )
    return hosted.bind(spec, source)


def _run(made: Any, name: str) -> None:
    """Until it is ready. Raises RuntimeError."""
    from ray import serve

    serve.run(made, name=name, route_prefix=f"/{name}", blocking=False)


def _said(name: str) -> str:
    """What Serve knows of an application that does not start."""
    from ray import serve

    application = serve.status().applications.get(name)
    return "" if application is None else "".join(part.message for part in application.deployments.values())


def _delete(name: str) -> None:
    from ray import serve

    serve.delete(name)


def _count_replicas() -> dict[str, int]:
    from ray import serve

    applications = serve.status().applications
    return {
        name: sum(part.replica_states.get("RUNNING", 0) for part in application.deployments.values())
        for name, application in applications.items()
    }


def _leave(*, is_own: bool) -> None:
    import ray
    from ray import serve

    if is_own:
        serve.shutdown()
    ray.shutdown()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _host(address: str) -> str:
    """Of "host:6379" or "ray://host:10001"; "auto" is this machine."""
    host = address.rpartition("://")[2].partition(":")[0]
    return "127.0.0.1" if host in ("", "auto") else host
