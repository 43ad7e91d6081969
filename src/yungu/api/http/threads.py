"""Where bytes are moved: worker threads of their own, so that neither the event loop nor the facts wait for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

THREAD_COUNT = 64
"""Transfers that move at the same instant. More than these take turns."""

_pool = ThreadPoolExecutor(THREAD_COUNT, thread_name_prefix="yungu-bytes")
_under_way: set[Future[Any]] = set()


def are_threads_scarce() -> bool:
    """Whether who has a byte thread should leave it to others as soon as nothing moves."""
    return len(_under_way) > THREAD_COUNT // 2


async def in_byte_thread(work: Callable[[], T], *, hang_up: Callable[[], None] | None = None) -> T:
    """What ``work()`` answers, from a byte thread.

    A cancelled caller still waits for ``work`` to end, because it owns the files that ``work`` uses; ``hang_up`` is
    then called to make that quick."""
    submitted = _pool.submit(work)
    _under_way.add(submitted)
    submitted.add_done_callback(_under_way.discard)
    future = asyncio.wrap_future(submitted)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if hang_up is not None:
            hang_up()
        await asyncio.wait([future])
        raise
