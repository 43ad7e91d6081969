"""Request bodies of git: packed or not, always bounded."""

from __future__ import annotations

import zlib
from contextlib import suppress

from yungu.api.http import Call
from yungu.api.http.call import BodyInvalid
from yungu.api.http.uploads import BodyTooLarge, Sink, receive_body

_STEP_BYTES = 1 << 20


async def receive_git_body(call: Call, sink: Sink, *, max_bytes: int) -> None:
    """Write the body to ``sink``, unpacked when the client packed it; ``max_bytes`` counts both ways.

    Raises BodyInvalid, BodyTooLarge, BodyTruncated."""
    match call.headers.get("content-encoding", "identity"):
        case "identity":
            await receive_body(call, sink, max_bytes=max_bytes)
        case "gzip" | "x-gzip":
            unpacked = _Gunzip(sink, max_bytes)
            await receive_body(call, unpacked, max_bytes=max_bytes)
            unpacked.finish()
        case other:
            raise BodyInvalid(f"The body is packed as {other}; only gzip is understood.")


class _Gunzip:
    """Writes on what it unpacks, never more than 1 MiB at once."""

    def __init__(self, sink: Sink, max_bytes: int) -> None:
        self._sink = sink
        self._room_bytes = max_bytes
        self._stream = zlib.decompressobj(wbits=31)

    def write(self, data: memoryview | bytes) -> None:
        rest = bytes(data)
        while rest:
            try:
                block = self._stream.decompress(rest, _STEP_BYTES)
            except zlib.error as error:
                raise BodyInvalid("The body is not valid gzip.") from error
            self._room_bytes -= len(block)
            if self._room_bytes < 0:
                raise BodyTooLarge("The unpacked body is longer than what is accepted here.")
            self._sink.write(block)
            rest = self._stream.unconsumed_tail

    def finish(self) -> None:
        with suppress(zlib.error):
            self._stream.flush()
        if not self._stream.eof:
            raise BodyInvalid("The gzip body ends too early.")
