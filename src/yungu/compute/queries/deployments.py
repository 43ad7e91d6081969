"""Deployments, through the one door that knows who may call and change them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from yungu.accounts import Actor, SignInRequired
from yungu.compute.errors import DeploymentDenied, DeploymentNotFound, DeploymentOff
from yungu.compute.models import Deployment, Prices, deployments
from yungu.compute.rules.deployments import may_call, may_deploy_to
from yungu.hub import Repo
from yungu.hub.models import repos
from yungu.kernel.db import Session, columns, recall
from yungu.kernel.prepared import Prepared

_DEPLOYMENT = columns(Deployment, deployments)
_REPO = columns(Repo, repos)
_WITH_REPO = sa.select(*_DEPLOYMENT, *_REPO).outerjoin(repos, repos.c.id == deployments.c.repo_id)
_BY_KEY = Prepared(_WITH_REPO.where(deployments.c.key == sa.bindparam("key")))


def callable_deployment(session: Session, name: str, actor: Actor) -> Deployment:
    """The deployment that clients name in ``model``, whatever its case, if the actor may call it and it is on.

    Raises DeploymentNotFound alike for the missing and the hidden, DeploymentOff."""
    found = visible_deployment(session, name, actor)
    if found.wanted != "on":
        raise DeploymentOff(found.name)
    return found


def visible_deployment(session: Session, name: str, actor: Actor) -> Deployment:
    """The same, on or off. Raises DeploymentNotFound."""
    rows = recall(session, _BY_KEY, key=name.casefold())
    if not rows:
        raise DeploymentNotFound(name)
    found, served = _read(rows[0])
    if not may_call(actor, found, served):
        raise DeploymentNotFound(name)
    return found


def ruled_deployment(session: Session, name: str, actor: Actor) -> Deployment:
    """A deployment that the actor may change, and whose logs the actor may read.

    Raises DeploymentNotFound, SignInRequired, DeploymentDenied."""
    found = visible_deployment(session, name, actor)
    if actor.user is None:
        raise SignInRequired
    if not may_deploy_to(actor, found.owner_id, found.name.partition("/")[0]):
        raise DeploymentDenied(found.name)
    return found


def find_deployment(session: Session, name: str) -> Deployment | None:
    """The deployment of that name, whoever asks."""
    row = _BY_KEY.first(session, {"key": name.casefold()})
    return _read(row)[0] if row else None


def get_deployment(session: Session, number: int) -> Deployment:
    """The deployment of that number, whoever asks. Raises DeploymentNotFound."""
    row = session.execute(_WITH_REPO.where(deployments.c.id == number)).first()
    if row is None:
        raise DeploymentNotFound(f"#{number}")
    return _read(row)[0]


def list_deployments(
    session: Session, actor: Actor, *, repo: Repo | None = None, owner_id: int | None = None, only_on: bool = False
) -> Sequence[Deployment]:
    """Those that the actor may call, by name; of one repo or owner, if given. Most hubs have a few."""
    query = _WITH_REPO.order_by(deployments.c.key)
    if repo is not None:
        query = query.where(deployments.c.repo_id == repo.id)
    if owner_id is not None:
        query = query.where(deployments.c.owner_id == owner_id)
    if only_on:
        query = query.where(deployments.c.wanted == "on")
    found = map(_read, session.execute(query))
    return [deployment for deployment, served in found if may_call(actor, deployment, served)]


def list_kept_warm(session: Session) -> Sequence[Deployment]:
    """Those that are on and want replicas even when nobody calls."""
    query = _WITH_REPO.where(deployments.c.wanted == "on", deployments.c.least_replicas > 0)
    return [_read(row)[0] for row in session.execute(query)]


def list_by_number(session: Session, numbers: Sequence[int]) -> Sequence[Deployment]:
    """Those of ``numbers`` that are still there."""
    if not numbers:
        return []
    return [_read(row)[0] for row in session.execute(_WITH_REPO.where(deployments.c.id.in_(numbers)))]


def _read(row: Sequence[Any]) -> tuple[Deployment, Repo | None]:
    values, served = list(row[: len(_DEPLOYMENT)]), row[len(_DEPLOYMENT) :]
    values[_PRICES], values[_ANSWERS] = Prices(**values[_PRICES]), tuple(values[_ANSWERS])
    return Deployment(*values), Repo(*served) if served[0] is not None else None


_NAMES = [column.name for column in _DEPLOYMENT]
_PRICES, _ANSWERS = _NAMES.index("prices"), _NAMES.index("answers")
