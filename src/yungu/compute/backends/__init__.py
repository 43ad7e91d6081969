"""Machines that run models, as the rest of the house sees them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from yungu.compute.models import Deployment, Target


class Pool(Protocol):
    """Where deployments run: processes of this machine, Ray, or another server."""

    def reach(self, deployment: Deployment) -> AbstractAsyncContextManager[Target]:
        """A replica that answers, started when there is none; it stays for as long as the context is open.

        Raises DeploymentOff, ReplicaFailed, PoolFull."""
        ...

    async def stop(self) -> None:
        """Stop every replica."""
        ...
