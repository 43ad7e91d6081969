"""Spreadsheets as they come: workbooks with merged headers, real OLE2 ones, and poisoned ones."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl

Cell = str | int | float | None


def xlsx(rows: Sequence[Sequence[Cell]], *, merged: Sequence[str] = (), name: str = "Sheet1") -> bytes:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = name
    for row in rows:
        sheet.append(list(row))
    for span in merged:
        sheet.merge_cells(span)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def repacked(data: bytes, **parts: bytes) -> bytes:
    """A workbook with some of its parts (``xl__workbook_xml`` for ``xl/workbook.xml``) added or replaced."""
    named = {name.replace("__", "/").replace("_xml", ".xml").replace("_bin", ".bin"): to for name, to in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            if part.filename not in named:
                target.writestr(part.filename, source.read(part))
        for name, content in named.items():
            target.writestr(name, content)
    return out.getvalue()


def part(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        return source.read(name)


def xls(rows: Sequence[Sequence[Cell]], *, merged: Sequence[tuple[int, int, int, int]] = ()) -> bytes:
    """A BIFF8 workbook in an OLE2 compound file. ``merged``: (first row, last row, first column, last column).

    Formats: [MS-XLS] and [MS-CFB], the parts that a reader needs."""
    return _compound(_workbook(rows, merged))


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _workbook(rows: Sequence[Sequence[Cell]], merged: Sequence[tuple[int, int, int, int]]) -> bytes:
    begin = struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6)
    codepage = _record(0x0042, struct.pack("<H", 1200))
    font = _record(0x0031, struct.pack("<HHHHHBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + b"\5\0Arial")
    style = _record(0x00E0, struct.pack("<HHHBBBBIIH", 0, 0, 0xFFF5, 0x20, 0, 0, 0, 0, 0, 0x20C0))
    name = "需求清单"
    head = _record(0x0809, begin) + codepage + font * 5 + style * 16
    sheet_at = len(head) + len(_record(0x0085, b"\0" * (8 + 2 * len(name)))) + len(_record(0x000A, b""))
    bound = struct.pack("<IBB", sheet_at, 0, 0) + bytes([len(name), 1]) + name.encode("utf-16-le")
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0x0DBB, 0x07CC, 0, 6))
    width = max(map(len, rows))
    sheet += _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, str):
                text = value.encode("utf-16-le")
                sheet += _record(0x0204, struct.pack("<HHHHB", at, column, 15, len(value), 1) + text)
            elif value is not None:
                sheet += _record(0x0203, struct.pack("<HHHd", at, column, 15, value))
    if merged:
        spans = b"".join(struct.pack("<HHHH", *span) for span in merged)
        sheet += _record(0x00E5, struct.pack("<H", len(merged)) + spans)
    return head + _record(0x0085, bound) + _record(0x000A, b"") + sheet + _record(0x000A, b"")


def _compound(stream: bytes) -> bytes:
    """One stream called Workbook, in sectors of 512 bytes: the directory, the stream, the table of sectors."""
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    count = len(stream) // 512
    end, free, fat_mark = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
    fats = -(-(count + 1 + 1) // 127)
    chain = [end, *range(2, count + 1), end, *[fat_mark] * fats]
    table = struct.pack(f"<{len(chain)}I", *chain).ljust(fats * 512, b"\xff")
    heads = [count + 1 + at for at in range(fats)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, fats, 0, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", *heads, *[free] * (109 - fats))
    return header + _directory(len(stream)) + stream + table


def _directory(size: int) -> bytes:
    def entry(name: str, kind: int, child: int, start: int, length: int) -> bytes:
        text = (name + "\0").encode("utf-16-le") if name else b""
        links = struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, child)
        rest = bytes(36) + struct.pack("<IQ", start, length)
        return text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1) + links + rest

    root = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0)
    return root + entry("Workbook", 2, 0xFFFFFFFF, 1, size) + entry("", 0, 0xFFFFFFFF, 0, 0) * 2
