from __future__ import annotations

import pytest

from support.lists import Lists
from support.world import World
from yungu.accounts import Actor


@pytest.fixture
def lists(world: World) -> Lists:
    return Lists(world)


@pytest.fixture
def operator(lists: Lists) -> Actor:
    return lists.holder("otto", "operator")


@pytest.fixture
def expert(lists: Lists) -> Actor:
    return lists.holder("elsa", "expert")
