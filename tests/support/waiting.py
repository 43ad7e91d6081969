"""Waiting for what the work beside requests will do on a live hub."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_MOST_SECONDS = 90.0


def until(look: Callable[[], T]) -> T:
    """The first answer that is true. Fails when none comes."""
    deadline = time.monotonic() + _MOST_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"{look} is still {found!r}"
        time.sleep(0.02)
    return found
