"""What compute tells."""

from __future__ import annotations

from yungu.kernel.events import Event


class ModelDeployed(Event, frozen=True, kw_only=True):
    deployment_id: int
    name: str


class DeploymentChanged(Event, frozen=True, kw_only=True):
    deployment_id: int
    name: str


class DeploymentRemoved(Event, frozen=True, kw_only=True):
    deployment_id: int
    name: str


class JobAsked(Event, frozen=True, kw_only=True):
    job_id: int
    what: str
    owner_id: int


class JobStarted(Event, frozen=True, kw_only=True):
    """``attempt``: 1 for the first."""

    job_id: int
    attempt: int


class JobEnded(Event, frozen=True, kw_only=True):
    """``cost``: micro-credits, all in all."""

    job_id: int
    state: str
    cost: int


class JobCancelled(Event, frozen=True, kw_only=True):
    """Somebody does not want it any more; JobEnded follows when it has stopped."""

    job_id: int


class JobCleared(Event, frozen=True, kw_only=True):
    """What it kept in files was deleted by its own people."""

    job_id: int
