"""Running git's own programs on a bare repository, deaf to every configuration but ours."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_CONFIG = {
    "safe.directory": "*",
    "core.hooksPath": "/dev/null",
    "core.bigFileThreshold": "32m",  # larger objects are streamed, so that no pack can fill the memory
    "core.fsync": "objects",
    "core.fsyncMethod": "batch",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
_PIPE_BYTES = 512 << 10


def environment(**extra: str) -> dict[str, str]:
    """All that a git program gets to see of the world."""
    found = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/dev/null",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(_CONFIG)),
    }
    for number, (key, value) in enumerate(_CONFIG.items()):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found | extra


def upload_pack(path: Path, *, advertise: bool) -> list[str]:
    """The command that serves one fetch request, or the first words of it.

    https://git-scm.com/docs/git-upload-pack"""
    first = ["--advertise-refs"] if advertise else []
    return ["git", "upload-pack", "--strict", "--stateless-rpc", *first, str(path)]


_fetch_capabilities: list[bytes] = []


def fetch_capabilities(path: Path) -> bytes:
    """What upload-pack says of itself under protocol 2, before any ref: the same for all of our repos, asked once."""
    if not _fetch_capabilities:
        command, env = upload_pack(path, advertise=True), environment(GIT_PROTOCOL="version=2")
        _fetch_capabilities.append(subprocess.run(command, env=env, capture_output=True, check=True).stdout)
    return _fetch_capabilities[0]


def popen(
    path: Path,
    arguments: Sequence[str],
    *,
    stdin: int | IO[bytes],
    stderr: IO[bytes],
    stdout: int | IO[bytes] = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
    most_memory_bytes: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``git <arguments>`` on the bare repository at ``path``. What would need more than ``most_memory_bytes`` of
    its own dies: a pack of a few hundred bytes can unfold to any number of objects and files."""
    command = ["git", f"--git-dir={path}", *arguments]
    if most_memory_bytes is not None:
        command = ["sh", "-c", 'ulimit -d "$0" && exec "$@"', str(most_memory_bytes >> 10), *command]
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment(**(env or {})))
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            _widen(pipe)
    return process


def _widen(pipe: IO[bytes]) -> None:
    """Let one side run ahead of the other, so that both are busy at once."""
    with suppress(OSError):  # a user may have only so many wide pipes
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def last_words(stderr: IO[bytes], path: Path, *, limit: int = 500) -> str:
    """What a program said before it died, on one line, without telling where things lie on this machine."""
    stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, stderr.tell() - 8 * limit))
    lines = stderr.read().decode("utf-8", "replace").replace(str(path), "").splitlines()
    said = [line.removeprefix("fatal: ").removeprefix("error: ") for line in lines if line.strip()]
    return "; ".join(said)[:limit] or "it gave no reason"
