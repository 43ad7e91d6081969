"""Half a gigabyte in and out of a server of its own, whose memory must not follow."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SIZE = 512 << 20
ALLOWED = 64 << 20
BLOCK = bytes(1 << 20)


@dataclass
class Child:
    pid: int
    port: int

    def peak_bytes(self) -> int:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def ask(self, start: bytes, zeros: int = 0, end: bytes = b"") -> tuple[bytes, int]:
        """Send ``start``, that many zeros and ``end``; how the answer begins, and its length."""
        with self.connect() as client:
            client.sendall(start)
            for _ in range(0, zeros, len(BLOCK)):
                client.sendall(BLOCK)
            client.sendall(end)
            first = client.recv(1000)
            received = len(first)
            while block := client.recv(1 << 20):
                received += len(block)
            return first, received


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    folder = tmp_path_factory.mktemp("memory")
    (folder / "small").write_bytes(b"x")
    with (folder / "sparse").open("wb") as file:
        file.truncate(SIZE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, str(Path(__file__).with_name("served.py")), str(folder), str(listener.fileno())]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
        child = Child(process.pid, listener.getsockname()[1])
        child.ask(b"GET /file/small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        yield child
    process.terminate()
    process.wait(30)


@pytest.mark.parametrize("kind", ["file", "rebuilt"])
def test_a_long_download_needs_little_memory(child: Child, kind: str) -> None:
    child.forget_peak()
    before = child.peak_bytes()
    assert child.ask(f"GET /{kind}/sparse HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())[1] > SIZE
    assert child.peak_bytes() - before < ALLOWED


@pytest.mark.parametrize(
    ("framing", "start", "end"),
    [(f"Content-Length: {SIZE}", b"", b""), ("Transfer-Encoding: chunked", b"%x\r\n" % SIZE, b"\r\n0\r\n\r\n")],
)
def test_a_long_upload_needs_little_memory(child: Child, framing: str, start: bytes, end: bytes) -> None:
    child.forget_peak()
    before = child.peak_bytes()
    request = f"PUT /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}\r\n\r\n".encode()
    assert b"200 OK" in child.ask(request + start, SIZE, end)[0]
    assert child.peak_bytes() - before < ALLOWED
