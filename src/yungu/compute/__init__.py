"""Compute: models that can be called, where they run, what calls use and cost, jobs.

from yungu import compute

made = compute.deploy(session, git, "lin/tea", actor, compute.Prices(completion_million=2_000_000))
found = compute.callable_deployment(session, "lin/tea", actor)
async with site.pool.reach(found) as target:
    ...  # POST target.url + "/v1/chat/completions"
"""

from yungu.compute.errors import *  # noqa: F403 - every error of compute is part of its door
from yungu.compute.models import *  # noqa: F403
from yungu.compute.queries import *  # noqa: F403
from yungu.compute.rules import *  # noqa: F403
from yungu.compute.service import *  # noqa: F403
