"""A TCP relay in front of a hub: it counts what passes, and can hold a transfer at an exact byte."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Way = Literal["up", "down"]
"""From the client to the hub, or back."""
Address = tuple[str, int]
_BLOCK_BYTES = 1 << 16


@dataclass
class _Gate:
    way: Way
    after_bytes: int
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)


class Relay:
    """``passed[way]`` are the bytes of all connections so far, as they are on the wire (TLS counts too)."""

    def __init__(self, listener: socket.socket, target: Address) -> None:
        self.passed: Counter[Way] = Counter()
        self._listener = listener
        self._target = target
        self._gate: _Gate | None = None
        self._lock = threading.Lock()

    def serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                hub = socket.create_connection(self._target)
                for source, sink, way in ((client, hub, "up"), (hub, client, "down")):
                    threading.Thread(target=self._pump, args=(source, sink, way), daemon=True).start()

    @contextmanager
    def held(self, way: Way, *, after_bytes: int) -> Iterator[threading.Event]:
        """Let so many more bytes pass that way, then none; gives the event of that. Open again at the end."""
        gate = self._gate = _Gate(way, self.passed[way] + after_bytes)
        try:
            yield gate.reached
        finally:
            self._gate = None
            gate.opened.set()

    def _pump(self, source: socket.socket, sink: socket.socket, way: Way) -> None:
        with suppress(OSError):
            while block := source.recv(_BLOCK_BYTES):
                self._wait(way)
                sink.sendall(block)
                with self._lock:
                    self.passed[way] += len(block)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the pump of the other way
        source.close()

    def _wait(self, way: Way) -> None:
        gate = self._gate
        if gate and gate.way == way and self.passed[way] >= gate.after_bytes:
            gate.reached.set()
            gate.opened.wait()


@contextmanager
def running_relay(at: Address, target: Address) -> Iterator[Relay]:
    listener = socket.create_server(at, backlog=512)
    relay = Relay(listener, target)
    threading.Thread(target=relay.serve, daemon=True).start()
    try:
        yield relay
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
