"""What work on jobs needs of the house."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import uuid4

from yungu.compute.backends import Pool
from yungu.compute.backends.isolation import Cells
from yungu.compute.backends.upstream import Servers
from yungu.compute.models import CallLimits, JobTerms
from yungu.kernel.db import Database
from yungu.storage.git import GitStore
from yungu.storage.local import LocalStore


@dataclass(slots=True)
class Workshop:
    """``cells``: where programs of strangers run; ``slots``: how many jobs are done at the same time; ``terms``: what
    programs may use. ``worker``: its name in leases."""

    db: Database
    git: GitStore
    store: LocalStore
    cells: Cells
    pool: Pool
    servers: Servers
    terms: JobTerms
    call_limits: CallLimits
    slots: int
    worker: str = field(default_factory=lambda: uuid4().hex)
    threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.threads = ThreadPoolExecutor(self.slots + 2, thread_name_prefix="jobs")
