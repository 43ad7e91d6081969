"""Uploads in numbered parts that may arrive in any order, more than once, and across restarts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from yungu.storage.errors import PartsMissing
from yungu.storage.keys import check_upload_id
from yungu.storage.staging import Staged

_STEP_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """One part that has arrived whole."""

    number: int
    size_bytes: int


class Parts:
    """The parts of unfinished uploads, each a file ``<root>/<upload id>/<number>``."""

    def __init__(self, root: Path, stage: Callable[[], Staged]) -> None:
        self._root = root
        self._stage = stage

    def put_part(self, upload_id: str, number: int, staged: Staged) -> None:
        """Keep ``staged`` as part ``number``, in place of an earlier try. Raises KeyInvalid, StorageFull."""
        staged.move(self._path(upload_id) / str(int(number)))

    def list_parts(self, upload_id: str) -> list[Part]:
        """What has arrived so far, by number; empty for an upload that nobody began."""
        folder = self._path(upload_id)
        files = folder.iterdir() if folder.is_dir() else ()
        return sorted((Part(int(file.name), file.stat().st_size) for file in files), key=lambda part: part.number)

    def assemble(self, upload_id: str, part_numbers: Iterable[int]) -> Staged:
        """The named parts, in the order given, as one staged file with its sha256; the parts stay.

        Raises PartsMissing, StorageFull. The caller publishes or discards the answer."""
        numbers = list(part_numbers)
        missing = sorted(set(numbers) - {part.number for part in self.list_parts(upload_id)})
        if missing or not numbers:
            raise PartsMissing(f"Upload {upload_id} lacks parts {missing}." if missing else "No parts were named.")
        staged = self._stage()
        try:
            for number in numbers:
                _copy(self._path(upload_id) / str(number), staged)
        except BaseException:
            staged.discard()
            raise
        return staged

    def discard_upload(self, upload_id: str) -> None:
        """Forget an upload and its parts; harmless when there is none."""
        shutil.rmtree(self._path(upload_id), ignore_errors=True)

    def sweep(self, older_than_seconds: float) -> int:
        """Drop uploads that received nothing for ``older_than_seconds``; the number dropped."""
        deadline = time.time() - older_than_seconds
        folders = list(self._root.iterdir()) if self._root.is_dir() else []
        stale = [folder for folder in folders if folder.stat().st_mtime < deadline]
        for folder in stale:
            shutil.rmtree(folder, ignore_errors=True)
        return len(stale)

    def _path(self, upload_id: str) -> Path:
        return self._root / check_upload_id(upload_id)


def _copy(source: Path, staged: Staged) -> None:
    buffer = memoryview(bytearray(_STEP_BYTES))
    with source.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            staged.write(buffer[:count])
