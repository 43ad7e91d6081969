"""What compute decides from values alone."""

from yungu.compute.rules.deployments import (
    RepoContent as RepoContent,
    RuntimePlan as RuntimePlan,
    may_call as may_call,
    plan_runtime as plan_runtime,
)
from yungu.compute.rules.fit import (
    best_fit as best_fit,
    cache_bytes as cache_bytes,
    check_fit as check_fit,
    examine as examine,
    fit_on as fit_on,
    gguf_config as gguf_config,
    needs as needs,
)
from yungu.compute.rules.jobs import (
    METRICS as METRICS,
    may_see_items as may_see_items,
    read_spec as read_spec,
    seconds_cost as seconds_cost,
)
from yungu.compute.rules.prices import cost as cost
from yungu.compute.rules.usage import estimated_tokens as estimated_tokens
