"""Disks that are small enough to be filled."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def disk_of_64_mib(place: Path) -> Iterator[Path]:
    """An empty disk at ``place`` while inside; the test is skipped where none can be mounted."""
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path, *, leave_bytes: int) -> Path:
    """A file that takes all the room but ``leave_bytes``, whatever others write meanwhile."""
    ballast = disk / "ballast"
    with ballast.open("wb") as out:
        while (room := _free_bytes(disk) - leave_bytes) > 0:
            try:
                os.posix_fallocate(out.fileno(), 0, room)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            else:
                break
    return ballast


def _free_bytes(disk: Path) -> int:
    stat = os.statvfs(disk)
    return stat.f_bavail * stat.f_frsize
