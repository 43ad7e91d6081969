"""Runs programs of strangers, each in a cell: what it cannot do there is said in `yungu.compute.backends.cell`.

cells = LocalCells(scratch)
done = cells.run(Program(folder, "predict.py"), inputs, Limits(), on_output=file.write, on_log=log.add)
done.reason, done.cpu_seconds
"""

from __future__ import annotations

import json
import os
import platform
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from yungu.compute.backends.cell import OUT_OF_MEMORY
from yungu.compute.errors import IsolationUnavailable

Reason = Literal["done", "failed", "too_long", "too_much_memory", "too_much_output", "stopped"]
_CELL = Path(__file__).with_name("cell.py")
_OURS = Path(__file__).parents[3]
_BLOCK_BYTES = 1 << 16
_LOOK_EVERY_SECONDS = 0.1
_START_SECONDS = 20.0
_STALE_SECONDS = 8 * 24 * 3600.0
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "onnxruntime", "xllamacpp", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use. ``memory_bytes``: of address space; ``disk_bytes``: in its own folder, which lies in
    memory; ``output_bytes``: on standard output, and the same on standard error; ``threads``: with the first one."""

    memory_bytes: int = 2 << 30
    cpu_seconds: int = 600
    wall_seconds: float = 600
    disk_bytes: int = 256 << 20
    output_bytes: int = 64 << 20
    threads: int = 64


@dataclass(frozen=True, slots=True)
class Program:
    """``entry``: a Python file in ``folder``, which the program sees read-only as the folder that it lies in. Everybody
    on this machine must be allowed to read what is in ``folder``: the program is nobody."""

    folder: Path
    entry: str
    arguments: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended. ``status``: what it exited with, minus the signal that killed it, None if we did.

    ``level``: "full", or "weak" where the operator allows that and the kernel allows no more."""

    reason: Reason
    status: int | None
    level: str
    wall_seconds: float
    cpu_seconds: float
    memory_bytes: int

    @property
    def sentence(self) -> str:
        """What to tell people."""
        return _SENTENCES[self.reason].format(status=self.status)


_SENTENCES: Mapping[Reason, str] = {
    "done": "The program ended well.",
    "failed": "The program ended with status {status}.",
    "too_long": "The program took longer than it may.",
    "too_much_memory": "The program wanted more memory than it may have.",
    "too_much_output": "The program wrote more than it may.",
    "stopped": "The program was stopped.",
}


class Cells(Protocol):
    """Where programs of strangers run."""

    def run(
        self,
        program: Program,
        inputs: Path,
        limits: Limits,
        *,
        on_output: Callable[[bytes], object],
        on_log: Callable[[bytes], object],
        must_stop: Callable[[], bool] = bool,
    ) -> Outcome:
        """Run ``program`` with the file ``inputs`` as its standard input to its end, and until then hand on what it
        writes to standard output and standard error. ``must_stop`` is asked ten times a second.

        Raises IsolationUnavailable; what the callbacks raise stops the program."""
        ...


class LocalCells:
    """Cells on this machine. ``scratch``: a folder of this server's; ``may_be_weak``: run programs also where the
    kernel gives them no namespaces, held back by limits and the filter of system calls alone; ``hidden``: folders that
    must not be seen from inside."""

    def __init__(self, scratch: Path, *, may_be_weak: bool = False, hidden: tuple[Path, ...] = ()) -> None:
        self._scratch = scratch
        self._may_be_weak = may_be_weak
        self._hidden = hidden

    def run(
        self,
        program: Program,
        inputs: Path,
        limits: Limits,
        *,
        on_output: Callable[[bytes], object],
        on_log: Callable[[bytes], object],
        must_stop: Callable[[], bool] = bool,
    ) -> Outcome:
        orders = self._orders(program, limits)
        with ExitStack() as stack:
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._sweep()
            orders["root"] = tempfile.mkdtemp(prefix="cell-", dir=self._scratch)
            stack.callback(shutil.rmtree, orders["root"], ignore_errors=True)
            if os.geteuid() == 0:
                Path(orders["root"]).chmod(0o777)  # where it is weak, nobody works there
            ours, theirs = socket.socketpair()
            stack.callback(ours.close)
            with theirs, inputs.open("rb") as source:
                process = _start(source, theirs)
            stack.callback(_end, process)
            ours.sendall(json.dumps(orders).encode() + b"\n")
            watch = _Watch(ours, process, limits, on_output, on_log, must_stop)
            return watch.until_end()

    def _sweep(self) -> None:
        """Empty folders that killed servers have left."""
        for left in self._scratch.glob("cell-*"):
            with suppress(OSError):
                if left.stat().st_mtime < time.time() - _STALE_SECONDS:
                    left.rmdir()

    def _orders(self, program: Program, limits: Limits) -> dict[str, Any]:
        runtime = _runtime()
        for folder in self._hidden:
            if any(folder.resolve().is_relative_to(Path(place).resolve()) for place in runtime):
                raise IsolationUnavailable(f"{folder} lies inside the Python runtime, which programs may read")
        bounds: dict[str, Any] = msgspec.to_builtins(limits)
        return bounds | {
            "runtime": runtime,
            "packages": _packages(),
            "folders": [[str(program.folder.resolve()), "/program"]],
            "entry": program.entry,
            "arguments": list(program.arguments),
            "environ": _environ(program),
            "may_be_weak": self._may_be_weak,
        }


def versions() -> dict[str, str]:
    """What figures depend on besides commits and seeds: Python, the machine, the libraries that programs find."""
    from importlib import metadata

    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _environ(program: Program) -> dict[str, str]:
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    return {"LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/scratch", "YUNGU_SEED": str(program.seed), **threads}


def _runtime() -> list[str]:
    """The places that Python and its libraries are in."""
    prefixes = dict.fromkeys((sys.base_prefix, sys.prefix))
    places = [f"{prefix}/{name}" for prefix in prefixes for name in ("lib", "lib64")]
    places += ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"]
    return list(dict.fromkeys(place for place in places if Path(place).exists()))


def _packages() -> list[str]:
    return list(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))


def _start(source: Any, line: socket.socket) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-s", "-S", "-B", "-P", str(_CELL), str(_OURS), str(line.fileno())]
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    return subprocess.Popen(
        command,
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(line.fileno(),),
        env=environ,
        cwd="/",
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it is left afterwards."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()


class _Report(msgspec.Struct):
    """Any line that a cell says."""

    ready: str = ""
    refused: str = ""
    status: int | None = None
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    memory_bytes: int = 0


@dataclass(slots=True)
class _Watch:
    """One running cell: its output, its time, its end."""

    line: socket.socket
    process: subprocess.Popen[bytes]
    limits: Limits
    on_output: Callable[[bytes], object]
    on_log: Callable[[bytes], object]
    must_stop: Callable[[], bool]
    level: str = ""
    heard: bytes = b""
    started: float = field(default_factory=time.monotonic)
    written: dict[int, int] = field(default_factory=lambda: {1: 0, 2: 0})

    def until_end(self) -> Outcome:
        """Raises IsolationUnavailable."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.line, selectors.EVENT_READ, 0)
            selector.register(self.process.stdout, selectors.EVENT_READ, 1)  # type: ignore[arg-type]
            selector.register(self.process.stderr, selectors.EVENT_READ, 2)  # type: ignore[arg-type]
            while selector.get_map():
                reason = self._must_end()
                if reason is not None:
                    return self._cut(reason)
                for key, _ in selector.select(_LOOK_EVERY_SECONDS):
                    data = os.read(key.fd, _BLOCK_BYTES)
                    if not data:
                        selector.unregister(key.fileobj)
                    self._take(key.data, data)
        return self._ended()

    def _must_end(self) -> Reason | None:
        elapsed = time.monotonic() - self.started
        if self.must_stop():
            return "stopped"
        if elapsed > self.limits.wall_seconds or (not self.level and elapsed > _START_SECONDS):
            return "too_long"
        return "too_much_output" if max(self.written.values()) > self.limits.output_bytes else None

    def _take(self, stream: int, data: bytes) -> None:
        if stream == 0:
            self.heard += data
            if not self.level and b"\n" in self.heard:
                self._begin(msgspec.json.decode(self.heard.partition(b"\n")[0], type=_Report))
            return
        room = max(self.limits.output_bytes - self.written[stream], 0)
        self.written[stream] += len(data)
        if data[:room]:
            (self.on_output if stream == 1 else self.on_log)(data[:room])

    def _begin(self, report: _Report) -> None:
        if not report.ready:
            raise IsolationUnavailable(report.refused or "the cell did not start")
        self.level = report.ready

    def _cut(self, reason: Reason) -> Outcome:
        return Outcome(reason, None, self.level, round(time.monotonic() - self.started, 3), 0.0, 0)

    def _ended(self) -> Outcome:
        if not self.level:
            raise IsolationUnavailable("the cell did not start; the server's log has no more")
        last = self.heard.rstrip(b"\n").rpartition(b"\n")[2]
        report = msgspec.json.decode(last, type=_Report)
        if report.status is None:
            return self._cut("failed")
        return Outcome(
            self._reason(report),
            report.status,
            self.level,
            report.wall_seconds,
            report.cpu_seconds,
            report.memory_bytes,
        )

    def _reason(self, report: _Report) -> Reason:
        if report.status == 0:
            return "done"
        if report.status == OUT_OF_MEMORY:
            return "too_much_memory"
        used_up = report.cpu_seconds >= self.limits.cpu_seconds - 1 and report.status in (-9, -signal.SIGXCPU)
        return "too_long" if used_up else "failed"
