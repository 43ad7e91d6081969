"""Cells on the machines of a Ray cluster: each program is a Ray task that shuts it in there as `LocalCells` does here.

Ray is loaded with the first program. Its machines have yungu installed, as they must for deployments."""

from __future__ import annotations

import io
import os
import queue
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from yungu.compute.backends.isolation import Limits, LocalCells, Outcome, Program
from yungu.compute.errors import IsolationUnavailable, ReplicaFailed

_LOOK_EVERY_SECONDS = 0.1
_IN_FLIGHT = 64
"""Blocks of output that a task may be ahead of us."""


class RayCells:
    """``address``: as ``ray.init`` takes it, or "local" for a cluster of its own; ``is_shared``: the machines see the
    same files under the same names as this one, so that nothing has to be sent."""

    def __init__(self, address: str, *, is_shared: bool, may_be_weak: bool = False) -> None:
        self._address = address
        self._is_shared = is_shared
        self._may_be_weak = may_be_weak
        self._lock = threading.Lock()
        self._task: Any = None

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
        """See `Cells`. Raises ReplicaFailed too, when the cluster is away or its machine died."""
        import ray

        self._connect()
        sent = self._sent(program.folder), self._sent(inputs)
        orders = program.entry, program.arguments, program.seed, asdict(limits), self._may_be_weak
        said = self._task.remote(*sent, *orders)
        hear = {"out": on_output, "log": on_log}
        try:
            while True:
                if must_stop():
                    return Outcome("stopped", None, "full", 0.0, 0.0, 0)
                if not ray.wait([said], timeout=_LOOK_EVERY_SECONDS, fetch_local=False)[0]:
                    continue
                kind, what = ray.get(next(said))
                if kind == "end":
                    return Outcome(**what)
                if kind == "refused":
                    raise IsolationUnavailable(what)
                hear[kind](what)
        except (ray.exceptions.RayError, StopIteration) as error:
            raise ReplicaFailed("The machine of the Ray cluster was lost.", hint="It is tried again.") from error
        finally:
            ray.cancel(said, force=True)

    def _sent(self, path: Path) -> str | Any:
        """A path, or its content as an object of the cluster."""
        import ray

        return str(path.resolve()) if self._is_shared else ray.put(_packed(path))

    def _connect(self) -> None:
        """Raises ReplicaFailed."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
        import ray

        is_own = self._address == "local"
        with self._lock:
            try:
                ray.init(
                    None if is_own else self._address,
                    namespace="yungu",
                    include_dashboard=False if is_own else None,
                    log_to_driver=False,
                    configure_logging=False,
                    ignore_reinit_error=True,
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise ReplicaFailed("The Ray cluster cannot be reached.", hint="Try again in a moment.") from error
            if self._task is None:
                self._task = ray.remote(
                    num_cpus=1,
                    max_retries=0,
                    max_calls=1,  # a process each: ending one late never hits the next program
                    num_returns="streaming",
                    _generator_backpressure_num_objects=_IN_FLIGHT,
                )(run_cell)


def run_cell(
    program: str | bytes,
    inputs: str | bytes,
    entry: str,
    arguments: tuple[str, ...],
    seed: int,
    limits: dict[str, Any],
    may_be_weak: bool,
) -> Iterator[tuple[str, Any]]:
    """On a machine of the cluster: what the program says, and last how it ended."""
    os.umask(0o022)  # nobody, who the program is in its cell, may read it
    said: queue.Queue[tuple[str, Any]] = queue.Queue(_IN_FLIGHT)
    with tempfile.TemporaryDirectory(prefix="yungu-cell-") as name:
        home = Path(name)
        made = Program(_laid_out(program, home / "program"), entry, arguments, seed)
        given = _laid_out(inputs, home / "inputs")
        cells = LocalCells(home / "cells", may_be_weak=may_be_weak)

        def run() -> None:
            try:
                done = cells.run(
                    made,
                    given,
                    Limits(**limits),
                    on_output=lambda data: said.put(("out", data)),
                    on_log=lambda data: said.put(("log", data)),
                )
                said.put(("end", asdict(done)))
            except IsolationUnavailable as error:
                said.put(("refused", error.reason))

        threading.Thread(target=run, daemon=True).start()
        while True:
            told = said.get()
            yield told
            if told[0] in ("end", "refused"):
                return


def _packed(path: Path) -> bytes:
    if path.is_file():
        return path.read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(path, ".")
    return packed.getvalue()


def _laid_out(what: str | bytes, at: Path) -> Path:
    if isinstance(what, str):
        return Path(what)
    if at.name == "inputs":
        at.write_bytes(what)
        return at
    with tarfile.open(fileobj=io.BytesIO(what)) as tar:
        tar.extractall(at, filter="data")
    at.chmod(0o755)
    return at
