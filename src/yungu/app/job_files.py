"""Letting go of what jobs keep in files, some time after their end. Their rows stay: they are receipts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from yungu import compute
from yungu.api.http import Site
from yungu.app.lock import HouseBusy, clearing
from yungu.compute.queries.records import drop_job_files, folder_bytes, job_folder, list_job_folders
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.scenarios import validation

_STEP = 500


def sweep(site: Site) -> int:
    """Delete what is due; how many jobs had files. None while a backup or another sweep runs."""
    with suppress(HouseBusy), clearing(site):
        return clear(site, list_due(site))[0]
    return 0


def list_due(site: Site) -> list[int]:
    """The jobs whose files may go: kept long enough, cleared by their people, or of nobody."""
    numbers = list_job_folders(site.store)
    with site.db.read() as session:
        return [
            number for start in range(0, len(numbers), _STEP) for number in _due(session, site, numbers[start:][:_STEP])
        ]


def clear(site: Site, numbers: Sequence[int]) -> tuple[int, int]:
    """Delete the files of those that are still due, for whoever is clearing; how many, and how many bytes."""
    freed, count = 0, 0
    for start in range(0, len(numbers), _STEP):
        with site.db.write() as session:
            due = _due(session, site, numbers[start:][:_STEP])
            compute.clear_jobs(session, due)
        freed += sum(drop_job_files(site.store, number) for number in due)
        count += len(due)
    return count, freed


def size_of(site: Site, numbers: Sequence[int]) -> int:
    """How many bytes the files of these jobs have."""
    return sum(folder_bytes(job_folder(site.store, number)) for number in numbers)


def _due(session: Session, site: Site, numbers: Sequence[int]) -> list[int]:
    days = site.job_terms.kept_days
    found = compute.list_ended(session, numbers, clock.now() - timedelta(days=days) if days else None)
    kept = validation.list_evaluated(session)
    return [number for number in found if number not in kept]
