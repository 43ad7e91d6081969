"""Jupyter notebooks as a page shows them: text, code and the results that cannot act.

Format: https://nbformat.readthedocs.io/en/latest/format_description.html (version 4). What a notebook printed as HTML
is sanitised as cards are; scripts, widgets and SVG are left out."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from markupsafe import Markup

from yungu.api.web import cards, code
from yungu.api.web.language import marked
from yungu.kernel.errors import Invalid, NotFound

MAX_NOTEBOOK_BYTES = 8 << 20
MAX_CELLS = 300
_MAX_OUTPUTS = 20  # of one cell
_MAX_CHARACTERS = 400_000  # of all that is shown
_MAX_OUTPUT_CHARACTERS = 20_000
_MAX_PICTURE_CHARACTERS = 6 << 20
_TERMINAL = re.compile(r"\x1b\[[0-9;?]{0,40}[A-Za-z]")
_PICTURES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff"}


class NotebookUnreadable(Invalid):
    def __init__(self) -> None:
        super().__init__(marked("This file is not a notebook that can be read."))


class PictureNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__(marked("There is no such picture in the notebook."))


@dataclass(frozen=True, slots=True)
class Output:
    """One result of a cell. ``number``: its place there, by which a picture is asked for."""

    kind: Literal["text", "html", "picture", "error"]
    number: int
    html: Markup = field(default_factory=Markup)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """``count``: what stands in the brackets of a code cell; ``number``: its place in the notebook."""

    kind: Literal["markdown", "code", "raw"]
    number: int
    html: Markup
    count: int | None
    outputs: Sequence[Output]


@dataclass(frozen=True, slots=True)
class Notebook:
    cells: Sequence[Cell]
    language: str
    is_whole: bool


@dataclass(slots=True)
class _Room:
    """Where addresses in the notebook lead, and how much of it may still be shown."""

    links: str
    images: str
    folder: str
    left: int = _MAX_CHARACTERS

    def take(self, text: str, most: int = _MAX_CHARACTERS) -> str:
        taken = text[: max(0, min(most, self.left))]
        self.left -= len(taken)
        return taken


def render_notebook(data: bytes, links: str, images: str, folder: str) -> Notebook:
    """Raises NotebookUnreadable."""
    source = _load(data)
    language, room = _language(source), _Room(links, images, folder)
    cells: list[Cell] = []
    given = source["cells"]
    for number, cell in enumerate(given[:MAX_CELLS]):
        if room.left <= 0:
            break
        if isinstance(cell, dict):
            cells.append(_cell(cell, number, language, room))
    return Notebook(cells, language, is_whole=len(given) <= MAX_CELLS and room.left > 0)


def read_picture(data: bytes, cell: int, output: int) -> tuple[bytes, str]:
    """A PNG or JPEG that a cell printed, and its media type. Raises NotebookUnreadable, PictureNotFound."""
    try:
        found = _outputs(_load(data)["cells"][cell])[output]
    except (IndexError, TypeError, AttributeError):
        raise PictureNotFound from None
    for media_type, mark in _PICTURES.items():
        text = _text(_data(found).get(media_type))
        if text and len(text) <= _MAX_PICTURE_CHARACTERS:
            picture = _decode(text)
            if picture.startswith(mark):
                return picture, media_type
    raise PictureNotFound


def _load(data: bytes) -> dict[str, Any]:
    try:
        source = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise NotebookUnreadable from error
    if not isinstance(source, dict) or not isinstance(source.get("cells"), list):
        raise NotebookUnreadable
    return source


def _language(source: Mapping[str, Any]) -> str:
    metadata = source.get("metadata")
    told = metadata.get("language_info") if isinstance(metadata, dict) else None
    name = told.get("name") if isinstance(told, dict) else None
    return name[:40] if isinstance(name, str) else "python"


def _cell(cell: Mapping[str, Any], number: int, language: str, room: _Room) -> Cell:
    text, count = room.take(_text(cell.get("source"))), cell.get("execution_count")
    match cell.get("cell_type"):
        case "markdown":
            return Cell("markdown", number, _prose(text, room), None, ())
        case "code":
            shown = list(_shown_outputs(cell, room))
            return Cell("code", number, code.highlight(text, language=language), _count(count), shown)
        case _:
            return Cell("raw", number, code.highlight(text), None, ())


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 10**9 else None


def _shown_outputs(cell: Mapping[str, Any], room: _Room) -> Iterator[Output]:
    for number, output in enumerate(_outputs(cell)[:_MAX_OUTPUTS]):
        if isinstance(output, dict) and (shown := _output(output, number, room)):
            yield shown


def _outputs(cell: Mapping[str, Any]) -> list[Any]:
    outputs = cell.get("outputs")
    return outputs if isinstance(outputs, list) else []


def _output(output: Mapping[str, Any], number: int, room: _Room) -> Output | None:
    if output.get("output_type") == "stream":
        return _plain("text", number, _text(output.get("text")), room)
    if output.get("output_type") == "error":
        traceback = output.get("traceback")
        lines = "\n".join(line for line in traceback if isinstance(line, str)) if isinstance(traceback, list) else ""
        return _plain("error", number, lines or f"{output.get('ename')}: {output.get('evalue')}", room)
    data = _data(output)
    if any(isinstance(data.get(media_type), str | list) for media_type in _PICTURES):
        return Output("picture", number, text=_text(data.get("text/plain"))[:200])
    html = _rich(data, room)
    return Output("html", number, html=html) if html else _plain("text", number, _text(data.get("text/plain")), room)


def _rich(data: Mapping[str, Any], room: _Room) -> Markup:
    if html := _text(data.get("text/html")):
        return cards.clean_html(room.take(html, _MAX_OUTPUT_CHARACTERS * 4), room.links, room.images, room.folder)
    prose = _text(data.get("text/markdown")) or _text(data.get("text/latex"))
    return _prose(room.take(prose, _MAX_OUTPUT_CHARACTERS), room) if prose else Markup()


def _plain(kind: Literal["text", "error"], number: int, text: str, room: _Room) -> Output | None:
    shown = room.take(_TERMINAL.sub("", text), _MAX_OUTPUT_CHARACTERS)
    return Output(kind, number, text=shown) if shown else None


def _prose(text: str, room: _Room) -> Markup:
    return cards.render_markdown(text, room.links, room.images, room.folder)


def _data(output: Any) -> Mapping[str, Any]:
    data = output.get("data") if isinstance(output, dict) else None
    return data if isinstance(data, dict) else {}


def _text(value: Any) -> str:
    """A text, or the lines of one."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""
