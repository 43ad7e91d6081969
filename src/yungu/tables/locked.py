"""The program of the locked process: DuckDB over files that were handed in, and over nothing else.

It is started by `yungu.tables.backends` as a plain file, imports of yungu only what shuts it in, and talks through the
socket whose number is its last argument. A message is 4 bytes of length (big endian) and JSON. The first one, which
carries the descriptors of the files that are plain files, says what may be used; then the process locks itself, for
good, and only then looks at a byte of a file or a word of a query:

- DuckDB: no external access but the given names, no extensions, no Python variables, configuration locked;
- the kernel: no new descriptor of any kind (``RLIMIT_NOFILE`` 0), no new process or thread, nothing written, bounded
  memory and CPU time, no new privileges, and a filter that lets only some fifty harmless system calls through."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import math
import os
import resource
import signal
import socket
import struct
import sys
import types
from typing import Any

if __name__ == "__main__":
    sys.path.append(sys.argv[2])

from yungu.kernel import confinement

_NOBODY = 65534
_CODE_BYTES = 1 << 30
"""Address space that Python, DuckDB and its allocator reserve besides the memory that DuckDB is granted."""

_IMAGE_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")


class Line:
    """The socket to the server."""

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=number)

    def hear_first(self) -> tuple[dict[str, Any], list[int]]:
        """The first message and the descriptors that came with it."""
        data, descriptors, _, _ = socket.recv_fds(self._socket, 4, 253)
        return json.loads(self._receive(struct.unpack(">I", data)[0])), descriptors

    def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.hear_bytes())
        return message

    def hear_bytes(self) -> bytes:
        return self._receive(struct.unpack(">I", self._receive(4))[0])

    def say(self, **message: Any) -> None:
        data = json.dumps(message, ensure_ascii=False, default=str).encode("utf-8", "replace")
        self._socket.sendall(struct.pack(">I", len(data)) + data)

    def _receive(self, count: int) -> bytes:
        parts, missing = [], count
        while missing:
            part = self._socket.recv(min(missing, 1 << 20))
            if not part:
                os._exit(0)  # the server has gone
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


class Given:
    """One file: a descriptor, or the number under which the server reads it for us."""

    def __init__(self, line: Line, number: int, size_bytes: int, descriptor: int | None) -> None:
        self.size_bytes = size_bytes
        self.read_bytes = 0
        self._line = line
        self._number = number
        self._descriptor = descriptor

    def read(self, start: int, count: int) -> bytes:
        end = min(start + count, self.size_bytes)
        if end <= start:
            return b""
        self.read_bytes += end - start
        if self._descriptor is None:
            self._line.say(read=[self._number, start, end])
            return self._line.hear_bytes()
        return self._pread(start, end)

    def _pread(self, start: int, end: int) -> bytes:
        assert self._descriptor is not None
        parts = []
        while start < end:
            part = os.pread(self._descriptor, end - start, start)
            if not part:
                break
            parts.append(part)
            start += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Reader:
    """A position in a file, with the methods that DuckDB calls."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._position = 0

    def seek(self, position: int, whence: int = 0) -> int:
        self._position = position + (0, self._position, self._given.size_bytes)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, count: int = -1) -> bytes:
        data = self._given.read(self._position, count if count >= 0 else self._given.size_bytes)
        self._position += len(data)
        return data

    def close(self) -> None:
        """Descriptors stay open: the process is about to end anyway."""


def file_system(given: dict[str, Given]) -> Any:
    """What DuckDB takes for an fsspec file system: it asks only for the class's name, so that we do without fsspec."""
    module = types.ModuleType("fsspec")
    module.AbstractFileSystem = type("AbstractFileSystem", (), {})  # type: ignore[attr-defined]
    sys.modules["fsspec"] = module

    class GivenFiles(module.AbstractFileSystem):  # type: ignore[misc, name-defined]
        protocol = "given"
        sep = "/"

        def open(self, path: str, mode: str = "rb", **_: Any) -> Reader:
            if mode != "rb":
                raise PermissionError(path)
            return Reader(given[_bare(path)])

        def exists(self, path: str, **_: Any) -> bool:
            return _bare(path) in given

        isfile = exists

        def isdir(self, _path: str, **_: Any) -> bool:
            return False

        def size(self, path: str) -> int:
            return given[_bare(path)].size_bytes

        def glob(self, path: str, **_: Any) -> list[str]:
            return [path] if _bare(path) in given else []

        def modified(self, _path: str) -> datetime.datetime:
            return datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)

        def unstrip_protocol(self, path: str) -> str:
            return f"given://{_bare(path)}"

    return GivenFiles()


def connect(given: dict[str, Given], memory_bytes: int) -> Any:
    """A connection that can read what is given, and can never be talked into more."""
    import duckdb

    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.register_filesystem(file_system(given))
    names = ", ".join(f"'given://{name}'" for name in given)
    for setting in (
        "temp_directory = ''",
        f"memory_limit = '{memory_bytes}B'",
        f"allowed_paths = [{names}]",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "allow_community_extensions = false",
        "python_enable_replacements = false",
        "TimeZone = 'UTC'",
        "enable_profiling = 'no_output'",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    connection.execute("SELECT 'warm' AS w, 1.5, current_date::VARCHAR").fetchall()  # loads what is loaded late
    connection.extract_statements("SELECT 1")
    return connection


def lock(memory_bytes: int, cpu_seconds: int) -> None:
    """Give up everything that is not needed any more. There is no way back."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    confinement.limit(resource.RLIMIT_AS, memory_bytes + _CODE_BYTES)
    confinement.limit(resource.RLIMIT_CPU, cpu_seconds)
    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE, resource.RLIMIT_NOFILE):
        confinement.limit(what, 0)
    confinement.filter_calls(confinement.numbers(confinement.THINKING))


def answer(connection: Any, given: dict[str, Given], asked: dict[str, Any]) -> dict[str, Any]:
    """What one question leads to. Raises whatever DuckDB raises."""
    sql = asked["sql"]
    if asked.get("check"):
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type.name != "SELECT":
            return {"error": "refused", "message": ""}
        return {"sql": statements[0].query}
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    rows, has_more = Harvest(asked["most_rows"], asked["most_bytes"]).take(cursor)
    read = sum(file.read_bytes for file in given.values())
    return {
        "names": names,
        "rows": rows,
        "has_more": has_more,
        "read_bytes": read,
        "rows_scanned": _rows_scanned(json.loads(connection.get_profiling_information(format="json"))),
    }


class Harvest:
    """Rows until there are enough of them, or of their bytes. Pictures get half of the bytes; the rest of them is left
    out, rows and all other values are not."""

    def __init__(self, most_rows: int, most_bytes: int) -> None:
        self._most_rows = most_rows
        self._left = most_bytes // 2
        self._left_for_pictures = most_bytes // 2

    def take(self, cursor: Any) -> tuple[list[list[Any]], bool]:
        rows: list[list[Any]] = []
        while (row := cursor.fetchone()) is not None:
            if len(rows) == self._most_rows or self._left < 0:
                return rows, True
            rows.append([self._value(value) for value in row])
        return rows, False

    def _value(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return self._picture(value)
        self._left -= len(value) if isinstance(value, str) else 16
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value

    def _picture(self, data: bytes) -> str | None:
        if not data.startswith(_IMAGE_MARKS) or len(data) > self._left_for_pictures:
            return None
        self._left_for_pictures -= len(data)
        return base64.b64encode(data).decode()


def _rows_scanned(node: dict[str, Any]) -> int:
    below = node.get("children") or node.get("operator") or []
    return int(node.get("rows_scanned", 0)) + sum(map(_rows_scanned, below))


def _bare(path: str) -> str:
    return path.removeprefix("given://")


def main() -> None:
    sys.path.append(sys.argv[1])
    confinement.control(confinement.PDEATHSIG, signal.SIGKILL)
    confinement.control(confinement.NO_NEW_PRIVILEGES, 1)
    line = Line(int(sys.argv[3]))
    import duckdb

    job, descriptors = line.hear_first()
    numbers = iter(descriptors)
    given = {
        file["name"]: Given(line, number, file["size_bytes"], next(numbers) if file["is_open"] else None)
        for number, file in enumerate(job["files"])
    }
    connection = connect(given, job["memory_bytes"])
    lock(job["memory_bytes"], job["cpu_seconds"])
    line.say(ready=True)
    while True:
        asked = line.hear()
        try:
            line.say(**answer(connection, given, asked))
        except duckdb.Error as error:
            line.say(error=type(error).__name__, message=str(error)[:4000])
        except MemoryError:
            line.say(error="OutOfMemoryException", message="")
        except (ArithmeticError, RuntimeError, ValueError, TypeError) as error:
            line.say(error=type(error).__name__, message=str(error)[:4000])


if __name__ == "__main__":
    main()
