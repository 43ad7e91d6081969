"""What a running hub consists of, as far as a dialect needs to know."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from yungu.accounts.backends import OpenIdProvider
from yungu.accounts.models import SignInPolicy
from yungu.api.http.rates import Rates
from yungu.compute import CallLimits, JobTerms
from yungu.compute.backends import Pool
from yungu.compute.backends.upstream import Servers
from yungu.hub import DownloadCounter, ViewCounter
from yungu.kernel.db import Database
from yungu.kernel.desk import Desk
from yungu.scenarios import matching
from yungu.search import Catalogue
from yungu.storage.git import GitStore
from yungu.storage.local import LocalStore
from yungu.tables import LockedDuckDB, Tables

if TYPE_CHECKING:
    from yungu.scenarios.matching import Embedder, Markets


@dataclass(frozen=True, slots=True)
class OpenId:
    """Where people may sign in besides here. ``name``: what they call it."""

    name: str
    provider: OpenIdProvider
    policy: SignInPolicy


@dataclass(slots=True)
class Site:
    """Built once by the composition root. ``base_url`` None: answer with whatever host the client used. ``address``:
    where the hub says it is when nobody asks, in what it tells webhooks.
    ``job_terms``: what jobs cost and may use; ``modelscope_create_visibility``: see `yungu.app.settings`.
    ``backups``: the folder that they go to when they are asked for on a page; ``pool``: where models run;
    ``replica_bytes``: the most memory that one may use on this machine; ``servers``: connections to them;
    ``embedder``: gives the model that compares scenarios by meaning, None: words alone; ``loop``: in which replicas
    and the work beside requests live, None while the hub does not run; ``worker_at``: when that work was last seen
    alive.
    """

    db: Database
    git: GitStore
    store: LocalStore
    secret: bytes
    catalogue: Catalogue
    base_url: str | None = None
    registration: str = "closed"
    address: str = ""
    webhook_private_addresses: bool = False
    modelscope_create_visibility: str = "private"
    openid: OpenId | None = None
    rates: Rates | None = None
    pool: Pool | None = None
    replica_bytes: int | None = None
    servers: Servers = field(default_factory=Servers)
    call_limits: CallLimits = field(default_factory=CallLimits)
    job_terms: JobTerms = field(default_factory=JobTerms)
    backups: Path | None = None
    worker_at: datetime | None = None
    downloads: DownloadCounter = field(default_factory=DownloadCounter)
    views: ViewCounter = field(default_factory=ViewCounter)
    used_tokens: set[int] = field(default_factory=set)
    tables: Tables = field(default_factory=lambda: Tables(LockedDuckDB(), processes=0))
    desk: Desk = field(init=False)
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16, thread_name_prefix="facts"))

    embedder: Callable[[Site], Embedder | None] = lambda _site: None
    loop: AbstractEventLoop | None = None
    _markets: Markets | None = None

    @property
    def markets(self) -> Markets:
        """Both lists of scenarios in memory, once somebody asks: it needs numpy, which an idle hub does without."""
        if self._markets is None:
            self._markets = matching.Markets(self.embedder(self))
        return self._markets

    def __post_init__(self) -> None:
        self.desk = Desk(self.db)
