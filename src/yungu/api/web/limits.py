"""What costs a server much and an asker little: few at the same time, and not many in a while.

An argon2 check of a password takes about 0.2 s of CPU and 64 MiB, a query over tables up to seconds of a process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
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


class TooManyQueries(Exhausted):
    """Somebody asks too much of the tables. ``seconds``: until it is worth to try again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many queries; try again in {seconds} seconds.")
        self.seconds = seconds


@dataclass(slots=True)
class _Share:
    running_count: int = 0
    begun_at: deque[float] = field(default_factory=deque)


class Queries:
    """Queries by asker: so many at the same time, and so many within a sliding window."""

    def __init__(
        self, *, at_once: int, most: int, window_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = at_once
        self._most = most
        self._window = window_seconds
        self._clock = clock
        self._shares: dict[str, _Share] = {}
        self._lock = threading.Lock()

    def start(self, asker: str | None, begin: Callable[[], Future[T]]) -> Future[T]:
        """What ``begin()`` gives, counted until it is done, whoever still waits for it; None: nobody who is counted.
        Raises TooManyQueries."""
        if asker is None:
            return begin()
        self._enter(asker)
        try:
            running = begin()
        except BaseException:
            self._leave(asker)
            raise
        running.add_done_callback(lambda _: self._leave(asker))
        return running

    def _enter(self, asker: str) -> None:
        now = self._clock()
        with self._lock:
            self._forget(now)
            share = self._shares.setdefault(asker, _Share())
            if share.running_count >= self._at_once:
                raise TooManyQueries(1)
            if len(share.begun_at) >= self._most:
                raise TooManyQueries(int(share.begun_at[0] + self._window - now) + 1)
            share.running_count += 1
            share.begun_at.append(now)

    def _leave(self, asker: str) -> None:
        with self._lock:
            self._shares[asker].running_count -= 1

    def _forget(self, now: float) -> None:
        """Only those are kept who have asked within the window."""
        for asker, share in list(self._shares.items()):
            while share.begun_at and share.begun_at[0] <= now - self._window:
                share.begun_at.popleft()
            if not share.begun_at and not share.running_count:
                del self._shares[asker]


queries = Queries(at_once=2, most=60, window_seconds=300)
by_name = Attempts(most=10, window_seconds=300)
"""Keyed by address and name: one person who mistypes."""
by_address = Attempts(most=100, window_seconds=300)
"""Keyed by address: one machine that tries many names."""


async def in_password_thread(work: Callable[[], T]) -> T:
    """Run ``work()`` in one of two threads kept for passwords, so that they never take more than two cores."""
    return await asyncio.get_running_loop().run_in_executor(_password_threads, work)
