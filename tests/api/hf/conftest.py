"""People on the live hub who speak the hf dialect."""

from __future__ import annotations

import pytest

from support.hf import HfPerson
from support.servers import LiveHub


@pytest.fixture
def lin_hf(live: LiveHub) -> HfPerson:
    """A new user with a write token."""
    name = live.user()
    return HfPerson(live.url, name, live.token(name))


@pytest.fixture
def mei_hf(live: LiveHub) -> HfPerson:
    """Another one, who has nothing to do with lin."""
    name = live.user()
    return HfPerson(live.url, name, live.token(name))


@pytest.fixture
def stranger(live: LiveHub) -> HfPerson:
    """Somebody who does not say who they are."""
    return HfPerson(live.url)


@pytest.fixture
def tea(lin_hf: HfPerson, live: LiveHub) -> str:
    """A public model of lin's."""
    return lin_hf.create(live.fresh_name("tea"))


@pytest.fixture
def silk(lin_hf: HfPerson, live: LiveHub) -> str:
    """A private model of lin's."""
    return lin_hf.create(live.fresh_name("silk"), private=True)
