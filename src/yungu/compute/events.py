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
