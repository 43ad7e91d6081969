"""A commit's body, read from a file action by action: it may have hundreds of MiB, of which one action is in memory.

The body is one JSON object, ``{"commit_message": ..., "actions": [{...}, ...]}``, in any order of keys. Where objects,
arrays and strings begin and end is found here by one regular expression; whether each piece is valid JSON, and what it
says, is left to the parser. What stands between the pieces is checked here."""

from __future__ import annotations

import mmap
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from yungu.api.http.call import BodyInvalid
from yungu.api.http.uploads import BodyTooLarge
from yungu.api.modelscope.wire import Action, CommitHead
from yungu.hub.rules.lfs import MAX_REGULAR_BYTES

T = TypeVar("T")

MAX_ACTION_BYTES = MAX_REGULAR_BYTES * 4 // 3 + 64 * 1024
"""One regular file of the largest size, in base64, and its other fields."""
MAX_HEAD_BYTES = 1 << 20
_MAX_DEPTH = 64
_FORGET_BYTES = 8 << 20

_KEY = b'"actions"'
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]"]', re.DOTALL)
_COMMA = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_SPACE = re.compile(rb"[ \t\r\n]*")
_KEY_END = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")


class ActionReader:
    """``for action in reader`` reads the body once; afterwards ``head`` is the rest of it.

    Raises BodyInvalid for what is no commit, BodyTooLarge for an action that no regular file could make."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.head = CommitHead()

    def __iter__(self) -> Iterator[Action]:
        if self._path.stat().st_size == 0:
            raise BodyInvalid("The commit is empty.")
        with self._path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            text.madvise(mmap.MADV_SEQUENTIAL)
            yield from _Scan(text, self).actions()


class _Scan:
    """One pass over the text. ``_kept`` is the text without the actions."""

    def __init__(self, text: mmap.mmap, reader: ActionReader) -> None:
        self._text = text
        self._reader = reader
        self._kept = bytearray()
        self._kept_to = 0
        self._forgotten = 0

    def actions(self) -> Iterator[Action]:
        at, depth, seen = 0, 0, False
        while token := _TOKEN.search(self._text, at):
            at = token.end()
            depth += self._step(token)
            if not 0 <= depth <= _MAX_DEPTH:
                raise BodyInvalid("The commit is not well-formed JSON.")
            if depth == 1 and self._is_actions(token):
                if seen:
                    raise BodyInvalid("The commit has its actions twice.")
                seen = True
                at = 1 + (yield from self._array(at))
        self._keep(len(self._text))
        self._reader.head = _decoded(memoryview(self._kept), CommitHead)
        if self._reader.head.actions:
            raise BodyInvalid("The key of the actions must be written plainly.")

    def _step(self, token: re.Match[bytes]) -> int:
        """How much deeper a token leads: 1, -1, or 0 for a whole string."""
        match self._text[token.start()]:
            case 0x7B | 0x5B:
                return 1
            case 0x7D | 0x5D:
                return -1
            case _ if token.end() - token.start() < 2:
                raise BodyInvalid("A string in the commit does not end.")
        return 0

    def _is_actions(self, token: re.Match[bytes]) -> bool:
        length = token.end() - token.start()
        return length == len(_KEY) and token[0] == _KEY and self._opens_array(token.end())

    def _opens_array(self, at: int) -> bool:
        colon = _KEY_END.match(self._text, at)
        return colon is not None and self._text[colon.end() : colon.end() + 1] == b"["

    def _array(self, at: int) -> Generator[Action, None, int]:
        """The actions of the array that opens after ``at``; returns where its bracket closes."""
        at = self._text.find(b"[", at) + 1
        self._keep(at)
        at = self._after_space(at)
        while self._text[at : at + 1] != b"]":
            start, at = at, self._object_end(at)
            if at - start > MAX_ACTION_BYTES:
                raise BodyTooLarge(
                    "An action of the commit is longer than any regular file may be; upload the file as LFS."
                )
            with memoryview(self._text) as view, view[start:at] as piece:
                action = _decoded(piece, Action)
            yield action
            del action
            self._forget(at)
            at = self._after_space(at) if self._closes(at) else self._after_comma(at)
        self._kept_to = at
        return at

    def _closes(self, at: int) -> bool:
        end = self._after_space(at)
        return self._text[end : end + 1] == b"]"

    def _after_comma(self, at: int) -> int:
        comma = _COMMA.match(self._text, at)
        if comma is None or self._text[comma.end() : comma.end() + 1] != b"{":
            raise BodyInvalid("The actions of the commit are not a list of objects.")
        return comma.end()

    def _after_space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _object_end(self, at: int) -> int:
        if self._text[at : at + 1] != b"{":
            raise BodyInvalid("The actions of the commit are not a list of objects.")
        depth = 0
        while token := _TOKEN.search(self._text, at):
            at = token.end()
            depth += self._step(token)
            if depth == 0:
                return at
            if depth > _MAX_DEPTH:
                break
        raise BodyInvalid("An action of the commit is not well-formed JSON.")

    def _keep(self, to: int) -> None:
        if len(self._kept) + to - self._kept_to > MAX_HEAD_BYTES:
            raise BodyTooLarge("The commit says too much beside its actions.")
        self._kept += self._text[self._kept_to : to]
        self._kept_to = to

    def _forget(self, at: int) -> None:
        """Let the system take back the memory of what was read."""
        if at - self._forgotten >= _FORGET_BYTES:
            page = at - at % mmap.PAGESIZE
            self._text.madvise(mmap.MADV_DONTNEED, self._forgotten, page - self._forgotten)
            self._forgotten = page


def _decoded(piece: memoryview, struct: type[T]) -> T:
    try:
        return msgspec.json.decode(piece, type=struct)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BodyInvalid(f"The commit is not valid: {error}.") from error
