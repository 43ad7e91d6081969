"""The header of a GGUF file: what it says of itself, and which tensors it holds.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian)"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from yungu.hub.rules.safetensors import SafetensorsHeader, Tensor
from yungu.kernel.errors import Invalid

ReadSlice = Callable[[int, int], bytes]
"""Reads bytes ``start`` up to, not including, ``end`` of one file."""

MAX_HEADER_BYTES = 48 << 20
_MAX_VALUES = 4096
_MAX_TENSORS = 50_000
_MAX_TEXTS = 1_000_000  # elements of arrays of texts, about 0.3 s
_MAX_DIMENSIONS = 8
_SHOWN_ELEMENTS = 8
_SHOWN_CHARACTERS = 2000
_BLOCK_BYTES = 1 << 20
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    6: "Q5_0",
    7: "Q5_1",
    8: "Q8_0",
    9: "Q8_1",
    10: "Q2_K",
    11: "Q3_K",
    12: "Q4_K",
    13: "Q5_K",
    14: "Q6_K",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    20: "IQ4_NL",
    21: "IQ3_S",
    22: "IQ2_S",
    23: "IQ4_XS",
    24: "I8",
    25: "I16",
    26: "I32",
    27: "I64",
    28: "F64",
    29: "IQ1_M",
    30: "BF16",
    34: "TQ1_0",
    35: "TQ2_0",
    39: "MXFP4",
}


class GgufInvalid(Invalid):
    """The file is not a GGUF file, or its header is not one that we read."""


@dataclass(frozen=True, slots=True)
class GgufHeader(SafetensorsHeader):
    """The same facts as of safetensors. ``metadata``: values as texts, long arrays cut."""

    version: int


def parse_gguf(read: ReadSlice, size_bytes: int) -> GgufHeader:
    """The header of a file of ``size_bytes``, read by pieces. Raises GgufInvalid."""
    source = _Source(read, min(size_bytes, MAX_HEADER_BYTES))
    if source.take(4) != b"GGUF":
        raise GgufInvalid("The file does not begin like a GGUF file.")
    version, tensors_count, values_count = source.number("I"), source.number("Q"), source.number("Q")
    if version not in (2, 3):
        raise GgufInvalid(f"GGUF version {version} is not read here.")
    if tensors_count > _MAX_TENSORS or values_count > _MAX_VALUES:
        raise GgufInvalid(f"The header claims {values_count} values and {tensors_count} tensors.")
    values = {source.text(): _value(source, source.number("I")) for _ in range(values_count)}
    return GgufHeader([_tensor(source) for _ in range(tensors_count)], values, version)


def _tensor(source: _Source) -> Tensor:
    name, dimensions = source.text(), source.number("I")
    if dimensions > _MAX_DIMENSIONS:
        raise GgufInvalid(f"A tensor of {dimensions} dimensions is not read here.")
    shape = tuple(source.number("Q") for _ in range(dimensions))
    kind, _offset = source.number("I"), source.number("Q")
    return Tensor(name, _TYPES.get(kind, f"type {kind}"), shape[::-1])  # ggml counts the fastest dimension first


def _value(source: _Source, kind: int) -> str:
    if kind == _TEXT:
        return source.text()[:_SHOWN_CHARACTERS]
    if kind != _ARRAY:
        return _show(source.number(_format(kind)))
    kind, count = source.number("I"), source.number("Q")
    shown = min(count, _SHOWN_ELEMENTS)
    if kind == _TEXT:
        if count > source.texts_left:
            raise GgufInvalid("The header has too many texts.")
        source.texts_left -= count
        texts = [source.text()[:100] for _ in range(shown)]
        source.skip_texts(count - shown)
    else:
        texts = [_show(source.number(_format(kind))) for _ in range(shown)]
        source.skip((count - shown) * struct.calcsize(_format(kind)))
    return f"[{', '.join(texts)}{', …' if count > shown else ''}] ({count})"


def _format(kind: int) -> str:
    if kind not in _NUMBERS:
        raise GgufInvalid(f"Values of type {kind} are not read here.")
    return _NUMBERS[kind]


def _show(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class _Source:
    """What comes next in the first ``end`` bytes of a file, read in blocks."""

    def __init__(self, read: ReadSlice, end: int) -> None:
        self._read = read
        self._end = end
        self._block = b""
        self._start = 0  # of the block in the file
        self._at = 0  # in the block
        self.texts_left = _MAX_TEXTS

    def take(self, count: int) -> bytes:
        self._need(count)
        self._at += count
        return self._block[self._at - count : self._at]

    def skip(self, count: int) -> None:
        if count > self._end - self._start - self._at:
            raise GgufInvalid("The header ends too early, or is too long.")
        self._at += count

    def skip_texts(self, count: int) -> None:
        length_of = struct.Struct("<Q").unpack_from
        while count:
            self._need(8)
            block, at, last = self._block, self._at, len(self._block) - 8
            while count and at <= last:
                at += 8 + length_of(block, at)[0]
                count -= 1
            self._at = at
            self.skip(0)

    def number(self, form: str) -> Any:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))[0]

    def text(self) -> str:
        return self.take(self.number("Q")).decode("utf-8", "replace")

    def _need(self, count: int) -> None:
        if self._at + count <= len(self._block):
            return
        start = self._start + self._at
        if count > self._end - start:
            raise GgufInvalid("The header ends too early, or is too long.")
        self._block = self._read(start, min(self._end, start + max(count, _BLOCK_BYTES)))
        self._start, self._at = start, 0
        if len(self._block) < count:
            raise GgufInvalid("The file ends too early.")
