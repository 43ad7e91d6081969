"""One replica on this machine: a process that loads a model and answers on loopback, held on a leash."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from yungu.compute.backends.logs import Log
from yungu.compute.errors import ReplicaFailed
from yungu.compute.models import Deployment, Target
from yungu.compute.runtimes.protocol import Spec

log = logging.getLogger("yungu.pool")
GRACE_SECONDS = 5.0
_HEALTH_SECONDS = 10.0
_LINE_BYTES = 1 << 16
_PASSED_ON = ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES", "PATH", "PYTHONPATH", "TMPDIR", "TZ")
_SET = {
    "LANG": "C.UTF-8", "HOME": "/nonexistent", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1",
}  # fmt: skip


class Replica:
    """``started_at``, ``used_at``: by the monotonic clock; ``is_suspect``: a call to it has just failed. Made by
    ``start``."""

    def __init__(self, spec: Spec, process: asyncio.subprocess.Process, record: Log) -> None:
        self.spec = spec
        self.in_flight = 0
        self.started_at = self.used_at = time.monotonic()
        self.target = Target("", {}, spec.model)
        self.is_suspect = False
        self._process, self._log = process, record
        self._printing = asyncio.create_task(self._print())
        self._is_stopped = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """As of now: the event loop hears of an end a moment later, and a call in between would go to nobody."""
        if self._process.returncode is not None:
            return False
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    @property
    def is_crashed(self) -> bool:
        """Whether it ended although nobody stopped it."""
        return not self.is_alive and not self._is_stopped

    async def wait_until_ready(self, seconds: float) -> None:
        """Raises ReplicaFailed; then it is stopped."""
        try:
            async with asyncio.timeout(seconds):
                said = await self._first_word()
        except TimeoutError:
            await self.stop(grace_seconds=0)
            raise ReplicaFailed(f"{self.spec.model} was not ready within {seconds:g} seconds.") from None
        if "port" not in said:
            await self.stop(grace_seconds=0)
            raise ReplicaFailed(f"{self.spec.model} does not start: {said['error']}")
        headers = {"authorization": f"Bearer {self.spec.secret}"}
        self.target = Target(f"http://127.0.0.1:{said['port']}", headers, self.spec.model)
        self.used_at = time.monotonic()

    async def _first_word(self) -> Mapping[str, str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(ConnectionError):
            self._process.stdin.write(msgspec.json.encode(self.spec) + b"\n")
            await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            await self._process.wait()
            return {"error": f"its process {_how(self._process.returncode)}; its log tells more."}
        said: Mapping[str, str] = msgspec.json.decode(line)
        return said

    async def is_healthy(self) -> bool:
        """Whether it answers at all; a long answer to somebody else does not keep it from that."""
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                return await self._ask_health()
        except (TimeoutError, OSError):
            return False

    async def _ask_health(self) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.target.url.rpartition(":")[2]))
        try:
            lines = "GET /health HTTP/1.1", "host: replica", f"authorization: {self.target.headers['authorization']}"
            writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode())
            return b" 200 " in await reader.readline()
        finally:
            writer.close()

    async def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """End it, in peace within ``grace_seconds``."""
        self._is_stopped = True
        if self.is_alive and grace_seconds:
            self._signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await self._process.wait()
        if self.is_alive:
            self._signal(signal.SIGKILL)
        await self._process.wait()
        await self._printing

    async def wait(self) -> None:
        await self._process.wait()

    def kill(self) -> None:
        """End it now, without waiting."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        """To all processes that it may have started, too: it leads a session of its own."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _print(self) -> None:
        """Carry what it prints to its log, and say how it ended."""
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(_LINE_BYTES):
            self._log.write(data)
        await self._process.wait()
        self._log.write(f"[{_how(self._process.returncode)}]\n".encode())
        self._log.close()
        if self.is_crashed:
            log.warning("A replica of %s ended: %s.", self.spec.model, _how(self._process.returncode))


async def start(spec: Spec, record: Log) -> Replica:
    """A new replica, not ready yet. Its environment holds nothing of the server's."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "yungu.compute.runtimes.serve"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd="/",
        env=environment(spec.threads),
        start_new_session=True,
    )
    return Replica(spec, process, record)


def spec_of(deployment: Deployment, folder: str, threads: int) -> Spec:
    """What a replica of a deployment loads, with a secret of its own."""
    return Spec(
        runtime=deployment.runtime,
        folder=folder,
        model=deployment.name,
        answers=deployment.answers,
        context_tokens=deployment.context_tokens,
        memory_bytes=deployment.memory_bytes,
        threads=threads,
        secret=new_secret(),
        options=dict(deployment.options),
    )


def state_of(deployment: Deployment) -> tuple[object, ...]:
    """What replicas are started with: those of another state take no more calls."""
    options = tuple(sorted((name, repr(value)) for name, value in deployment.options.items()))
    made_of = (deployment.commit, deployment.runtime, deployment.answers, deployment.name)
    return (*made_of, deployment.context_tokens, deployment.memory_bytes, options)


def environment(threads: int) -> dict[str, str]:
    """What a replica sees: libraries and devices, how many threads to use, and that there is no network to ask."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return passed | _SET | counts


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def _how(status: int | None) -> str:
    if status is not None and status < 0:
        with suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
