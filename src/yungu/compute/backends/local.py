"""Replicas on this machine: started by the first call, stopped when nobody has called for a while, started again after
a crash, no more of them than memory allows.

Each server process has a pool of its own. It runs in the event loop of that process, so nothing here needs a lock."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from yungu.compute.backends import Standing
from yungu.compute.backends.logs import Logs
from yungu.compute.backends.replica import Replica, new_secret, spec_of, start, state_of
from yungu.compute.backends.weights import Weights
from yungu.compute.errors import DeploymentOff, PoolFull, ReplicaFailed
from yungu.compute.models import Deployment, Target
from yungu.kernel import clock

log = logging.getLogger("yungu.pool")
_LONGEST_BACK_OFF_SECONDS = 60.0
_STABLE_SECONDS = 60.0
"""A replica that has lived so long makes earlier crashes forgotten."""
_SICK = 3
"""So many health checks in a row without an answer, and a replica is stopped."""


@dataclass(slots=True)
class _Group:
    """The replicas of one deployment. ``starting``: one that is on its way; ``leaving``: those of an earlier state
    that still answer somebody."""

    deployment: Deployment
    replicas: list[Replica] = field(default_factory=list)
    leaving: list[Replica] = field(default_factory=list)
    starting: asyncio.Task[Replica] | None = None
    failures: int = 0
    retry_at: float = 0.0
    reason: str = ""

    @property
    def all(self) -> list[Replica]:
        return [*self.replicas, *self.leaving]


class LocalPool:
    """``memory_bytes``: for all replicas together; ``threads``: of each; ``start_seconds``: until it must be ready."""

    def __init__(
        self, weights: Weights, logs: Logs, *, memory_bytes: int, threads: int = 1, start_seconds: float = 120
    ) -> None:
        self.logs = logs
        self._weights = weights
        self._memory_bytes, self._threads, self._start_seconds = memory_bytes, threads, start_seconds
        self._groups: dict[int, _Group] = {}
        self._ends: set[asyncio.Task[None]] = set()
        self._sick: dict[int, int] = {}
        self._is_stopped = False

    @asynccontextmanager
    async def reach(self, deployment: Deployment) -> AsyncIterator[Target]:
        """See `Pool`."""
        replica = await self._lease(deployment)
        replica.in_flight += 1
        try:
            yield replica.target
        except Exception:
            replica.is_suspect = True
            raise
        finally:
            replica.in_flight -= 1
            replica.used_at = time.monotonic()

    def standing(self, deployment: Deployment) -> Standing:
        """See `Pool`."""
        group = self._groups.get(deployment.id)
        if group is None or deployment.wanted == "off":
            return Standing("off" if deployment.wanted == "off" else "asleep")
        alive = [replica for replica in group.all if replica.is_alive]
        memory = sum(replica.spec.memory_bytes for replica in alive)
        in_flight = sum(replica.in_flight for replica in alive)
        if alive:
            return Standing("ready", len(alive), in_flight, memory)
        if group.starting is not None:
            return Standing("starting")
        return Standing("failed", reason=group.reason) if group.failures else Standing("asleep")

    async def keep(self, known: Iterable[Deployment]) -> None:
        """Bring what runs in line with what is wanted: ``known`` are all deployments that are of interest, those with
        replicas and those that want some without being called."""
        wanted = {deployment.id: deployment for deployment in known}
        for number, group in list(self._groups.items()):
            deployment = wanted.get(number)
            if deployment is None or deployment.wanted == "off":
                self._retire(group, group.replicas)
            else:
                self._adopt(group, deployment)
            self._sweep(group)
            if deployment is None and not group.all and group.starting is None:
                del self._groups[number]
        for deployment in wanted.values():
            self._warm(deployment)
        await self._check_health()

    @property
    def running(self) -> list[int]:
        """The deployments that have replicas, or had some a moment ago, by number."""
        return list(self._groups)

    async def stop(self) -> None:
        """See `Pool`."""
        self._is_stopped = True
        for group in self._groups.values():
            if group.starting is not None:
                group.starting.cancel()
                with suppress(asyncio.CancelledError, ReplicaFailed):
                    await group.starting
            self._retire(group, group.all, now=True)
        await asyncio.gather(*self._ends)
        self._groups.clear()

    # --- finding one

    async def _lease(self, deployment: Deployment) -> Replica:
        if deployment.wanted != "on" or self._is_stopped:
            raise DeploymentOff(deployment.name)
        group = self._groups.setdefault(deployment.id, _Group(deployment))
        self._adopt(group, deployment)
        for suspect in [replica for replica in group.replicas if replica.is_suspect]:
            await self._examine(suspect)
        self._bury(group)
        if not group.replicas:
            return await asyncio.shield(self._begin(group))
        chosen = min(group.replicas, key=lambda replica: replica.in_flight)
        slots = int(deployment.options.get("slots", 1))
        if chosen.in_flight >= slots and len(group.replicas) < deployment.most_replicas:
            with suppress(ReplicaFailed, PoolFull):  # one answers already: more are only better
                self._begin(group)
        return chosen

    async def _examine(self, replica: Replica) -> None:
        """After a call that failed: a process that is killed hangs up a moment before it is gone."""
        if await replica.is_healthy():
            replica.is_suspect = False
        else:
            replica.kill()
            await replica.wait()

    def _begin(self, group: _Group) -> asyncio.Task[Replica]:
        """Start another replica, or join whoever does. Raises ReplicaFailed, PoolFull."""
        if group.starting is None:
            if time.monotonic() < group.retry_at:
                raise ReplicaFailed(group.reason, hint="It is started again in a moment.")
            self._make_room(group.deployment)
            group.starting = asyncio.create_task(self._start(group, group.deployment))
            group.starting.add_done_callback(lambda done: _settle(group, done))
        return group.starting

    async def _start(self, group: _Group, deployment: Deployment) -> Replica:
        record = self.logs.begin(deployment.id, new_secret()[:6], clock.now())
        replica: Replica | None = None
        try:
            folder = await asyncio.to_thread(self._weights.folder, deployment)
            replica = await start(spec_of(deployment, str(folder), self._threads), record)
            await replica.wait_until_ready(self._start_seconds)
        except BaseException as error:
            if replica is None:
                record.close()
            elif replica.is_alive:
                await replica.stop(grace_seconds=0)
            if isinstance(error, ReplicaFailed):
                self._fail(group, error.message)
            raise
        if state_of(group.deployment) == state_of(deployment):
            group.replicas.append(replica)
        else:
            group.leaving.append(replica)
        return replica

    # --- room

    def _make_room(self, deployment: Deployment) -> None:
        """Stop idle replicas, least recently used first, until there is memory for another one. Raises PoolFull."""
        needed = deployment.memory_bytes
        if needed > self._memory_bytes:
            raise PoolFull(f"{deployment.name} needs {_size(needed)} of memory; there are {_size(self._memory_bytes)}.")
        idle = [
            (replica.used_at, group, replica)
            for group in self._groups.values()
            for replica in group.replicas
            if not replica.in_flight and len(group.replicas) > group.deployment.least_replicas
        ]
        idle.sort(key=lambda entry: entry[0])
        free = self._memory_bytes - self._used()
        evicted = []
        while free < needed and idle:
            _, group, replica = idle.pop(0)
            evicted.append((group, replica))
            free += replica.spec.memory_bytes
        if free < needed:
            raise PoolFull("All memory for models is in use.", hint="Try again when a call has ended.")
        for group, replica in evicted:
            self._retire(group, [replica])

    def _used(self) -> int:
        ready = sum(replica.spec.memory_bytes for group in self._groups.values() for replica in group.replicas)
        coming = sum(group.deployment.memory_bytes for group in self._groups.values() if group.starting is not None)
        return ready + coming

    # --- letting go

    def _adopt(self, group: _Group, deployment: Deployment) -> None:
        """Replicas of another state of the deployment take no more calls."""
        if state_of(group.deployment) != state_of(deployment):
            group.failures, group.retry_at = 0, 0.0
            self._retire(group, group.replicas)
        group.deployment = deployment

    def _retire(self, group: _Group, replicas: list[Replica], *, now: bool = False) -> None:
        """Take no more calls to them, and stop those that answer nobody; the others when they are done."""
        for replica in list(replicas):
            for kept in (group.replicas, group.leaving):
                if replica in kept:
                    kept.remove(replica)
            if replica.in_flight and not now:
                group.leaving.append(replica)
            else:
                self._end(replica)

    def _end(self, replica: Replica) -> None:
        task = asyncio.create_task(replica.stop())
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    def _sweep(self, group: _Group) -> None:
        """Bury the dead, stop the idle."""
        self._bury(group)
        self._retire(group, [replica for replica in group.leaving if not replica.in_flight])
        idle_seconds = group.deployment.idle_seconds
        if idle_seconds is None:
            return
        since = time.monotonic() - idle_seconds
        spare = len(group.replicas) - group.deployment.least_replicas
        idle = [replica for replica in group.replicas if not replica.in_flight and replica.used_at < since]
        self._retire(group, sorted(idle, key=lambda replica: replica.used_at)[: max(0, spare)])

    def _bury(self, group: _Group) -> None:
        """Forget replicas that have died; each crash puts the next start off for longer."""
        for replica in [replica for replica in group.all if not replica.is_alive]:
            (group.replicas if replica in group.replicas else group.leaving).remove(replica)
            if replica.is_crashed:
                lived = time.monotonic() - replica.started_at
                group.failures = 0 if lived > _STABLE_SECONDS else group.failures
                self._fail(group, f"A replica of {group.deployment.name} has died.")

    def _fail(self, group: _Group, reason: str) -> None:
        """The first crash delays nobody; then 1, 2, 4 ... seconds."""
        group.reason = reason
        delay = min(_LONGEST_BACK_OFF_SECONDS, 2.0 ** (group.failures - 1)) if group.failures else 0.0
        group.failures += 1
        group.retry_at = time.monotonic() + delay

    def _warm(self, deployment: Deployment) -> None:
        if deployment.wanted != "on" or not deployment.least_replicas or self._is_stopped:
            return
        group = self._groups.setdefault(deployment.id, _Group(deployment))
        if len(group.replicas) < deployment.least_replicas:
            with suppress(ReplicaFailed, PoolFull):
                self._begin(group)

    async def _check_health(self) -> None:
        replicas = [replica for group in self._groups.values() for replica in group.replicas if replica.is_alive]
        healthy = await asyncio.gather(*(replica.is_healthy() for replica in replicas))
        missed = {}
        for replica, is_healthy in zip(replicas, healthy, strict=True):
            if not is_healthy:
                missed[replica.pid] = self._sick.get(replica.pid, 0) + 1
                if missed[replica.pid] >= _SICK:
                    log.warning("A replica of %s does not answer any more: it is stopped.", replica.spec.model)
                    replica.kill()
        self._sick = missed


def _settle(group: _Group, done: asyncio.Task[Replica]) -> None:
    group.starting = None
    if not done.cancelled():
        done.exception()  # whoever waits gets it; nobody may wait


def _size(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def default_memory_bytes() -> int:
    """Half of the machine's."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
