"""Where deployments run, by what each of them asks for: this machine, Ray, or another server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from yungu.compute import queries
from yungu.compute.backends import Standing
from yungu.compute.backends.local import LocalPool
from yungu.compute.backends.ray import RayPool
from yungu.compute.backends.upstream import Upstreams
from yungu.compute.errors import ReplicaFailed
from yungu.compute.models import Deployment, Target
from yungu.kernel.db import Database, is_away

log = logging.getLogger("yungu.pool")
_LOOK_EVERY_SECONDS = 2.0


class Places:
    """``ray`` None: there is none."""

    def __init__(self, database: Database, local: LocalPool, upstreams: Upstreams, ray: RayPool | None = None) -> None:
        self._db = database
        self.local, self._upstreams, self._ray = local, upstreams, ray

    def reach(self, deployment: Deployment) -> AbstractAsyncContextManager[Target]:
        """See `Pool`."""
        match deployment.place:
            case "upstream":
                return self._upstreams.reach(deployment)
            case "ray":
                return self._ray.reach(deployment) if self._ray is not None else _nowhere(deployment)
        return self.local.reach(deployment)

    def standing(self, deployment: Deployment) -> Standing:
        """See `Pool`."""
        if deployment.wanted == "off":
            return Standing("off")
        if deployment.place == "upstream":
            return Standing("ready")
        if deployment.place == "ray":
            return self._ray.standing(deployment) if self._ray is not None else Standing("failed", reason=_NO_RAY)
        return self.local.standing(deployment)

    def log(self, deployment: Deployment) -> str:
        """See `Pool`."""
        return self.local.logs.read(deployment.id)

    async def run(self) -> None:
        """See `Pool`."""
        while True:
            await self._keep()
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def stop(self) -> None:
        """See `Pool`."""
        await self.local.stop()
        if self._ray is not None:
            await self._ray.stop()

    async def _keep(self) -> None:
        try:
            running = self.local.running + (self._ray.running if self._ray is not None else [])
            known = await asyncio.to_thread(self._known, running)
            await self.local.keep([deployment for deployment in known if deployment.place == "local"])
            if self._ray is not None:
                await self._ray.keep([deployment for deployment in known if deployment.place == "ray"])
        except Exception as error:
            if not is_away(error):  # what runs goes on; the database is asked again in a moment
                log.exception("Replicas could not be looked after")

    def _known(self, running: list[int]) -> list[Deployment]:
        with self._db.read() as session:
            found = {deployment.id: deployment for deployment in queries.list_kept_warm(session)}
            found |= {deployment.id: deployment for deployment in queries.list_by_number(session, running)}
        return list(found.values())


_NO_RAY = "No Ray cluster is configured."


@asynccontextmanager
async def _nowhere(deployment: Deployment) -> AsyncIterator[Target]:
    raise ReplicaFailed(f"{deployment.name} wants to run on Ray: {_NO_RAY}")
    yield
