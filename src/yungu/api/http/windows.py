"""The counters of rate limits: those of the library ``limits``, in memory that is bounded.

The library's own memory store starts a thread whenever it is asked after a pause, and grows with every new key."""

from __future__ import annotations

import math
import threading
import time

from limits import RateLimitItem
from limits.storage.base import Storage
from limits.strategies import FixedWindowRateLimiter

MOST_KEYS = 100_000


class BoundedMemory(Storage):
    """Fixed windows by key, the oldest dropped first beyond ``most_keys``."""

    STORAGE_SCHEME = None
    base_exceptions = ValueError

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        super().__init__()
        self._most_keys = most_keys
        self._windows: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.monotonic()
        with self._lock:
            count, ends_at = self._windows.get(key, (0, 0.0))
            if ends_at <= now:
                self._windows.pop(key, None)  # to the end: keys lie in the order in which their windows end
                self._make_room(now)
                count, ends_at = 0, now + expiry
            self._windows[key] = (count + amount, ends_at)
        return count + amount

    def get(self, key: str) -> int:
        count, ends_at = self._windows.get(key, (0, 0.0))
        return count if ends_at > time.monotonic() else 0

    def get_expiry(self, key: str) -> float:
        return self._windows.get(key, (0, time.monotonic()))[1]

    def peek(self, key: str) -> tuple[int, float]:
        """How many hits a key has, and when its window ends (monotonic seconds)."""
        return self._windows.get(key, (0, 0.0))

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        count = len(self._windows)
        self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    def _make_room(self, now: float) -> None:
        while self._windows:
            oldest = next(iter(self._windows))
            if self._windows[oldest][1] > now and len(self._windows) < self._most_keys:
                return
            del self._windows[oldest]


class Windows:
    """Counts hits; see `hit`."""

    def __init__(self) -> None:
        self._memory = BoundedMemory()
        self._limiter = FixedWindowRateLimiter(self._memory)

    def hit(self, item: RateLimitItem, asker: str) -> tuple[int, int]:
        """How many hits remain after this one (negative: it was one too many), and seconds until the window ends."""
        is_allowed = self._limiter.hit(item, asker)
        count, ends_at = self._memory.peek(item.key_for(asker))
        seconds = max(1, math.ceil(ends_at - time.monotonic()))
        return (max(item.amount - count, 0) if is_allowed else -1), seconds
