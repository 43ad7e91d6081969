"""Rows and values of compute."""

from yungu.compute.models.deployments import (
    NO_PRICES as NO_PRICES,
    Deployment as Deployment,
    Place as Place,
    Prices as Prices,
    Target as Target,
    Usage as Usage,
    Visibility as Visibility,
    Wanted as Wanted,
    deployments as deployments,
)
from yungu.compute.models.fit import (
    Anatomy as Anatomy,
    Chip as Chip,
    Figure as Figure,
    Fit as Fit,
    Layer as Layer,
    Need as Need,
    Precision as Precision,
)
from yungu.compute.models.jobs import (
    JOB_KINDS as JOB_KINDS,
    OPEN_JOBS as OPEN_JOBS,
    BatchAsk as BatchAsk,
    BatchSpec as BatchSpec,
    EvaluationAsk as EvaluationAsk,
    EvaluationSpec as EvaluationSpec,
    Job as Job,
    JobKind as JobKind,
    JobSpec as JobSpec,
    JobState as JobState,
    JobTerms as JobTerms,
    Progress as Progress,
    RepoPlace as RepoPlace,
    TaskSpec as TaskSpec,
)
from yungu.compute.models.usage import (
    Asked as Asked,
    CallKind as CallKind,
    CallLimits as CallLimits,
    CallRecord as CallRecord,
    Outcome as Outcome,
    Paid as Paid,
    Receipt as Receipt,
    Ticket as Ticket,
    Total as Total,
    usages as usages,
)
