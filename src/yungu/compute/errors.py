"""How compute says no."""

from __future__ import annotations

from yungu.kernel.errors import Conflict, Exhausted, Invalid, NotFound, Unavailable


class DeploymentNotFound(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"No model {name!r} can be called here.", hint="GET /v1/models lists those that you may call.")
        self.name = name


class DeploymentTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is deployed already.")
        self.name = name


class DeploymentInvalid(Invalid):
    """A deployment cannot be like that; the message says why."""


class DeploymentOff(Unavailable):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is switched off.", hint="Its owner can switch it on.")
        self.name = name


class ReplicaFailed(Unavailable):
    """A runtime does not start, does not answer, or died while it answered."""


class PoolFull(Exhausted):
    """No memory, or no place, for another replica now."""
