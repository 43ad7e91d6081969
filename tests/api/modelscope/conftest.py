"""People on the live hub who speak the ModelScope dialect."""

from __future__ import annotations

import pytest

from support.ms import MsPerson
from support.servers import LiveHub


@pytest.fixture
def lin(live: LiveHub) -> MsPerson:
    """A new user with a token that may do everything."""
    name = live.user()
    return MsPerson(live.url, name, live.token(name, "admin"))


@pytest.fixture
def mei(live: LiveHub) -> MsPerson:
    """Another one, who has nothing to do with lin."""
    name = live.user()
    return MsPerson(live.url, name, live.token(name))


@pytest.fixture
def stranger(live: LiveHub) -> MsPerson:
    """Somebody who does not say who they are."""
    return MsPerson(live.url)


@pytest.fixture
def tea(lin: MsPerson, live: LiveHub) -> str:
    """A public model of lin's."""
    return lin.create(live.fresh_name("tea"), visibility=5)


@pytest.fixture
def silk(lin: MsPerson, live: LiveHub) -> str:
    """A private dataset of lin's."""
    return lin.create(live.fresh_name("silk"), kind="dataset")
