"""The bytes of git's transport: pkt-lines, the commands of a push, and the report on it.

https://git-scm.com/docs/gitprotocol-common, https://git-scm.com/docs/gitprotocol-pack"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from yungu.hub import RefUpdate
from yungu.kernel.errors import Invalid

FLUSH = b"0000"
MAX_LINE_BYTES = 65520
_NO_OID = "0" * 40
_COMMAND = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) ([^\0\n]+)")
_BAND_BYTES = MAX_LINE_BYTES - 5


class LineInvalid(Invalid):
    """What was sent is not git's protocol."""


def line(payload: bytes) -> bytes:
    """One pkt-line: four hex digits that count themselves too, then the payload."""
    return b"%04x%b" % (len(payload) + 4, payload)


def take_lines(buffer: bytearray) -> tuple[list[bytes], bool]:
    """Take whole pkt-lines off the front of ``buffer``, up to and including a flush; (payloads, whether it came).

    Raises LineInvalid."""
    lines: list[bytes] = []
    at = 0
    flushed = False
    while not flushed and at + 4 <= len(buffer):
        length = _length(bytes(buffer[at : at + 4]))
        flushed = length == 0
        if at + length > len(buffer):
            break
        if not flushed:
            lines.append(bytes(buffer[at + 4 : at + length]))
        at += length or 4
    del buffer[:at]
    return lines, flushed


def parse_command(payload: bytes) -> RefUpdate:
    """``<old oid> <new oid> <ref>``, zeros standing for "nothing". Raises LineInvalid."""
    found = _COMMAND.fullmatch(payload.rstrip(b"\n"))
    try:
        before, after, name = (part.decode() for part in found.groups()) if found else ("", "", "")
    except UnicodeDecodeError:
        raise LineInvalid("A ref name is not UTF-8.") from None
    if not name:
        raise LineInvalid("A command of the push is not '<old> <new> <ref>'.")
    return RefUpdate(name, None if before == _NO_OID else before, None if after == _NO_OID else after)


def advertise_push(refs: Mapping[str, str], capabilities: str) -> bytes:
    """What a client is told before it pushes: every ref, and what this server understands."""
    shown = [f"{refs[name]} {name}" for name in sorted(refs, key=str.encode)] or [f"{_NO_OID} capabilities^{{}}"]
    shown[0] += f"\0{capabilities}"
    lines = [line(f"{text}\n".encode()) for text in shown]
    return b"".join([line(b"# service=git-receive-pack\n"), FLUSH, *lines, FLUSH])


def report(unpacked: str, names: Iterable[str], refused: Mapping[str, str]) -> bytes:
    """How a push went: ``unpacked`` is "ok" or what was wrong with the pack; ``refused`` tells why, by ref."""
    lines = [line(f"unpack {_one_line(unpacked)}\n".encode())]
    for name in names:
        text = f"ng {name} {_one_line(refused[name])}\n" if name in refused else f"ok {name}\n"
        lines.append(line(text.encode()))
    return b"".join([*lines, FLUSH])


def in_band(number: int, data: bytes) -> Iterator[bytes]:
    """``data`` as packets of side band ``number``: 1 is the report, 2 what the client shows its user."""
    for start in range(0, len(data), _BAND_BYTES):
        yield line(bytes([number]) + data[start : start + _BAND_BYTES])


def _length(digits: bytes) -> int:
    try:
        length = int(digits, 16)
    except ValueError:
        raise LineInvalid("The length of a line is not a number.") from None
    if length in (1, 2, 3) or length > MAX_LINE_BYTES:
        raise LineInvalid(f"A line cannot have the length {length}.")
    return length


def _one_line(text: str) -> str:
    return " ".join(text.split())[:1000]
