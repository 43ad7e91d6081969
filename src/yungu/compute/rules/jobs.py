"""What jobs cost, who may see them, and what may be asked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from yungu import hub
from yungu.accounts import Actor, Owner
from yungu.compute.errors import JobInvalid
from yungu.compute.models.jobs import BatchSpec, EvaluationSpec, Job, JobKind, JobSpec, TaskSpec
from yungu.hub import Repo

METRICS: Mapping[str, bool] = {
    "accuracy": True,
    "average_precision": True,
    "balanced_accuracy": True,
    "cohen_kappa": True,
    "exact_match": True,
    "f1": True,
    "f1_micro": True,
    "f1_weighted": True,
    "log_loss": False,
    "mae": False,
    "mape": False,
    "matthews_corrcoef": True,
    "median_absolute_error": False,
    "mse": False,
    "precision": True,
    "r2": True,
    "recall": True,
    "rmse": False,
    "roc_auc": True,
}
"""What can be measured without a scorer, and whether more is better. By scikit-learn, but for ``exact_match``; f1,
precision and recall are means over classes."""

MOST_RESAMPLES = 10_000
_SPECS: Mapping[JobKind, type[Any]] = {"batch": BatchSpec, "evaluation": EvaluationSpec, "task": TaskSpec}
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_READABLE = (".jsonl", ".csv")


def seconds_cost(second_price: int, used_seconds: float) -> int:
    """What so many seconds of programs cost; a part of a micro-credit is charged as one."""
    return math.ceil(round(used_seconds * second_price, 3))


def affordable_seconds(second_price: int, held: int, used_seconds: float) -> float:
    """How long programs may still run on what is held; infinity where seconds are free."""
    return max(0.0, held / second_price - used_seconds) if second_price else math.inf


def read_spec(job: Job) -> JobSpec:
    spec: JobSpec = msgspec.convert(job.spec, _SPECS[job.kind])
    return spec


def check_spec(spec: JobSpec) -> None:
    """Raises JobInvalid."""
    if isinstance(spec, BatchSpec):
        if not spec.source.path.endswith(".jsonl"):
            raise JobInvalid("The requests of a batch are the lines of a .jsonl file.")
        return
    if isinstance(spec, TaskSpec):
        return
    if not spec.dataset.path.endswith(_READABLE):
        raise JobInvalid("An evaluation reads a .jsonl or a .csv file.")
    if (spec.program is None) == (spec.deployment_id is None):
        raise JobInvalid("An evaluation needs a program or a deployment, and not both.")
    if (spec.scorer is None) == (spec.metric == ""):
        raise JobInvalid("An evaluation needs a metric or a scorer, and not both.")
    if spec.metric and spec.metric not in METRICS:
        raise JobInvalid(
            "There is no metric '%(name)s': there are %(names)s.", name=spec.metric, names=", ".join(METRICS)
        )
    if not all(_FIELD.fullmatch(name) for name in (spec.input_field, spec.label_field)):
        raise JobInvalid("The names of the fields are not valid.")
    if not 0 <= spec.resamples <= MOST_RESAMPLES or not 0 <= spec.seed < 2**32:
        raise JobInvalid("There are 0 to %(most)s resamples, and the seed has 32 bits.", most=MOST_RESAMPLES)


def may_let_pay(actor: Actor, payer: Owner) -> bool:
    """Whether the actor may ask for jobs that ``payer`` pays: themselves, or an organization they write for."""
    if actor.user is None or actor.scope in ("read", "fine-grained"):
        return False
    return payer.id == actor.id or actor.is_site_admin or actor.roles.get(payer.id) in ("write", "admin")


def may_see(actor: Actor, job: Job, dataset: Repo | None) -> bool:
    """Whether the actor may know of the job: who asked, who rules what pays, and who rules its private data."""
    if actor.user is None or actor.scope == "fine-grained":
        return False
    if actor.is_site_admin or actor.id in (job.created_by, job.owner_id):
        return True
    return actor.roles.get(job.owner_id) == "admin" or (dataset is not None and hub.may_admin(actor, dataset))


def may_see_items(actor: Actor, job: Job, dataset: Repo | None) -> bool:
    """Whether the actor may read the job's log and what it did with each single input."""
    if job.dataset_id is None:
        return may_see(actor, job, None)
    return actor.scope != "fine-grained" and dataset is not None and hub.may_admin(actor, dataset)


def may_cancel(actor: Actor, job: Job, dataset: Repo | None) -> bool:
    return actor.scope != "read" and may_see(actor, job, dataset)
