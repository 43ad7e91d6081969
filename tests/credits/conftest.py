from __future__ import annotations

import pytest

from support.purse import Clock, Purse
from yungu.kernel import clock
from yungu.kernel.db import Database


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
