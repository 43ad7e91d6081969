"""What the rest of yungu needs from a place that keeps bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self


class StagedBytes(Protocol):
    """Bytes on their way in; discarded at the end of a ``with`` block unless published."""

    @property
    def size_bytes(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    def write(self, data: memoryview | bytes) -> None: ...

    def publish(self, key: str) -> None: ...

    def discard(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ByteStore(Protocol):
    """Immutable bytes by key. Published bytes are durable and visible to every process at once."""

    def stage(self, *, sha256: bool = True, cached: bool = True) -> StagedBytes: ...

    def path(self, key: str) -> Path | None:
        """The file that holds ``key`` if this machine can open it, so that the kernel can send it; else None."""

    def exists(self, key: str) -> bool: ...

    def size(self, key: str) -> int: ...

    def open(self, key: str, *, cached: bool = True) -> BinaryIO: ...

    def delete(self, key: str) -> None: ...

    def delete_stale(self, key: str, older_than_seconds: float) -> int: ...

    def iter_keys(self, prefix: str = "") -> Iterator[str]: ...

    def sweep_staging(self, older_than_seconds: float) -> int: ...

    def free_bytes(self) -> int: ...
