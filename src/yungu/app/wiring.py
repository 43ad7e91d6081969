"""The one place that chooses: which database, which stores, which dialects."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from yungu import hub, migrations
from yungu.api import git as git_dialect, hf, modelscope, openai, v1, web, xet
from yungu.api.http import App, Site
from yungu.api.http.rates import Rates, Resource
from yungu.app import matcher, signing_in, worker
from yungu.app.settings import Settings, SettingsInvalid
from yungu.compute.backends.isolation import Cells, LocalCells
from yungu.compute.backends.local import LocalPool, default_memory_bytes
from yungu.compute.backends.logs import Logs
from yungu.compute.backends.pool import Places
from yungu.compute.backends.ray import RayPool
from yungu.compute.backends.ray_cells import RayCells
from yungu.compute.backends.sources import Fetched, Shared
from yungu.compute.backends.upstream import Upstreams
from yungu.compute.backends.weights import Weights
from yungu.compute.jobs import Workshop
from yungu.compute.models import CallLimits, JobTerms
from yungu.kernel.db import Database
from yungu.scenarios import matching
from yungu.search import Catalogue
from yungu.storage.git import GitStore
from yungu.storage.local import LocalStore
from yungu.tables import LockedDuckDB, Tables

if TYPE_CHECKING:
    from yungu.scenarios.matching import Embedder

DIALECTS = (
    ("Hugging Face", hf.routes),
    ("Xet: tokens", xet.hub_routes(hf.render_error)),
    ("Xet: the content store", xet.routes),
    ("git and git-lfs", git_dialect.routes),
    ("ModelScope", modelscope.legacy),
    ("ModelScope OpenAPI", modelscope.open_routes),
    ("OpenAI", openai.routes),
    ("Hugging Face: inference tasks", openai.task_routes),
    ("yungu: scenarios", v1.routes),
    ("Pages", web.routes),
)
"""What the hub speaks, with the names that the reference uses."""


def build_site(settings: Settings) -> Site:
    """Open (and on first use make) the data folder, bring the database up to date."""
    data = settings.data_path
    data.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds private repos
    database = Database(settings.sqlalchemy_url)
    migrations.upgrade(database)
    secret, git, store = _secret(data), GitStore(data / "git"), LocalStore(data)
    return Site(
        db=database,
        git=git,
        store=store,
        secret=secret,
        catalogue=Catalogue(data / "search", hub.LAYOUT),
        base_url=settings.base_url.rstrip("/") or None,
        address=settings.base_url.rstrip("/"),
        registration=settings.registration,
        openid=signing_in.find_provider(settings),
        rates=_rates(settings),
        backups=Path(settings.backup_folder).expanduser() if settings.backup_folder else data / "backups",
        webhook_private_addresses=settings.webhook_private_addresses,
        modelscope_create_visibility=settings.modelscope_create_visibility,
        pool=_pool(settings, database, git, store, secret),
        replica_bytes=_replica_bytes(settings),
        tables=_tables(settings),
        embedder=lambda site: _embedder(settings, site),
        job_terms=_job_terms(settings),
        call_limits=CallLimits(float(settings.call_stall_seconds), float(settings.call_seconds)),
    )


def build_app(settings: Settings) -> App:
    """The whole hub as one ASGI application."""
    site = build_site(settings)
    fallbacks = [
        ("/api/v1/", modelscope.render_legacy_error),
        ("/openapi/", modelscope.render_open_error),
        ("/api/", hf.render_error),
        ("/v1/", openai.render_error),
        ("", web.render_error),
    ]

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with worker.running(site, build_workshop(site, settings)):
            yield
        if site.pool is not None:
            await site.pool.stop()
        site.servers.close()
        await site.desk.close()
        site.tables.close()
        site.workers.shutdown()
        site.catalogue.close()
        site.db.close()

    return App(site, [routes for _, routes in DIALECTS], fallbacks, lifespan)


def _rates(settings: Settings) -> Rates | None:
    most: dict[Resource, int] = {
        "api": settings.rate_limit_api,
        "resolvers": settings.rate_limit_downloads,
        "pages": settings.rate_limit_pages,
    }
    return Rates(most) if any(most.values()) else None


def _pool(settings: Settings, database: Database, git: GitStore, store: LocalStore, secret: bytes) -> Places:
    root = settings.data_path / "compute"
    weights = Weights(database, git, store, root, cache_bytes=settings.compute_cache_mb << 20)
    local = LocalPool(
        weights,
        Logs(root / "logs"),
        memory_bytes=_replica_bytes(settings),
        threads=settings.compute_threads or max(1, (os.cpu_count() or 1) // 2),
        start_seconds=settings.compute_start_seconds,
    )
    ray = _ray(settings, weights, database, secret) if settings.ray_address else None
    return Places(database, local, Upstreams(secret), ray)


def _replica_bytes(settings: Settings) -> int:
    """What all replicas of this machine may use together, and so one at most."""
    return settings.compute_memory_mb << 20 or default_memory_bytes()


def _ray(settings: Settings, weights: Weights, database: Database, secret: bytes) -> RayPool:
    base_url = settings.base_url.rstrip("/")
    if settings.ray_data == "fetched" and not base_url:
        raise SettingsInvalid("Ray's machines can fetch weights only from a hub that has a base_url.")
    is_shared = settings.ray_data == "shared"
    return RayPool(
        Shared(weights) if is_shared else Fetched(weights, database, secret, base_url),
        address=settings.ray_address,
        url=settings.ray_serve_url,
        name=hashlib.sha256(secret).hexdigest()[:8] + "-",
        threads=settings.compute_threads or max(1, (os.cpu_count() or 1) // 2),
        start_seconds=settings.compute_start_seconds,
    )


def _job_terms(settings: Settings) -> JobTerms:
    return JobTerms(
        second_price=settings.job_second_price,
        seconds=settings.job_seconds,
        memory_bytes=settings.job_memory_mb << 20,
        disk_bytes=settings.job_disk_mb << 20,
        output_bytes=settings.job_output_mb << 20,
        kept_days=settings.job_days,
    )


def _cells(settings: Settings, data: Path) -> Cells:
    """Where programs of strangers run."""
    may_be_weak = settings.job_isolation == "weak"
    if settings.job_place == "ray" and settings.ray_address:
        return RayCells(settings.ray_address, is_shared=settings.ray_data == "shared", may_be_weak=may_be_weak)
    return LocalCells(data / "jobs" / "cells", may_be_weak=may_be_weak, hidden=(data,))


def build_workshop(site: Site, settings: Settings) -> Workshop:
    """Where jobs are done."""
    assert site.pool is not None
    return Workshop(
        db=site.db,
        git=site.git,
        store=site.store,
        cells=_cells(settings, site.store.root),
        pool=site.pool,
        servers=site.servers,
        terms=site.job_terms,
        call_limits=site.call_limits,
        slots=settings.job_slots,
        tasks={"market": partial(matcher.work_out_market, site)},
    )


def _embedder(settings: Settings, site: Site) -> Embedder | None:
    """What compares scenarios by meaning."""
    match settings.embeddings:
        case "none" | "":
            return None
        case "auto":
            return matching.Packaged() if matching.Packaged.is_there() else None
        case model if settings.embeddings_url:
            return matching.Endpoint(settings.embeddings_url, model, settings.embeddings_token)
        case name:
            from yungu.app.embedder import Deployed

            assert site.pool is not None
            return Deployed(
                name,
                database=site.db,
                pool=site.pool,
                servers=site.servers,
                limits=site.call_limits,
                loop=lambda: site.loop,
                payer=settings.embeddings_payer,
            )


def _tables(settings: Settings) -> Tables:
    engine = LockedDuckDB(memory_bytes=settings.viewer_memory_mb << 20, seconds=settings.viewer_seconds)
    return Tables(engine, processes=settings.viewer_processes)


def _secret(data: Path) -> bytes:
    """The server's own key, made at first start: tokens and signed addresses depend on it."""
    path = data / "secret.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(32))
    return path.read_bytes()
