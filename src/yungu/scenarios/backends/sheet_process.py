"""The program that opens one spreadsheet of a stranger: it reads the file from standard input, shuts itself in, and
says what is in the cells.

It is started by `yungu.scenarios.backends.sheets` as a plain file. Before it looks at a byte it gives up files,
processes, the network and all memory and time that it does not need. Formulas are not computed, links not followed."""

from __future__ import annotations

import codecs
import contextlib
import csv
import datetime
import html.parser
import io
import json
import os
import re
import resource
import sys
import zipfile
from typing import Any

sys.modules["numpy"] = None  # type: ignore[assignment]  # openpyxl would load it, and with it threads
os.environ["OPENPYXL_LXML"] = "False"

from yungu.kernel import confinement  # noqa: E402

MOST_UNPACKED_BYTES = 64 << 20
MOST_RATIO = 150
MOST_PARTS = 1000
MOST_SHEETS = 20
MOST_ROWS = 20_000
MOST_COLUMNS = 100
MOST_CELLS = 300_000
MOST_TEXT = 8000
MEMORY_BYTES = 768 << 20
CPU_SECONDS = 20
_NOBODY = 65534
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DELIMITERS = ",\t;|"


class RefusedError(Exception):
    """``why``: one word for the program, ``message`` for people."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why, self.message = why, message


class Grid:
    """The cells of one sheet, as many as are taken. ``notes``: address to what is odd about a cell."""

    def __init__(self, name: str) -> None:
        self.name = name[:100]
        self.cells: dict[tuple[int, int], Any] = {}
        self.notes: dict[str, str] = {}

    def put(self, row: int, column: int, value: Any) -> None:
        """``row`` and ``column`` count from 0. Raises RefusedError."""
        value = _plain(value)
        if value in (None, ""):
            return
        if row >= MOST_ROWS or column >= MOST_COLUMNS or len(self.cells) >= MOST_CELLS:
            raise RefusedError(
                "dimensions",
                f"Sheet '{self.name}' is too large: at most {MOST_ROWS} rows, {MOST_COLUMNS} columns and "
                f"{MOST_CELLS} filled cells are read.",
            )
        if isinstance(value, str) and len(value) > MOST_TEXT:
            value = value[:MOST_TEXT]
            self.note(row, column, "cut")
        self.cells[row, column] = value

    def note(self, row: int, column: int, what: str) -> None:
        if len(self.notes) < 1000:
            self.notes[f"{letters(column)}{row + 1}"] = what

    def merge(self, top: int, left: int, bottom: int, right: int) -> None:
        """Every cell of a merged range says what its first says; ranges beyond what is filled are cut."""
        value = self.cells.get((top, left))
        if value is None:
            return
        last_row = max(row for row, _ in self.cells)
        last_column = max(column for _, column in self.cells)
        for row in range(top, min(bottom, last_row) + 1):
            for column in range(left, min(right, last_column, MOST_COLUMNS - 1) + 1):
                if (row, column) not in self.cells:
                    self.put(row, column, value)

    def told(self) -> dict[str, Any]:
        rows = max((row for row, _ in self.cells), default=-1) + 1
        width = max((column for _, column in self.cells), default=-1) + 1
        table: list[list[Any]] = [[None] * width for _ in range(rows)]
        for (row, column), value in self.cells.items():
            table[row][column] = value
        return {"name": self.name, "rows": table, "notes": self.notes}


def letters(column: int) -> str:
    """``A`` for 0, ``AA`` for 26."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def read(data: bytes) -> list[Grid]:
    """Raises RefusedError."""
    if data[:4] == b"PK\x03\x04":
        return read_xlsx(data)
    if data[:8] == _OLE2:
        return read_xls(data)
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower()
    if start.startswith(b"<"):
        if b"schemas-microsoft-com:office:spreadsheet" in start or start.startswith(b"<?xml"):
            raise RefusedError("format", "This is an XML spreadsheet: save it as .xlsx and bring it again.")
        return read_html(decode(data))
    return [read_csv(decode(data))]


# --- xlsx


def read_xlsx(data: bytes) -> list[Grid]:
    import openpyxl

    check_parts(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), keep_links=False, rich_text=False)
    except MemoryError:
        raise
    except Exception as error:
        raise RefusedError("damaged", "This workbook is damaged and cannot be read.") from error
    return [_xlsx_sheet(sheet) for sheet in _few(book.worksheets)]


def check_parts(data: bytes) -> None:
    """Raises RefusedError for what no list needs: macros, links to elsewhere, entities, bombs."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise RefusedError("damaged", "This workbook is damaged and cannot be read.") from error
    listed = parts.infolist()
    size = sum(part.file_size for part in listed)
    if len(listed) > MOST_PARTS or size > MOST_UNPACKED_BYTES or (size > 1 << 20 and size > MOST_RATIO * len(data)):
        raise RefusedError("bomb", "This workbook unpacks to far more than a list needs and is not opened.")
    for part in listed:
        _check_part(parts, part)


def _check_part(parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    name = part.filename.lower()
    if "vbaproject" in name or name.startswith("xl/macrosheets/"):
        raise RefusedError("macros", "This workbook holds macros: save it as .xlsx without them.")
    if name.startswith(("xl/externallinks/", "xl/embeddings/", "xl/activex/", "xl/connections", "xl/querytables/")):
        raise RefusedError("links", "This workbook refers to other files or holds objects: copy the values only.")
    if part.flag_bits & 1:
        raise RefusedError("encrypted", "This workbook is encrypted.")
    if name.endswith((".xml", ".rels")):
        try:
            head = parts.read(part)
        except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
            raise RefusedError("damaged", "This workbook is damaged and cannot be read.") from error
        declared = re.match(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*encoding=["']([\w-]+)""", head[:200])
        is_utf8 = declared is None or declared[1].lower() in (b"utf-8", b"utf8", b"us-ascii")
        if b"\0" in head[:4] or not is_utf8 or b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise RefusedError("entities", "This workbook declares entities or a strange encoding; it is not opened.")


def _xlsx_sheet(sheet: Any) -> Grid:
    grid = Grid(sheet.title)
    for (row, column), cell in sorted(sheet._cells.items()):
        if cell.data_type == "f" or (isinstance(cell.value, str) and cell.value.startswith("=")):
            grid.note(row - 1, column - 1, "formula")
        elif cell.data_type == "e":
            grid.note(row - 1, column - 1, "error")
        else:
            grid.put(row - 1, column - 1, cell.value)
    for span in sheet.merged_cells.ranges:
        if span.size["rows"] * span.size["columns"] > 1:
            grid.merge(span.min_row - 1, span.min_col - 1, span.max_row - 1, span.max_col - 1)
    return grid


# --- what often is called .xlsx and is not


def read_xls(data: bytes) -> list[Grid]:
    import xlrd

    if "_VBA_PROJECT".encode("utf-16-le") in data:
        raise RefusedError("macros", "This workbook holds macros: save it as .xlsx without them.")
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise RefusedError("encrypted", "This workbook is encrypted.")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            book = xlrd.open_workbook(file_contents=data, formatting_info=True, logfile=io.StringIO())
            return [_xls_sheet(xlrd, book, sheet) for sheet in _few(book.sheets())]
    except (RefusedError, MemoryError):
        raise
    except Exception as error:
        raise RefusedError("damaged", "This old workbook is damaged or of a kind that is not read.") from error


def _xls_sheet(xlrd: Any, book: Any, sheet: Any) -> Grid:
    grid = Grid(sheet.name)
    for row in range(sheet.nrows):
        for column, cell in enumerate(sheet.row(row)):
            if cell.ctype == xlrd.XL_CELL_DATE:
                grid.put(row, column, xlrd.xldate_as_datetime(cell.value, book.datemode))
            elif cell.ctype == xlrd.XL_CELL_ERROR:
                grid.note(row, column, "error")
            else:
                grid.put(row, column, cell.value)
    for top, bottom, left, right in sheet.merged_cells:
        grid.merge(top, left, bottom - 1, right - 1)
    return grid


def decode(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, else GB18030. Raises RefusedError."""
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        with contextlib.suppress(UnicodeDecodeError):
            text = data.decode(encoding)
            if "\0" not in text:
                return text
    raise RefusedError("format", "This file is neither a workbook nor text in UTF-8, UTF-16 or GB18030.")


def read_csv(text: str) -> Grid:
    csv.field_size_limit(1 << 20)
    head = text[:4096].split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    grid = Grid("CSV")
    try:
        for row, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)):
            for column, value in enumerate(cells):
                grid.put(row, column, value)
    except csv.Error as error:
        raise RefusedError("damaged", f"This text is no table: {error}.") from error
    return grid


class _Tables(html.parser.HTMLParser):
    """The tables of a page; cells that span keep their span. Tables inside of tables are read as text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.grids: list[Grid] = []
        self._depth = 0
        self._row, self._column = -1, 0
        self._span = (1, 1)
        self._text: list[str] | None = None
        self._spans: list[tuple[int, int, int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.grids.append(Grid(f"Table {len(self.grids) + 1}"))
                self._row, self._spans = -1, []
        elif tag == "tr" and self._depth == 1:
            self._end_cell()
            self._row, self._column = self._row + 1, 0
        elif tag in ("td", "th") and self._depth == 1:
            self._end_cell()
            found = dict(attrs)
            self._span = (_whole(found.get("rowspan")), _whole(found.get("colspan")))
            self._text = []
        elif tag in ("br", "p") and self._text is not None:
            self._text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table") and self._depth == 1:
            self._end_cell()
        if tag == "table" and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _end_cell(self) -> None:
        if self._text is None or not self.grids:
            return
        if len(self.grids) > MOST_SHEETS:
            raise RefusedError("dimensions", f"At most {MOST_SHEETS} tables are read.")
        grid, (rows, columns) = self.grids[-1], self._span
        while any(t <= self._row <= b and left <= self._column <= r for t, left, b, r in self._spans):
            self._column += 1
        grid.put(max(self._row, 0), self._column, "".join(self._text).strip())
        if rows > 1 or columns > 1:
            bottom, right = self._row + rows - 1, self._column + columns - 1
            for row in range(self._row, min(bottom, self._row + 500) + 1):
                for column in range(self._column, right + 1):
                    grid.put(row, column, grid.cells.get((self._row, self._column)))
            self._spans = [span for span in self._spans if span[2] >= self._row]
            self._spans.append((self._row, self._column, bottom, right))
        self._column, self._text = self._column + columns, None


def read_html(text: str) -> list[Grid]:
    parser = _Tables()
    parser.feed(text)
    parser.close()
    if not any(grid.cells for grid in parser.grids):
        raise RefusedError("format", "This file is a web page without a table.")
    return parser.grids


def _whole(text: str | None) -> int:
    return min(int(text), MOST_COLUMNS) if text and text.isascii() and text.isdigit() and text != "0" else 1


def _few(sheets: list[Any]) -> list[Any]:
    if len(sheets) > MOST_SHEETS:
        raise RefusedError("dimensions", f"At most {MOST_SHEETS} sheets are read.")
    return sheets


def _plain(value: Any) -> Any:
    """As JSON: a text, a number, or None."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case datetime.datetime():
            return value.date().isoformat()
        case datetime.date():
            return value.isoformat()
        case int():
            return value
        case float():
            if value != value or value in (float("inf"), float("-inf")):
                return None
            return int(value) if value == int(value) and abs(value) < 1e15 else value
        case None:
            return None
        case _:
            return str(value).replace("\r\n", "\n").strip()


# --- shutting in


def warm() -> None:
    """Load what is loaded late, while files can still be opened."""
    import openpyxl
    import xlrd

    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "gb18030", "latin-1", "cp1252", "cp936"):
        codecs.lookup(encoding)
    book = openpyxl.Workbook()
    book.active.append(["a", 1, datetime.date(2026, 1, 1)])
    book.active.merge_cells("A2:B2")
    kept = io.BytesIO()
    book.save(kept)
    read_xlsx(kept.getvalue())
    with contextlib.suppress(Exception):
        xlrd.open_workbook(file_contents=_OLE2 + bytes(4096), logfile=io.StringIO())


def shut_in() -> None:
    """There is no way back."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    confinement.limit(resource.RLIMIT_AS, MEMORY_BYTES)
    confinement.limit(resource.RLIMIT_CPU, CPU_SECONDS)
    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE, resource.RLIMIT_NOFILE):
        confinement.limit(what, 0)
    confinement.control(confinement.NO_NEW_PRIVILEGES, 1)
    confinement.filter_calls(confinement.numbers(confinement.THINKING))


def main() -> None:
    warm()
    data = sys.stdin.buffer.read()
    shut_in()
    try:
        told: dict[str, Any] = {"sheets": [grid.told() for grid in read(data)]}
    except RefusedError as error:
        told = {"why": error.why, "message": error.message}
    except (MemoryError, RecursionError):
        told = {"why": "memory", "message": "This file needs more memory than a list may take."}
    sys.stdout.write(json.dumps(told, ensure_ascii=False))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
