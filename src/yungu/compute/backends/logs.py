"""What replicas print: one file each, of bounded size, the last few of each deployment kept."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

MOST_BYTES = 256 << 10
"""Of one file; when it is full its older half goes."""
_KEPT_FILES = 5


class Logs:
    """Files ``<deployment>/<when>-<replica>.log`` under ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, deployment_id: int, replica: str, at: datetime) -> Log:
        """The log of a new replica; the oldest of its deployment goes."""
        folder = self._root / str(deployment_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(folder.glob("*.log"))[: 1 - _KEPT_FILES]:
            old.unlink(missing_ok=True)
        return Log(folder / f"{at:%Y%m%dT%H%M%S.%f}-{replica}.log")

    def read(self, deployment_id: int, most_bytes: int = 64 << 10) -> str:
        """The end of what the last replicas of a deployment printed, oldest first, each under its name."""
        parts: list[str] = []
        for path in sorted((self._root / str(deployment_id)).glob("*.log"), reverse=True):
            with suppress(FileNotFoundError):
                text = path.read_bytes()[-most_bytes:].decode("utf-8", "replace")
                parts.append(f"--- {path.stem}\n{text}")
                most_bytes -= len(text)
            if most_bytes <= 0:
                break
        return "\n".join(reversed(parts))

    def forget(self, deployment_id: int) -> None:
        shutil.rmtree(self._root / str(deployment_id), ignore_errors=True)


class Log:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a+b", buffering=0)

    def write(self, data: bytes) -> None:
        self._file.write(data)
        if self._file.tell() > MOST_BYTES:
            self._file.seek(-MOST_BYTES // 2, 2)
            kept = self._file.read()
            self._file.truncate(0)
            self._file.write(kept)

    def close(self) -> None:
        self._file.close()
