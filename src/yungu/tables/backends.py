"""The process that reads tables: started for one piece of work, locked before it sees a byte of it, killed at its end.

Why a process, and what it cannot do: see `yungu.tables.locked`."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn, Protocol

import msgspec

from yungu.storage.errors import BytesNotFound
from yungu.tables import rules
from yungu.tables.errors import QueryInvalid, QueryRefused, TableUnreadable, TooLong, TooMuchMemory
from yungu.tables.models import Answer, TableFile

log = logging.getLogger("yungu.tables")
MOST_FILES = 128
"""Of one table; each is an open file of the server for a moment."""
_MOST_ANSWER_BYTES = 64 << 20
_MOST_READ_BYTES = 64 << 20
_PROGRAM = Path(__file__).with_name("locked.py")
_OURS = Path(__file__).parents[2]
_WORDS = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/nonexistent"}
_MEMORY = frozenset({"OutOfMemoryException", "MemoryError"})


class Reading(Protocol):
    """An open conversation about some files."""

    names: Sequence[str]
    """By which statements know the files: ``given://<name>``."""

    def check(self, sql: str) -> str:
        """``sql`` if it is one SELECT. Raises QueryInvalid, QueryRefused."""

    def run(self, sql: str, *, most_rows: int = 1, most_bytes: int = 1 << 20) -> Answer:
        """The first rows of what one statement answers. Raises QueryInvalid, QueryRefused, TableUnreadable, TooLong,
        TooMuchMemory."""


class Engine(Protocol):
    """Reads tables."""

    def open(self, files: Sequence[TableFile]) -> AbstractContextManager[Reading]: ...


class _Said(msgspec.Struct):
    """Any message of the locked process."""

    ready: bool = False
    read: tuple[int, int, int] | None = None
    error: str = ""
    message: str = ""
    sql: str = ""
    names: list[str] = []
    rows: list[list[Any]] = []
    has_more: bool = False
    read_bytes: int = 0
    rows_scanned: int | None = None


class LockedDuckDB:
    """DuckDB in a process of its own for each piece of work, which may use ``memory_bytes`` and take ``seconds``."""

    def __init__(self, *, memory_bytes: int = 512 << 20, seconds: float = 20) -> None:
        self._memory_bytes = memory_bytes
        self._seconds = seconds

    @contextmanager
    def open(self, files: Sequence[TableFile]) -> Iterator[Reading]:
        """Raises BytesNotFound when a file is not there."""
        with ExitStack() as stack:
            ours, theirs = socket.socketpair()
            stack.callback(ours.close)
            with theirs:
                process = _start(theirs)
            stack.callback(_end, process)
            conversation = _Conversation(ours, process, files, self._seconds)
            conversation.begin(self._memory_bytes)
            yield conversation


def _start(line: socket.socket) -> subprocess.Popen[bytes]:
    found = importlib.util.find_spec("duckdb")
    if found is None or found.origin is None:
        raise RuntimeError("duckdb is not installed")
    packages = Path(found.origin).parents[1]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(_PROGRAM), str(packages), str(_OURS), str(line.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(line.fileno(),),
        env=_WORDS,
        cwd="/",
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


class _Conversation:
    """One socket, one thread: asks, serves what the process wants to read meanwhile, hears the answer."""

    def __init__(
        self, line: socket.socket, process: subprocess.Popen[bytes], files: Sequence[TableFile], seconds: float
    ) -> None:
        self._line = line
        self._process = process
        self._files = files
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self.names: Sequence[str] = [rules.file_name(number, file.ending) for number, file in enumerate(files)]

    def begin(self, memory_bytes: int) -> None:
        described = [
            {"name": name, "size_bytes": file.size_bytes, "is_open": isinstance(file.source, Path)}
            for name, file in zip(self.names, self._files, strict=True)
        ]
        job = {"files": described, "memory_bytes": memory_bytes, "cpu_seconds": int(self._seconds) + 1}
        data = msgspec.json.encode(job)
        with ExitStack() as stack:
            opened = [stack.enter_context(_open(f.source)) for f in self._files if isinstance(f.source, Path)]
            head = struct.pack(">I", len(data))
            try:
                socket.send_fds(self._line, [head], [file.fileno() for file in opened])
                self._line.sendall(data)
            except OSError:
                self._give_up()
        if not self._hear().ready:
            raise RuntimeError("the locked process did not start")

    def check(self, sql: str) -> str:
        return self._ask({"sql": sql, "check": True}).sql

    def run(self, sql: str, *, most_rows: int = 1, most_bytes: int = 1 << 20) -> Answer:
        before = self._heard_bytes = 0
        said = self._ask({"sql": sql, "most_rows": most_rows, "most_bytes": most_bytes})
        size = self._heard_bytes - before
        return Answer(said.names, said.rows, said.has_more, said.read_bytes, said.rows_scanned, size)

    def _ask(self, question: dict[str, Any]) -> _Said:
        self._send(msgspec.json.encode(question))
        while True:
            said = self._hear()
            if said.read is not None:
                self._send(self._read(*said.read))
            elif said.error:
                _refuse(said)
            else:
                return said

    def _read(self, number: int, start: int, end: int) -> bytes:
        """What the process may read: of its own files, within their bounds."""
        source = self._files[number].source if 0 <= number < len(self._files) else None
        if source is None or isinstance(source, Path) or not 0 <= start <= end <= self._files[number].size_bytes:
            raise TableUnreadable
        if end - start > _MOST_READ_BYTES:
            raise TooMuchMemory
        return source(start, end)

    def _send(self, data: bytes) -> None:
        self._line.settimeout(self._left())
        try:
            self._line.sendall(struct.pack(">I", len(data)) + data)
        except OSError:
            self._give_up()

    def _hear(self) -> _Said:
        size = struct.unpack(">I", self._receive(4))[0]
        if size > _MOST_ANSWER_BYTES:
            raise TooMuchMemory
        data = self._receive(size)
        self._heard_bytes = size
        try:
            return msgspec.json.decode(data, type=_Said)
        except (msgspec.MsgspecError, RecursionError) as error:
            log.warning("the locked process said something strange: %s", error)
            raise TableUnreadable from error

    def _receive(self, count: int) -> bytes:
        data = bytearray(count)
        view, got = memoryview(data), 0
        while got < count:
            self._line.settimeout(self._left())
            try:
                part = self._line.recv_into(view[got:])
            except OSError:
                part = 0
            if not part:
                self._give_up()
            got += part
        return bytes(data)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TooLong(self._seconds)
        return left

    def _give_up(self) -> NoReturn:
        """The process has gone, or says nothing."""
        self._left()
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            status = 0
        if status in (-signal.SIGXCPU, -signal.SIGKILL):
            raise TooLong(self._seconds)
        log.warning("the locked process ended with status %d", status)
        raise TooMuchMemory if status in (-signal.SIGABRT, -signal.SIGSEGV) else TableUnreadable


def _open(path: Path) -> Any:
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb", buffering=0)
    except FileNotFoundError as error:
        raise BytesNotFound("The content of this file is missing from the store.") from error


def _refuse(said: _Said) -> NoReturn:
    """Raises what the words of DuckDB mean."""
    if said.error in _MEMORY or "std::bad_alloc" in said.message:
        raise TooMuchMemory
    if said.error in ("refused", "PermissionException"):
        raise QueryRefused
    reason = said.message.partition("Traceback (most recent")[0].partition("\n\nLINE ")[0].replace("given://", "")
    raise QueryInvalid(reason.strip()[:600] or said.error)
