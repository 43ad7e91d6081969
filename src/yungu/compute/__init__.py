"""Compute: models that can be called, where they run, what calls use and cost, jobs.

from yungu import compute

made = compute.deploy(session, git, "lin/tea", actor, compute.Prices(completion_million=2_000_000))
found = compute.callable_deployment(session, "lin/tea", actor)
async with site.pool.reach(found) as target:
    ...  # POST target.url + "/v1/chat/completions"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yungu.compute.errors import *  # noqa: F403 - every error of compute is part of its door
    from yungu.compute.models import *  # noqa: F403
    from yungu.compute.queries import *  # noqa: F403
    from yungu.compute.rules import *  # noqa: F403
    from yungu.compute.service import *  # noqa: F403

_ROOMS = ("errors", "models", "rules", "queries", "service")


def __getattr__(name: str) -> Any:
    """A name of one of the rooms. They are opened when first asked, because each replica of a model is a process that
    imports this package and needs none of them: a second of its start."""
    from importlib import import_module

    if name.startswith("__") or name in _ROOMS:
        raise AttributeError(name)
    for room in _ROOMS:
        found = import_module(f"{__name__}.{room}")
        if hasattr(found, name):
            globals()[name] = getattr(found, name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
