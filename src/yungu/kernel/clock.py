"""Time, in one place so that tests can hold it still."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, timezone-aware, UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """``2026-11-22T08:00:00.000Z``: ISO 8601, milliseconds, as the hub clients parse it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
