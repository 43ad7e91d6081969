"""Server-sent events on their way through: every byte passes, only what must be known is read.

The form is that of https://html.spec.whatwg.org/multipage/server-sent-events.html, as model servers write it: frames of
one ``data:`` line with JSON, ended by an empty line, the last one ``data: [DONE]``."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from yungu.api.openai.errors import failure
from yungu.api.openai.wire import ServerAnswer, ServerUsage, read_answer
from yungu.compute import ReplicaFailed

Names = tuple[tuple[bytes, bytes], ...]
_DONE = b"[DONE]"
_MAX_FRAME_BYTES = 4 << 20


class FrameBroken(ReplicaFailed):
    """A model server sent something that is no frame of a stream."""

    def __init__(self) -> None:
        super().__init__("The model server sent something that cannot be read.", hint="Try again.")


class Frames:
    """Counts what a stream delivers. ``tokens``: choices with something written in them, one token each or more;
    ``usage``: what the server counted; ``is_done``: it said that it is; ``failure``: it said, or sent, what ends it."""

    def __init__(self, *, wants_usage: bool, names: Names = ()) -> None:
        """``wants_usage`` False: a frame with nothing but usage, which was not asked for, is left out."""
        self.tokens = 0
        self.usage: ServerUsage | None = None
        self.is_done = False
        self.failure: ReplicaFailed | None = None
        self._wants_usage = wants_usage
        self._names = names
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """What to send on of what has come: whole frames, up to one that cannot be read (then there is a ``failure``),
        without the last one, which waits for ``close``."""
        data = self._rest + data
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        whole, end, self._rest = data.rpartition(b"\n\n")
        if len(self._rest) > _MAX_FRAME_BYTES:
            self.failure = FrameBroken()
        passed = [frame + b"\n\n" for frame in self._passed(whole)] if end else []
        return renamed(b"".join(passed), self._names)

    def close(self) -> bytes:
        """The last frame, for when all is settled."""
        return b"data: [DONE]\n\n" if self.is_done else b""

    def _passed(self, whole: bytes) -> Iterator[bytes]:
        for frame in whole.split(b"\n\n"):
            if not frame.startswith(b"data:"):
                yield frame  # a comment, or a named event
                continue
            payload = frame[5:].strip()
            if payload == _DONE:
                self.is_done = True
                return
            try:
                answer = read_answer(payload)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                self.failure = FrameBroken()
                return
            if answer.error is not None:
                self.failure = ReplicaFailed(failure(payload))
                return
            if self._count(answer):
                yield frame

    def _count(self, answer: ServerAnswer) -> bool:
        """Whether the frame is for the client."""
        if answer.usage is not None:
            self.usage = answer.usage
            if not answer.choices and not self._wants_usage:
                return False
        self.tokens += sum(choice.size_bytes > 0 for choice in answer.choices or ())
        return True


def names_to_change(theirs: str, ours: str) -> Names:
    """Where a server's name for the model stands, and what to put there. A text cannot hold the former: inside of one
    every quotation mark has a backslash before it."""
    if theirs == ours:
        return ()
    before, after = (msgspec.json.encode(name) for name in (theirs, ours))
    return tuple((key + before, key + after) for key in (b'"model":', b'"model": '))


def renamed(data: bytes, names: Names) -> bytes:
    """``data`` with the client's name for the model."""
    for before, after in names:
        data = data.replace(before, after)
    return data
