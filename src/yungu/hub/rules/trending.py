"""What is in fashion: every sign of interest counts half as much after each half-life.

A sign at time t adds ``weight * 2 ** ((t - EPOCH) / HALF_LIFE)`` to the number that is kept. Time moves all kept
numbers down alike, so their order is the order of fashion at any later moment, nothing has to be recomputed, and a sign
can be taken back exactly. Doubles are large enough for this until the year 2060."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HALF_LIFE = timedelta(days=14)
LIKE_WEIGHT = 10.0
"""A like, in downloads: one person means it, while a script may repeat a download."""


def trending_gain(weight: float, at: datetime) -> float:
    """What a sign of interest of ``weight`` downloads at that moment adds to the kept number."""
    return weight * _inflation(at)


def trending_score(kept: float, now: datetime) -> int:
    """A kept number as seen at ``now``: downloads of this very moment that would count as much."""
    return max(0, round(kept / _inflation(now)))


def _inflation(at: datetime) -> float:
    return math.exp2((at - EPOCH) / HALF_LIFE)
