"""Real git and git-lfs at a desk of their own, and repos on the live hub to talk to."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.desk import Desk, Place
from support.servers import LiveHub


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture
def place(live: LiveHub) -> Place:
    """A public model repo."""
    return Place(live, "model", "public")


@pytest.fixture
def private_place(live: LiveHub) -> Place:
    return Place(live, "dataset", "private")
