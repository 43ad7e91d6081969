"""Passwords cost a server much and an attacker little: few tries per name and address, few at the same time.

An argon2 check takes about 0.2 s of CPU and 64 MiB."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from yungu.api.web.language import marked
from yungu.kernel.errors import Exhausted

T = TypeVar("T")
_password_threads = ThreadPoolExecutor(2, thread_name_prefix="passwords")


class TooManyAttempts(Exhausted):
    """Too many wrong passwords in a short time."""

    def __init__(self) -> None:
        super().__init__(marked("Too many attempts. Wait a few minutes and try again."))


class Attempts:
    """Failures by key within a sliding window; remembers at most ``keys`` keys, the least recent ones dropped first."""

    def __init__(
        self, *, most: int, window_seconds: float, keys: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._window = window_seconds
        self._keys = keys
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, key: str) -> None:
        """Count one try before it is made, so that tries at the same time are counted too. Raises TooManyAttempts."""
        now = self._clock()
        with self._lock:
            times = self._failures.setdefault(key, deque(maxlen=self._most))
            while times and times[0] <= now - self._window:
                times.popleft()
            if len(times) >= self._most:
                raise TooManyAttempts
            times.append(now)
            self._failures.move_to_end(key)
            if len(self._failures) > self._keys:
                self._failures.popitem(last=False)

    def forgive(self, key: str) -> None:
        """The last try was a good one."""
        with self._lock:
            if self._failures.get(key):
                self._failures[key].pop()


by_name = Attempts(most=10, window_seconds=300)
"""Keyed by address and name: one person who mistypes."""
by_address = Attempts(most=100, window_seconds=300)
"""Keyed by address: one machine that tries many names."""


async def in_password_thread(work: Callable[[], T]) -> T:
    """Run ``work()`` in one of two threads kept for passwords, so that they never take more than two cores."""
    return await asyncio.get_running_loop().run_in_executor(_password_threads, work)
