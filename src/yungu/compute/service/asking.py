"""Asking for jobs: names become commits, once and for all, and the asker's rights are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yungu import accounts, hub
from yungu.accounts import Actor
from yungu.compute import queries
from yungu.compute.models.deployments import NO_PRICES
from yungu.compute.models.jobs import (
    BatchAsk,
    BatchSpec,
    EvaluationAsk,
    EvaluationSpec,
    Job,
    JobTerms,
    RepoPlace,
    TaskSpec,
)
from yungu.compute.service import jobs
from yungu.credits import Use
from yungu.hub import Kind, Repo
from yungu.kernel.db import Session
from yungu.storage.git import GitStore

PREDICTOR = "predict.py"
SCORER = "score.py"


def ask_batch(
    session: Session,
    git: GitStore,
    asked: BatchAsk,
    actor: Actor,
    terms: JobTerms,
    *,
    payer: str | None = None,
    budget: int = 0,
    caused_by: int | None = None,
) -> Job:
    """Queue a batch. ``payer``: the name of an organization that the actor writes for, None: the actor; ``budget``:
    the most micro-credits that it may cost, which are held from now on.

    Raises DeploymentNotFound, DeploymentOff, RepoNotFound, RepoGated, RepoDenied, RevisionNotFound, EntryNotFound,
    JobInvalid, JobDenied, SignInRequired, CreditsShort."""
    desk = _Desk(session, git, actor)
    deployment = queries.callable_deployment(session, asked.model, actor)
    _, source = desk.place("dataset", asked.dataset, asked.revision, asked.path)
    into = hub.writable_repo(session, "dataset", asked.into, actor) if asked.into else None
    spec = BatchSpec(
        deployment_id=deployment.id,
        model=deployment.name,
        source=source,
        into_repo_id=into.id if into else None,
        into_name=_name(into) if into else "",
        into_path=asked.into_path or f"{asked.path.removesuffix('.jsonl')}.answers.jsonl",
    )
    hub.check_path(spec.into_path)
    use = Use("infer", deployment.name)
    owner = desk.payer(payer)
    return jobs.ask(session, spec, actor, owner, budget, terms, use=use, prices=deployment.prices, caused_by=caused_by)


def ask_evaluation(
    session: Session,
    git: GitStore,
    asked: EvaluationAsk,
    actor: Actor,
    terms: JobTerms,
    *,
    payer: str | None = None,
    budget: int = 0,
    is_agreed: bool = False,
    caused_by: int | None = None,
) -> Job:
    """Queue an evaluation. ``is_agreed``: whoever owns the data and whoever owns the program have agreed to it before,
    so that the actor need not be allowed to read either.

    Raises what `ask_batch` raises."""
    desk = _Desk(session, git, actor, is_agreed)
    data, dataset = desk.place("dataset", asked.dataset, asked.revision, asked.path)
    deployment = queries.callable_deployment(session, asked.model, actor) if asked.model else None
    spec = EvaluationSpec(
        dataset=dataset,
        program=desk.program(asked.program_kind, asked.program, asked.program_revision, PREDICTOR),
        deployment_id=deployment.id if deployment else None,
        model=deployment.name if deployment else "",
        metric=asked.metric,
        scorer=desk.program(asked.scorer_kind, asked.scorer, asked.scorer_revision, SCORER),
        input_field=asked.input_field,
        label_field=asked.label_field,
        options=dict(asked.options),
        seed=asked.seed,
        resamples=asked.resamples,
    )
    is_all_calls = deployment is not None and not terms.second_price
    use = Use("infer" if is_all_calls else "job", spec.model or asked.program)
    prices = deployment.prices if deployment else NO_PRICES
    dataset_id = data.id if data.visibility != "public" or data.gated else None
    owner = desk.payer(payer)
    return jobs.ask(
        session, spec, actor, owner, budget, terms, use=use, prices=prices, dataset_id=dataset_id, caused_by=caused_by
    )


def ask_task(
    session: Session,
    name: str,
    options: Mapping[str, Any],
    actor: Actor,
    terms: JobTerms,
    *,
    caused_by: int | None = None,
) -> Job:
    """Queue work of the hub itself, before jobs of its users. It is free. Raises SignInRequired, JobDenied."""
    if actor.user is None:
        raise accounts.SignInRequired
    spec, use = TaskSpec(name, dict(options)), Use("job", name)
    return jobs.ask(session, spec, actor, actor.user, 0, terms, use=use, priority=-1, caused_by=caused_by)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Who asks, and in which transaction."""

    session: Session
    git: GitStore
    actor: Actor
    is_agreed: bool = False

    def place(self, kind: Kind, repo_id: str, revision: str | None, path: str) -> tuple[Repo, RepoPlace]:
        """A file of a repo, at the commit that is meant now."""
        repo = self._repo(kind, repo_id)
        commit = hub.resolve_revision(self.session, self.git, repo, revision)
        hub.get_file(self.git.open(repo.id), commit, path)
        return repo, RepoPlace(repo.id, _name(repo), commit, path)

    def program(self, kind: Kind, repo_id: str | None, revision: str | None, entry: str) -> RepoPlace | None:
        return self.place(kind, repo_id, revision, entry)[1] if repo_id else None

    def payer(self, name: str | None) -> accounts.Owner:
        """Raises SignInRequired, OwnerNotFound."""
        if self.actor.user is None:
            raise accounts.SignInRequired
        return accounts.get_owner(self.session, name) if name else self.actor.user

    def _repo(self, kind: Kind, repo_id: str) -> Repo:
        if not self.is_agreed:
            return hub.readable_repo(self.session, kind, repo_id, self.actor)
        repo = hub.find_repo(self.session, kind, repo_id)
        if repo is None:
            raise hub.RepoNotFound(repo_id)
        return repo


def _name(repo: Repo) -> str:
    return f"{repo.kind}s/{repo.repo_id}"
