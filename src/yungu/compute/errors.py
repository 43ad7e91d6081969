"""How compute says no."""

from __future__ import annotations

from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable


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


class DeploymentDenied(Denied):
    def __init__(self, name: str) -> None:
        super().__init__(f"You may not deploy {name}, or change it.", hint="Whoever may write to the namespace may.")
        self.name = name


class DeploymentOff(Unavailable):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is switched off.", hint="Its owner can switch it on.")
        self.name = name


class ReplicaFailed(Unavailable):
    """A runtime does not start, does not answer, or died while it answered."""


class PoolFull(Exhausted):
    """No memory, or no place, for another replica now."""


class ModelTooLarge(DeploymentInvalid):
    def __init__(self, name: str, needed_bytes: int, limit_bytes: int) -> None:
        needed, limit = (f"{count / 1e9:.3g} GB" for count in (needed_bytes, limit_bytes))
        super().__init__(
            f"{name} would need {needed} of memory; a replica may use {limit} here.",
            hint="Ask for a shorter context, deploy a smaller or quantized copy, or give replicas more memory.",
        )
        self.name, self.needed_bytes, self.limit_bytes = name, needed_bytes, limit_bytes
