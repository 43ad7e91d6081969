"""The body of a push on its way in: commands are read, the pack goes on into quarantine."""

from __future__ import annotations

from collections.abc import Callable, Collection

from yungu.api.git import wire
from yungu.api.git.wire import LineInvalid
from yungu.hub import RefUpdate
from yungu.kernel.errors import YunguError
from yungu.storage.quarantine import PACK_HEADER_BYTES, Quarantine, Unpacker, count_objects

MAX_COMMANDS = 50_000
_MAX_COMMANDS_BYTES = 16 << 20


class PushBody:
    """A sink. ``pack_error``: what was wrong with the pack when it began; the rest of it is then dropped."""

    def __init__(self, quarantine: Callable[[], Quarantine]) -> None:
        self.updates: list[RefUpdate] = []
        self.capabilities: Collection[str] = ()
        self.incoming: Quarantine | None = None
        self.pack_error: YunguError | None = None
        self._quarantine = quarantine
        self._pack: Unpacker | None = None
        self._head = bytearray()
        self._has_commands = False
        self._commands_bytes = 0

    def write(self, data: memoryview | bytes) -> None:
        if self._pack is not None:
            self._pack.write(data)
        elif self.pack_error is None:
            self._head += data
            if not self._has_commands:
                self._read_commands(len(data))
            if self._has_commands and len(self._head) >= PACK_HEADER_BYTES:
                self._begin_pack()

    def check_ended(self) -> None:
        """Raises LineInvalid when the body stopped in the middle of its commands."""
        if not self._has_commands and (self._head or self.updates):
            raise LineInvalid("The push ended before its commands did.")

    def finish(self) -> Quarantine:
        """All objects, unpacked. Raises PackInvalid, StorageFull."""
        if self.pack_error is not None:
            raise self.pack_error
        if self._pack is not None:
            self._pack.finish()
        elif self._head:
            count_objects(bytes(self._head).ljust(PACK_HEADER_BYTES, b"\0"))
        self.incoming = self.incoming or self._quarantine()
        self.incoming.begin_flush()
        return self.incoming

    def close(self) -> None:
        """Drop everything; harmless when repeated."""
        if self._pack is not None:
            self._pack.close()
        if self.incoming is not None:
            self.incoming.discard()

    def _read_commands(self, added_bytes: int) -> None:
        self._commands_bytes += added_bytes
        lines, self._has_commands = wire.take_lines(self._head)
        for payload in lines:
            if payload.startswith(b"shallow "):
                continue  # the check of the new commits finds out whether anything is missing
            command, _, words = payload.partition(b"\0")
            if not self.updates:
                self.capabilities = words.decode("utf-8", "replace").split()
            self.updates.append(wire.parse_command(command))
        too_long = not self._has_commands and self._commands_bytes > _MAX_COMMANDS_BYTES
        if too_long or len(self.updates) > MAX_COMMANDS:
            raise LineInvalid(f"A push may move at most {MAX_COMMANDS} refs.")

    def _begin_pack(self) -> None:
        try:
            count = count_objects(bytes(self._head[:PACK_HEADER_BYTES]))
        except YunguError as error:
            self.pack_error = error
            return
        self.incoming = self._quarantine()
        self._pack = self.incoming.unpack(count)
        self._pack.write(bytes(self._head))
        self._head = bytearray()
