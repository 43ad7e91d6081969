"""The log of a job: the last lines of it, visible while it runs."""

from __future__ import annotations

import threading
from pathlib import Path

from yungu.compute.queries.records import LOG, OLDER_LOG
from yungu.kernel import clock

_MOST_BYTES = 256 << 10
_MOST_LINE_BYTES = 4000


class Log:
    """Two files of bounded size; when the newer one is full, it takes the place of the older one."""

    def __init__(self, folder: Path) -> None:
        self._new, self._old = folder / LOG, folder / OLDER_LOG
        self._lock = threading.Lock()
        self._rest = b""

    def say(self, line: str) -> None:
        """A line of ours."""
        self._write(f"{clock.now():%H:%M:%S}  {line}\n".encode())

    def feed(self, data: bytes) -> None:
        """What a program writes, in whatever pieces."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MOST_LINE_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        if lines:
            self._write(b"".join(b"  " + line[:_MOST_LINE_BYTES] + b"\n" for line in lines))

    def close(self) -> None:
        if self._rest:
            self.feed(b"\n")

    def _write(self, data: bytes) -> None:
        with self._lock:
            with self._new.open("ab") as file:
                file.write(data[-_MOST_BYTES:])
                size = file.tell()
            if size > _MOST_BYTES:
                self._new.replace(self._old)
