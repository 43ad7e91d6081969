"""What work on jobs needs of the house."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from yungu.compute.backends import Pool
from yungu.compute.backends.isolation import Cells
from yungu.compute.backends.upstream import Servers
from yungu.compute.models import CallLimits, JobTerms
from yungu.kernel.db import Database
from yungu.storage.git import GitStore
from yungu.storage.local import LocalStore

if TYPE_CHECKING:
    from yungu.compute.jobs.course import Course


Task = Callable[["Course"], Awaitable[dict[str, Any]]]
"""Work of the hub itself: what its result is."""


@dataclass(slots=True)
class Workshop:
    """``cells``: where programs of strangers run; ``slots``: how many jobs are done at the same time, and one task of
    the hub itself besides; ``terms``: what programs may use; ``tasks``: by name. ``worker``: its name in leases."""

    db: Database
    git: GitStore
    store: LocalStore
    cells: Cells
    pool: Pool
    servers: Servers
    terms: JobTerms
    call_limits: CallLimits
    slots: int
    tasks: Mapping[str, Task] = field(default_factory=dict)
    worker: str = field(default_factory=lambda: uuid4().hex)
    threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.threads = ThreadPoolExecutor(self.slots + 3, thread_name_prefix="jobs")
