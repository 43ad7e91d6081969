"""Deployments come, change and go. Where they run follows from their rows: see `yungu.compute.backends`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from yungu import accounts, hub
from yungu.accounts import Actor
from yungu.compute import queries
from yungu.compute.errors import DeploymentDenied, DeploymentInvalid, DeploymentTaken
from yungu.compute.events import DeploymentChanged, DeploymentRemoved, ModelDeployed
from yungu.compute.models import NO_PRICES, Deployment, Place, Prices, Visibility, Wanted, deployments
from yungu.compute.rules import deployments as rules
from yungu.compute.rules.fit import check_fit
from yungu.hub import Repo
from yungu.hub.backends.calling import is_private_host
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.events import record
from yungu.storage.git import GitStore
from yungu.trust import seal, unseal

DEFAULT_IDLE_SECONDS = 300
_UPSTREAM_CONTEXT_TOKENS = 8192
_MAX_KEY = 1000
_MAX_CHAT_TEMPLATE = 1 << 20
_CHANGEABLE = frozenset(
    "visibility prices context_tokens memory_bytes least_replicas most_replicas idle_seconds options place answers "
    "runtime".split()
)


def deploy(
    session: Session,
    git: GitStore,
    repo_id: str,
    actor: Actor,
    prices: Prices = NO_PRICES,
    *,
    name: str | None = None,
    revision: str | None = None,
    visibility: Visibility | None = None,
    limit_bytes: int | None = None,
    **changes: Any,
) -> Deployment:
    """Make a model of the hub callable, under the repo's own name or another in a namespace that the actor may write
    to; ``changes``: other fields of `Deployment` than those that follow from the repo's content; ``limit_bytes``: the
    most memory that a replica may use on this machine.

    Raises RepoNotFound, RepoGated, RevisionNotFound, SignInRequired, DeploymentDenied, DeploymentTaken, ModelTooLarge,
    DeploymentInvalid."""
    repo = hub.readable_repo(session, "model", repo_id, actor)
    if repo.gated and not hub.may_write(actor, repo):
        raise DeploymentDenied(repo.repo_id)
    owner = _deploying_owner(session, name or repo.repo_id, actor)
    commit = hub.resolve_revision(session, git, repo, revision)
    plan = rules.plan_runtime(read_content(git, repo, commit))
    values: dict[str, Any] = _defaults(actor) | {
        "name": name or repo.repo_id, "owner_id": owner.id, "repo_id": repo.id, "commit": commit,
        "visibility": visibility or repo.visibility, "prices": prices, **asdict(plan),
    }  # fmt: skip
    rules.check_visibility(values["visibility"], repo)
    values |= _checked_changes(changes)
    _check_memory(values, limit_bytes)
    return _insert(session, values, actor)


def deploy_upstream(
    session: Session,
    secret: bytes,
    name: str,
    actor: Actor,
    address: str,
    prices: Prices = NO_PRICES,
    *,
    upstream_model: str = "",
    key: str = "",
    visibility: Visibility = "private",
    answers: Sequence[str] = ("chat", "completion"),
    context_tokens: int = _UPSTREAM_CONTEXT_TOKENS,
) -> Deployment:
    """Make a model of another OpenAI-compatible server callable. Only administrators may name one in a private
    network; ``key`` is kept sealed with ``secret``, the server's own.

    Raises SignInRequired, DeploymentDenied, DeploymentTaken, DeploymentInvalid."""
    owner = _deploying_owner(session, name, actor)
    values = _defaults(actor) | {
        "name": name, "owner_id": owner.id, "repo_id": None, "commit": None, "runtime": "upstream",
        "place": "upstream", "answers": tuple(answers), "visibility": visibility, "prices": prices,
        "context_tokens": context_tokens, "memory_bytes": 0, "upstream_model": upstream_model or name,
        **_upstream(secret, owner.id, actor, address, key),
    }  # fmt: skip
    return _insert(session, values, actor)


def change_deployment(
    session: Session,
    git: GitStore,
    secret: bytes,
    deployment: Deployment,
    actor: Actor,
    *,
    revision: str | None = None,
    address: str | None = None,
    upstream_model: str | None = None,
    key: str | None = None,
    limit_bytes: int | None = None,
    **changes: Any,
) -> Deployment:
    """Change what is given: a field of `Deployment`, or the revision of the repo that it serves. Replicas of how it was
    end when they have answered what they are asked. With another ``address`` the key has to be given again.

    Raises RevisionNotFound, DeploymentInvalid, ModelTooLarge, RepoNotFound."""
    values = _checked_changes(changes)
    if deployment.repo_id is not None:
        repo = hub.get_repo_by_id(session, deployment.repo_id)
        if revision is not None:
            values |= _other_commit(git, repo, hub.resolve_revision(session, git, repo, revision))
        rules.check_visibility(values.get("visibility", "private"), repo)
    elif values.keys() & {"options", "place", "runtime"}:
        raise DeploymentInvalid("An upstream server has no options, place or runtime here.")
    elif address is not None or key is not None:  # a key never follows to another address: it was given for one
        values |= _upstream(secret, deployment.owner_id, actor, address or deployment.address, key or "")
    if upstream_model is not None:
        values["upstream_model"] = upstream_model[:200]
    _check_memory(asdict(deployment) | values, limit_bytes)
    return _update(session, deployment, actor, values)


def switch_deployment(session: Session, deployment: Deployment, actor: Actor, wanted: Wanted) -> Deployment:
    """On: it starts with the next call. Off: calls are refused and its replicas stop."""
    return _update(session, deployment, actor, {"wanted": wanted})


def remove_deployment(session: Session, deployment: Deployment, actor: Actor) -> None:
    session.execute(sa.delete(deployments).where(deployments.c.id == deployment.id))
    fact = DeploymentRemoved(deployment_id=deployment.id, name=deployment.name)
    record(session, fact, actor_id=actor.id, repo_id=deployment.repo_id)


def upstream_key(secret: bytes, deployment: Deployment) -> str:
    """The key of an upstream server, in plain text; empty for none. Raises SealBroken."""
    if not deployment.upstream_key:
        return ""
    return unseal(secret, _key_place(deployment.owner_id), deployment.upstream_key)


def read_content(git: GitStore, repo: Repo, commit: str) -> rules.RepoContent:
    """What lies in a commit, as far as the choice of a runtime needs it."""
    objects = git.open(repo.id)
    files = {file.path: file.size_bytes for file in hub.list_files(objects, commit)}
    tokenizer = hub.read_text(objects, commit, "tokenizer_config.json", limit=_MAX_CHAT_TEMPLATE) or ""
    has_template = "chat_template.jinja" in files or '"chat_template"' in tokenizer
    config = hub.model_config(objects, commit)
    return rules.RepoContent(files, config, repo.card, repo.pipeline_tag, repo.library_name, has_template)


def _deploying_owner(session: Session, name: str, actor: Actor) -> accounts.Owner:
    if actor.user is None:
        raise accounts.SignInRequired
    namespace = rules.check_name(name)
    owner = accounts.find_owner(session, namespace)
    if owner is None or not rules.may_deploy_to(actor, owner.id, owner.name):
        raise DeploymentDenied(name)
    return owner


def _defaults(actor: Actor) -> dict[str, Any]:
    now = clock.now()
    place: Place = "local"
    return {
        "place": place, "wanted": "on", "least_replicas": 0, "most_replicas": 1, "idle_seconds": DEFAULT_IDLE_SECONDS,
        "options": {}, "address": "", "upstream_model": "", "upstream_key": "", "created_by": actor.id,
        "created_at": now, "changed_at": now,
    }  # fmt: skip


def _checked_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := changes.keys() - _CHANGEABLE:
        raise DeploymentInvalid("A deployment has no %(names)s to change.", names=", ".join(sorted(unknown)))
    return {name: value for name, value in changes.items() if value is not None or name == "idle_seconds"}


def _upstream(secret: bytes, owner_id: int, actor: Actor, address: str, key: str) -> dict[str, Any]:
    address = rules.check_address(address)
    if len(key) > _MAX_KEY or any(ord(c) <= 0x20 or ord(c) > 0x7E for c in key):
        raise DeploymentInvalid("A key is at most %(most)s printable characters.", most=_MAX_KEY)
    if is_private_host(address) and not actor.is_site_admin:
        raise DeploymentInvalid(
            "The address lies inside a private network.", hint="An administrator can deploy servers that lie there."
        )
    sealed = seal(secret, _key_place(owner_id), key) if key else ""
    return {"address": address, "upstream_key": sealed, "options": {"may_call_private": actor.is_site_admin}}


def _other_commit(git: GitStore, repo: Repo, commit: str) -> dict[str, Any]:
    plan = rules.plan_runtime(read_content(git, repo, commit))
    return {"commit": commit, "runtime": plan.runtime, "answers": plan.answers, "memory_bytes": plan.memory_bytes}


def _check_memory(values: Mapping[str, Any], limit_bytes: int | None) -> None:
    """Raises ModelTooLarge for what could never start on this machine."""
    if limit_bytes is not None and values["place"] == "local":
        check_fit(values["memory_bytes"], limit_bytes, what=values["name"])


def _insert(session: Session, values: dict[str, Any], actor: Actor) -> Deployment:
    made = Deployment(id=0, **values)
    _check(made)
    try:
        with session.begin_nested():
            number = session.execute(sa.insert(deployments).values(_row(made)).returning(deployments.c.id)).scalar_one()
    except sa.exc.IntegrityError:
        raise DeploymentTaken(made.name) from None
    fact = ModelDeployed(deployment_id=number, name=made.name)
    record(session, fact, actor_id=actor.id, repo_id=made.repo_id)
    return queries.get_deployment(session, number)


def _update(session: Session, deployment: Deployment, actor: Actor, values: Mapping[str, Any]) -> Deployment:
    changed = replace(deployment, **values, changed_at=clock.now())
    _check(changed)
    session.execute(sa.update(deployments).where(deployments.c.id == deployment.id).values(_row(changed)))
    fact = DeploymentChanged(deployment_id=deployment.id, name=deployment.name)
    record(session, fact, actor_id=actor.id, repo_id=deployment.repo_id)
    return queries.get_deployment(session, deployment.id)


def _check(deployment: Deployment) -> None:
    rules.check_prices(deployment.prices)
    rules.check_replicas(deployment.least_replicas, deployment.most_replicas, deployment.idle_seconds)
    rules.check_answers(deployment.answers)
    rules.check_context(deployment.context_tokens)
    if deployment.place != "upstream":
        rules.check_place(deployment.place)


def _row(deployment: Deployment) -> dict[str, Any]:
    values = asdict(deployment) | {"key": deployment.name.casefold(), "answers": list(deployment.answers)}
    del values["id"]
    return values


def _key_place(owner_id: int) -> str:
    """Where alone the sealed key of an owner's upstream opens."""
    return f"upstream of {owner_id}"
