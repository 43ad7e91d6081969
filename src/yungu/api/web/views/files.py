"""Folders and files of a commit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import msgspec
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.blobs import read_blob
from yungu.api.http.call import whole_number
from yungu.api.web import cards, code, urls
from yungu.api.web.errors import explain
from yungu.api.web.notebooks import (
    MAX_NOTEBOOK_BYTES,
    Notebook,
    NotebookUnreadable,
    PictureNotFound,
    read_picture,
    render_notebook,
)
from yungu.api.web.rendering import page
from yungu.api.web.views.repos import Place, enter, frame, named_revisions
from yungu.hub import Archive, EntryNotFound, ReadSlice, SafetensorsHeader, TreeFile
from yungu.kernel.db import Session
from yungu.kernel.errors import Invalid, NotFound, Unavailable

Shape = Literal[
    "text", "markdown", "notebook", "image", "audio", "video", "document", "safetensors", "gguf", "archive", "table",
    "binary", "damaged",
]  # fmt: skip
MAX_TEXT_BYTES = 256 * 1024
"""Of longer text files, and of those with more lines than `_MAX_LINES`, only the beginning is shown."""
_MAX_LINES = 4000
_BEGINNING_BYTES = 64 * 1024
_BEGINNING_LINES = 1000
_ENTRIES_PER_PAGE = 500
_MAX_TENSORS = 2000
_SUBMODULE = 0o160000
_MARKDOWN = (".md", ".markdown")
_SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp", ".ico", ".svg"), "image"),
    **dict.fromkeys((".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac"), "audio"),
    **dict.fromkeys((".mp4", ".webm", ".mov", ".m4v", ".ogv"), "video"),
    **dict.fromkeys(hub.ARCHIVES, "archive"),
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".ipynb": "notebook",
    ".pdf": "document",
}
_WITH_SOURCE = (".svg", ".ipynb", *_MARKDOWN)


@dataclass(frozen=True, slots=True)
class FileView:
    """How one file is shown. ``lines`` for "text" (``is_cut``: only the first ones), ``html`` for "markdown",
    ``header`` for "safetensors" and "gguf", ``archive`` and ``notebook`` for those."""

    shape: Shape
    lines: list[Markup] = field(default_factory=list)
    is_cut: bool = False
    html: Markup = field(default_factory=Markup)
    is_as_written: bool = False
    header: SafetensorsHeader | None = None
    archive: Archive | None = None
    notebook: Notebook | None = None
    reason: str = ""


def get_tree(session: Session, call: Call) -> Response:
    place = enter(session, call)
    path = call.params.get("path", "")
    if path and isinstance(hub.find_file(place.git, place.commit, path), TreeFile):
        return RedirectResponse(urls.blob(place.repo, place.revision, path), 303)
    nodes = hub.list_folder(place.git, place.commit, path)
    nodes = sorted(nodes, key=lambda node: isinstance(node, TreeFile))
    number = page_number(call)
    shown = nodes[(number - 1) * _ENTRIES_PER_PAGE : number * _ENTRIES_PER_PAGE]
    context = _around(session, place, path) | {
        "nodes": shown,
        "history": hub.last_commits(place.git, place.commit, [node.path for node in shown]),
        "newest": place.git.commit(place.commit),
        "commits_count": hub.commit_count(place.git, place.commit),
        "page_number": number,
        "pages_count": -(-len(nodes) // _ENTRIES_PER_PAGE),
    }
    return page(place.visit, "tree.html", **context)


def get_blob(session: Session, call: Call) -> Response:
    place = enter(session, call)
    path = call.params["path"]
    found = hub.find_file(place.git, place.commit, path)
    if found is None:
        raise EntryNotFound(path, place.commit)
    if not isinstance(found, TreeFile):
        return RedirectResponse(urls.tree(place.repo, place.revision, path), 303)
    shows_source = call.query_params.get("plain") == "1"
    view = _view(session, place, found, shows_source=shows_source)
    return page(place.visit, "blob.html", **file_context(session, place, found, view, shows_source=shows_source))


def get_notebook_picture(session: Session, call: Call) -> Response:
    """A picture that a cell of a notebook printed: PNG or JPEG, never active content."""
    place = enter(session, call)
    file = hub.get_file(place.git, place.commit, call.params["path"])
    cell, output = (whole_number(call.query_params.get(name, "")) for name in ("cell", "output"))
    if cell is None or output is None or file.size_bytes > MAX_NOTEBOOK_BYTES or file.mode == _SUBMODULE:
        raise PictureNotFound
    read = hub.file_reader(session, partial(read_blob, call.site), place.repo, place.git, file)
    data, media_type = read_picture(read(0, file.size_bytes), cell, output)
    headers = {
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=300",
    }
    return Response(data, headers=headers, media_type=media_type)


def file_context(
    session: Session, place: Place, file: TreeFile, view: FileView, *, shows_source: bool
) -> dict[str, Any]:
    """What the page of a file shows."""
    is_drawn = file.path.lower().endswith(_WITH_SOURCE) and file.pointer is None
    return _around(session, place, file.path) | {
        "file": file,
        "view": view,
        "shows_source": shows_source,
        "has_source": is_drawn or (view.shape == "table" and file.pointer is None) or shows_source,
        "newest": hub.last_commits(place.git, place.commit, [file.path]).get(file.path),
        "most_tensors": _MAX_TENSORS,
    }


def page_number(call: Call) -> int:
    """``?page=``, from 1."""
    text = call.query_params.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _around(session: Session, place: Place, path: str) -> dict[str, Any]:
    return {
        "repo": place.repo,
        "frame": frame(session, place.visit, place.repo, "files"),
        "revision": place.revision,
        "commit": place.commit,
        "path": path,
        "refs": named_revisions(session, place.repo),
    }


def _view(session: Session, place: Place, file: TreeFile, *, shows_source: bool) -> FileView:
    """Raises nothing that a damaged file could cause: it is shown as one."""
    if file.mode == _SUBMODULE:
        return FileView("binary")
    shape = _shape(file, shows_source=shows_source)
    if shape in ("image", "audio", "video", "document"):
        return FileView(shape)
    try:
        return _read(session, place, file, shape, shows_source=shows_source)
    except (Invalid, NotFound, Unavailable) as error:
        return FileView("damaged", reason=explain(error, place.visit.language))


def _shape(file: TreeFile, *, shows_source: bool) -> Shape:
    name = file.path.lower()
    found: Shape = next((shape for ending, shape in _SHAPES.items() if name.endswith(ending)), "text")
    if shows_source and name.endswith(_WITH_SOURCE):
        return "text"
    return "text" if found == "notebook" and file.size_bytes > MAX_NOTEBOOK_BYTES else found


def _read(session: Session, place: Place, file: TreeFile, shape: Shape, *, shows_source: bool) -> FileView:
    read = partial(read_blob, place.visit.call.site)
    if shape == "safetensors":
        return FileView(shape, header=hub.safetensors_header(session, read, place.repo, place.git, file))
    if shape == "gguf":
        return FileView(shape, header=hub.gguf_header(session, read, place.repo, place.git, file))
    source = hub.file_reader(session, read, place.repo, place.git, file)
    if shape == "archive":
        return FileView(shape, archive=hub.list_archive(file.path, source, file.size_bytes))
    if shape == "notebook":
        with suppress(NotebookUnreadable):
            return FileView(shape, notebook=render_notebook(source(0, file.size_bytes), *_targets(place, file)))
    return _text_view(place, file, source, shows_source=shows_source)


def _text_view(place: Place, file: TreeFile, source: ReadSlice, *, shows_source: bool) -> FileView:
    is_cut = file.size_bytes > MAX_TEXT_BYTES
    data = source(0, _BEGINNING_BYTES if is_cut else file.size_bytes)
    if b"\0" in data[:8192]:
        return FileView("binary")
    text = (data.rpartition(b"\n")[0] or data if is_cut else data).decode("utf-8", "replace").replace("\r\n", "\n")
    name = file.path.lower()
    if name.endswith(_MARKDOWN) and not shows_source and file.size_bytes <= cards.MAX_MARKDOWN_BYTES:
        html = cards.render_markdown(text, *_targets(place, file))
        return FileView("markdown", html=html, is_as_written=cards.is_as_written(html))
    if name.endswith(".json") and not shows_source and not is_cut:
        text = _pretty(text)
    lines = code.highlight_lines(text, file.path)
    if is_cut or len(lines) > _MAX_LINES:
        return FileView("text", lines=lines[:_BEGINNING_LINES], is_cut=True)
    return FileView("text", lines=lines)


def _targets(place: Place, file: TreeFile) -> tuple[str, str, str]:
    """Where links and pictures of a text lead, and the folder that it lies in."""
    links, images = urls.blob(place.repo, place.revision, ""), urls.resolve(place.repo, place.revision, "")
    return links, images, file.path.rpartition("/")[0]


def _pretty(text: str) -> str:
    """JSON on many lines, if it is JSON on one."""
    if text.count("\n") > 2:
        return text
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, RecursionError):
        return text
