from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from support.purse import Purse
from yungu.kernel import clock
from yungu.kernel.db import Database


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **how: float) -> datetime:
        self.now += timedelta(**how)
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(clock, "now", stopped)
    return stopped


@pytest.fixture
def purse(database: Database) -> Purse:
    """An empty ledger with a pot of 1,000 credits, ``pot``."""
    made = Purse(database)
    made.write(lambda s: made.credits.fund_budget(s, "pot", 1_000 * made.credits.CREDIT, key="pot", by=None))
    return made
