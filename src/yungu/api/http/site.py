"""What a running hub consists of, as far as a dialect needs to know."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from yungu.accounts.backends import OpenIdProvider
from yungu.accounts.models import SignInPolicy
from yungu.api.http.rates import Rates
from yungu.compute import CallLimits
from yungu.compute.backends import Pool
from yungu.compute.backends.upstream import Servers
from yungu.hub import DownloadCounter, ViewCounter
from yungu.kernel.db import Database
from yungu.kernel.desk import Desk
from yungu.search import Catalogue
from yungu.storage.git import GitStore
from yungu.storage.local import LocalStore
from yungu.tables import LockedDuckDB, Tables


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
    ``modelscope_create_visibility``: see `yungu.app.settings`. ``backups``: the folder that they go to when they are
    asked for on a page; ``pool``: where models run; ``servers``: connections to them; ``worker_at``: when the work
    beside requests was last seen alive.
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
    servers: Servers = field(default_factory=Servers)
    call_limits: CallLimits = field(default_factory=CallLimits)
    backups: Path | None = None
    worker_at: datetime | None = None
    downloads: DownloadCounter = field(default_factory=DownloadCounter)
    views: ViewCounter = field(default_factory=ViewCounter)
    used_tokens: set[int] = field(default_factory=set)
    tables: Tables = field(default_factory=lambda: Tables(LockedDuckDB(), processes=0))
    desk: Desk = field(init=False)
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16, thread_name_prefix="facts"))

    def __post_init__(self) -> None:
        self.desk = Desk(self.db)
