"""The body of a form with files, read in pieces of any size: fields are kept, files go on to where they are stored.

Format: RFC 7578, with names as browsers write them
(https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from yungu.api.http.call import BodyInvalid

MAX_FIELDS_BYTES = 1 << 20
MAX_PARTS = 2000
_MAX_HEAD_BYTES = 16 * 1024
_BOUNDARY = re.compile(r"""multipart/form-data\s*;(?:.*;)?\s*boundary=("?)([^";,\s]{1,70})\1""", re.IGNORECASE)
_NAME = re.compile(r'\bname="([^"]*)"')
_FILENAME = re.compile(r'\bfilename="([^"]*)"')


class FileTaker(Protocol):
    """Takes the bytes of one file in order; ``close`` when it is whole."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class MultipartReader:
    """``fields``: what came so far, by name. ``open_file(field, filename)`` is called when a file begins: everything
    before it in the form is in ``fields`` then. Holds at most the fields and one piece of a file."""

    def __init__(self, content_type: str, open_file: Callable[[str, str], FileTaker]) -> None:
        found = _BOUNDARY.match(content_type)
        if found is None:
            raise BodyInvalid("The form does not say how its parts are divided.")
        self.fields: dict[str, list[str]] = {}
        self._delimiter = b"\r\n--" + found[2].encode()
        self._open_file = open_file
        self._held = bytearray(b"\r\n")  # so that the first delimiter looks like the others
        self._step: Callable[[], bool] = self._skip_preamble
        self._parts_count = 0
        self._fields_bytes = 0
        self._name = ""
        self._value: bytearray | None = None
        self._file: FileTaker | None = None

    def feed(self, data: bytes) -> None:
        """Raises BodyInvalid, and whatever the files' takers raise."""
        self._held += data
        while self._step():
            pass

    def finish(self) -> None:
        """Raises BodyInvalid when the form is not whole."""
        if self._step != self._ignore:
            raise BodyInvalid("The form ended too early.")

    def _skip_preamble(self) -> bool:
        return self._to_delimiter(lambda data: None)

    def _divide(self) -> bool:
        """After a delimiter: the end of the form, or the head of a part."""
        if len(self._held) < 2:
            return False
        self._step = self._ignore if self._held[:2] == b"--" else self._read_head
        del self._held[:2]
        return True

    def _read_head(self) -> bool:
        end = self._held.find(b"\r\n\r\n")
        if end < 0 and len(self._held) <= _MAX_HEAD_BYTES:
            return False
        self._parts_count += 1
        if not 0 <= end <= _MAX_HEAD_BYTES or self._parts_count > MAX_PARTS:
            raise BodyInvalid("The form has too many parts, or one with a head that is too long.")
        head = bytes(self._held[:end]).decode("utf-8", "replace")
        del self._held[: end + 4]
        self._begin(head)
        self._step = self._read_body
        return True

    def _begin(self, head: str) -> None:
        named, filed = _NAME.search(head), _FILENAME.search(head)
        if named is None:
            raise BodyInvalid("A part of the form has no name.")
        self._name = _unescape(named[1])
        if filed is None:
            self._value, self._file = bytearray(), None
        else:
            self._value, self._file = None, self._open_file(self._name, _unescape(filed[1]))

    def _read_body(self) -> bool:
        return self._to_delimiter(self._take, self._end_part)

    def _take(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(data)
        elif self._value is not None:
            self._fields_bytes += len(data)
            if self._fields_bytes > MAX_FIELDS_BYTES:
                raise BodyInvalid("The fields of the form are too long.")
            self._value += data

    def _end_part(self) -> None:
        if self._file is not None:
            self._file.close()
        elif self._value is not None:
            self.fields.setdefault(self._name, []).append(self._value.decode("utf-8", "replace"))
        self._value = self._file = None

    def _to_delimiter(self, take: Callable[[bytes], None], end: Callable[[], None] = lambda: None) -> bool:
        """Hand on what stands before the next delimiter; False when more of the form has to come first."""
        found = self._held.find(self._delimiter)
        ready = found if found >= 0 else max(0, len(self._held) - len(self._delimiter) + 1)
        if ready:
            take(bytes(self._held[:ready]))
            del self._held[:ready]
        if found < 0:
            return False
        del self._held[: len(self._delimiter)]
        end()
        self._step = self._divide
        return True

    def _ignore(self) -> bool:
        self._held.clear()
        return False


def _unescape(name: str) -> str:
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
