"""The administrators' first page: how the hub is, in numbers; and the door to all the others."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from yungu import __version__, accounts, hub
from yungu.accounts.models import Owner
from yungu.api.http import Call, Site
from yungu.api.http.app import RouteNotFound
from yungu.api.web.rendering import page
from yungu.api.web.visit import Visit, begin
from yungu.kernel import clock, upkeep
from yungu.kernel.db import Session

_WORKER_QUIET = timedelta(seconds=60)
_BACKUP_OLD = timedelta(days=7)
_SCARCE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Health:
    """``free_bytes`` of ``disk_bytes``: on the disk of the data folder; ``staged``: files and bytes of uploads under
    way. The flags are worries."""

    is_sqlite: bool
    free_bytes: int
    disk_bytes: int
    staged_count: int
    staged_bytes: int
    worker_at: datetime | None
    is_worker_quiet: bool
    is_index_complete: bool
    last_runs: dict[str, upkeep.Run]
    is_backup_old: bool
    is_check_bad: bool

    @property
    def is_disk_scarce(self) -> bool:
        return self.free_bytes < self.disk_bytes * _SCARCE_SHARE


def administrator(visit: Visit) -> Owner:
    """The administrator who is here in person; others find nothing. Raises SignInRequired, RouteNotFound."""
    user = visit.person()
    if not visit.actor.is_site_admin:
        raise RouteNotFound("There is nothing here.")
    return user


def admin_page(visit: Visit, template: str, tab: str, **context: Any) -> Response:
    """A page of the administrators'; never kept by anybody on the way."""
    response = page(visit, f"admin/{template}", tab=tab, **context)
    response.headers["cache-control"] = "no-store"
    return response


def get_home(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    counts = {kind: accounts.count_owners(session, kind) for kind in ("user", "organization")}
    return admin_page(
        visit,
        "home.html",
        "home",
        counts=counts,
        sizes=hub.store_sizes(session),
        health=_health(session, call.site),
        version=__version__,
        python=platform.python_version(),
    )


def _health(session: Session, site: Site) -> Health:
    now, last = clock.now(), dict(upkeep.last_done(session))
    disk = shutil.disk_usage(site.store.root)
    staged_count, staged_bytes = site.store.staging_usage()
    backup = last.get("backup")
    return Health(
        is_sqlite=site.db.is_sqlite,
        free_bytes=disk.free,
        disk_bytes=disk.total,
        staged_count=staged_count,
        staged_bytes=staged_bytes,
        worker_at=site.worker_at,
        is_worker_quiet=site.worker_at is None or now - site.worker_at > _WORKER_QUIET,
        is_index_complete=site.catalogue.is_complete,
        last_runs=last,
        is_backup_old=backup is None or now - (backup.ended_at or backup.asked_at) > _BACKUP_OLD,
        is_check_bad=any(run.kind == "fsck" and run.state == "failed" for run in _newest_checks(session)),
    )


def _newest_checks(session: Session) -> list[upkeep.Run]:
    """The last check that came to an end, if any."""
    ended = (run for run in upkeep.list_runs(session) if run.kind == "fsck" and run.state in ("done", "failed"))
    return list(ended)[:1]
