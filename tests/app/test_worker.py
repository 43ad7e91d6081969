"""What is done beside requests loses nothing when the database says no."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.accounts.models import tokens
from yungu.app import worker
from yungu.hub.models import repo_downloads
from yungu.kernel import clock
from yungu.kernel.db import Session


@pytest.fixture
def tea(world: World, lin: Actor) -> hub.Repo:
    return world.repo("lin/tea", by=lin)


def forbid_downloads(session: Session) -> None:
    """Let the transaction that counts fail when its last statements come."""
    session.execute(sa.text("ALTER TABLE repo_downloads RENAME TO away"))


def allow_downloads(session: Session) -> None:
    session.execute(sa.text("ALTER TABLE away RENAME TO repo_downloads"))


def test_what_was_counted_is_kept_until_it_is_written(world: World, tea: hub.Repo) -> None:
    site, token = world.site, world.with_token("lin", "read").token_id
    assert token is not None
    site.downloads.note(tea.id, "mei")
    site.views.note(tea.id, "mei")
    site.used_tokens.add(token)
    world.write_in(forbid_downloads)
    with pytest.raises(sa.exc.DBAPIError):
        worker.flush(site)
    site.downloads.note(tea.id, "lin")
    world.write_in(allow_downloads)
    worker.flush(site)
    worker.flush(site)
    assert (world.fresh(tea).downloads_count, world.fresh(tea).views_count) == (2, 1)
    used = sa.select(tokens.c.last_used_at).where(tokens.c.id == token)
    assert world.read_in(lambda session: session.scalar(used)) is not None


def test_days_of_downloads_that_are_long_past_become_months(
    world: World, tea: hub.Repo, lin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    silk = world.repo("lin/silk", by=lin)
    days = [(tea, "2024-12-01", 1), (tea, "2024-12-31", 2), (tea, "2025-01-15", 4), (silk, "2025-01-31", 8)]
    recent = [(tea, "2025-02-01", 16), (tea, "2026-03-20", 32)]
    rows = [
        {"repo_id": repo.id, "day": date.fromisoformat(day), "count": count} for repo, day, count in (*days, *recent)
    ]
    world.write_in(lambda session: session.execute(sa.insert(repo_downloads), rows))
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 25, tzinfo=UTC))
    assert hub.fold_downloads(world.site.db) == 2
    assert hub.fold_downloads(world.site.db) == 0
    kept = sa.select(repo_downloads).order_by(repo_downloads.c.repo_id, repo_downloads.c.day)
    assert [(number, str(day), count) for number, day, count in world.read_in(lambda s: s.execute(kept).all())] == [
        (tea.id, "2024-12-01", 3), (tea.id, "2025-01-01", 4), (tea.id, "2025-02-01", 16), (tea.id, "2026-03-20", 32),
        (silk.id, "2025-01-01", 8),
    ]  # fmt: skip
