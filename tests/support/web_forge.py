"""Small true files for pages to show."""

from __future__ import annotations

import json
import math
import struct
import zlib

_BYTES = {"F32": 4, "BF16": 2, "I64": 8}


def png(width: int = 4, height: int = 4) -> bytes:
    """A green rectangle."""
    rows = b"".join(b"\0" + b"\x10\x80\x60" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def safetensors(tensors: dict[str, tuple[str, list[int]]]) -> bytes:
    """A safetensors file of zeros; ``tensors``: name to (dtype, shape)."""
    header, offset = {}, 0
    for name, (dtype, shape) in tensors.items():
        end = offset + math.prod(shape) * _BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(offset)


def gguf(values: dict[str, str | list[str]], tensors: dict[str, tuple[int, list[int]]]) -> bytes:
    """The header of a GGUF file; ``tensors``: name to (ggml type, dimensions as ggml has them)."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(values))]
    for name, value in values.items():
        if isinstance(value, str):
            parts.append(text(name) + struct.pack("<I", 8) + text(value))
        else:
            parts.append(text(name) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value)))
    for name, (kind, shape) in tensors.items():
        parts.append(text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, 0))
    return b"".join(parts)
