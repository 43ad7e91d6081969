"""Folders and files of a commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import msgspec
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.blobs import read_blob
from yungu.api.web import cards, code, urls
from yungu.api.web.rendering import page
from yungu.api.web.views.repos import Place, enter, frame, named_revisions
from yungu.hub import EntryNotFound, SafetensorsHeader, TreeFile
from yungu.kernel.db import Session
from yungu.kernel.errors import Invalid, NotFound, Unavailable

MAX_TEXT_BYTES = 1024 * 1024
"""Longer text files are offered for download only."""
_ENTRIES_PER_PAGE = 500
_MAX_TENSORS = 2000
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp", ".ico", ".svg")
_MARKDOWN = (".md", ".markdown")


@dataclass(frozen=True, slots=True)
class FileView:
    """How one file is shown. ``lines`` for "text", ``html`` for "markdown", ``header`` for "safetensors"."""

    shape: Literal["text", "markdown", "image", "safetensors", "table", "binary", "large", "damaged"]
    lines: list[Markup] = field(default_factory=list)
    html: Markup = field(default_factory=Markup)
    header: SafetensorsHeader | None = None
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


def file_context(
    session: Session, place: Place, file: TreeFile, view: FileView, *, shows_source: bool
) -> dict[str, Any]:
    """What the page of a file shows."""
    is_markdown = file.path.lower().endswith(_MARKDOWN) and view.shape in ("markdown", "text")
    return _around(session, place, file.path) | {
        "file": file,
        "view": view,
        "shows_source": shows_source,
        "has_source": is_markdown or (view.shape == "table" and file.pointer is None) or shows_source,
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
    name = file.path.lower()
    if name.endswith(".safetensors"):
        return _safetensors_view(session, place, file)
    if name.endswith(_IMAGES) and not (name.endswith(".svg") and shows_source):
        return FileView("image")
    if file.pointer is not None:
        return FileView("binary")
    if file.size_bytes > MAX_TEXT_BYTES:
        return FileView("large")
    return _text_view(place, file, shows_source=shows_source)


def _text_view(place: Place, file: TreeFile, *, shows_source: bool) -> FileView:
    data = place.git.read_blob(file.oid) if file.mode != 0o160000 else b""
    if b"\0" in data[:8192]:
        return FileView("binary")
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    name = file.path.lower()
    if name.endswith(_MARKDOWN) and not shows_source and file.size_bytes <= cards.MAX_MARKDOWN_BYTES:
        links, images = urls.blob(place.repo, place.revision, ""), urls.resolve(place.repo, place.revision, "")
        folder = file.path.rpartition("/")[0]
        return FileView("markdown", html=cards.render_markdown(text, links, images, folder))
    if name.endswith(".json") and not shows_source:
        text = _pretty(text)
    return FileView("text", lines=code.highlight_lines(text, file.path))


def _pretty(text: str) -> str:
    """JSON on many lines, if it is JSON on one."""
    if text.count("\n") > 2:
        return text
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, RecursionError):
        return text


def _safetensors_view(session: Session, place: Place, file: TreeFile) -> FileView:
    read = partial(read_blob, place.visit.call.site)
    try:
        return FileView("safetensors", header=hub.safetensors_header(session, read, place.repo, place.git, file))
    except (Invalid, NotFound, Unavailable) as error:
        return FileView("damaged", reason=error.message)
