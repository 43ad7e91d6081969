"""Where bytes are moved: worker threads of their own, so that neither the event loop nor the facts wait for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

THREAD_COUNT = 64
"""Transfers that move at the same instant. More than these take turns."""

_pool = ThreadPoolExecutor(THREAD_COUNT, thread_name_prefix="yungu-bytes")


async def in_byte_thread(work: Callable[[], T], *, hang_up: Callable[[], None] | None = None) -> T:
    """What ``work()`` answers, from a byte thread.

    A cancelled caller still waits for ``work`` to end, because it owns the files that ``work`` uses; ``hang_up`` is
    then called to make that quick."""
    future = asyncio.get_running_loop().run_in_executor(_pool, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if hang_up is not None:
            hang_up()
        await asyncio.wait([future])
        raise
