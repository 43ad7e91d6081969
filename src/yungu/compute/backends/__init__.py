"""Machines that run models, as the rest of the house sees them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from yungu.compute.models import Deployment, Target

State = Literal["off", "asleep", "starting", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a deployment is now. "asleep": it starts with the next call. ``memory_bytes``: what its replicas are expected
    to use; ``reason``: why the last start failed."""

    state: State
    replicas: int = 0
    in_flight: int = 0
    memory_bytes: int = 0
    reason: str = ""


class Pool(Protocol):
    """Where deployments run: processes of this machine, Ray, or another server."""

    def reach(self, deployment: Deployment) -> AbstractAsyncContextManager[Target]:
        """A replica that answers, started when there is none; it stays for as long as the context is open.

        Raises DeploymentOff, ReplicaFailed, PoolFull."""
        ...

    def standing(self, deployment: Deployment) -> Standing: ...

    def log(self, deployment: Deployment) -> str:
        """The end of what its last replicas printed; for who may change the deployment."""
        ...

    async def run(self) -> None:
        """Keep replicas as they are wanted, for ever."""
        ...

    async def stop(self) -> None:
        """Stop every replica."""
        ...
