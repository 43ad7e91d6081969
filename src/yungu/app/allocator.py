"""What the C library does with freed memory.

glibc takes each large block that is freed as a sign that blocks of this size are better kept: up to 64 MiB of them then
stay with the process, and the holes between them as well. A hub has few large blocks, and should give them back."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGE_BYTES = 2 << 20
_KEPT_BYTES = 8 << 20


def give_back_large_blocks() -> None:
    """From now on blocks of 2 MiB and more go back to the system when they are freed (only glibc has to be told)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
