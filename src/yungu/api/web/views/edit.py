"""New, changed, renamed and deleted files, by forms that work without scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.language import marked
from yungu.api.web.rendering import page
from yungu.api.web.views.bench import Bench, around, commit, enter_bench, go_on
from yungu.api.web.views.files import MAX_TEXT_BYTES
from yungu.hub import Change, Drop, EntryNotFound, FilePut, LfsPut, PathInvalid, TreeFile, TreeFolder
from yungu.kernel.db import Session
from yungu.kernel.errors import Conflict

MAX_FORM_BYTES = 12 * MAX_TEXT_BYTES
"""A character of up to four bytes is sent as three for each of them."""
_MAX_ATTRIBUTES_BYTES = 1 << 20


class FileChanged(Conflict):
    """Somebody else changed the file after the form was opened."""

    def __init__(self) -> None:
        super().__init__(marked("This file has been changed since you opened it. Nothing of yours is lost."))


# --- new files


def get_new(session: Session, call: Call) -> Response:
    bench = enter_bench(session, call)
    return _new_page(session, bench, EMPTY, {})


def post_new(session: Session, call: Call) -> Response:
    bench = enter_bench(session, call)
    form = read_form(bench.visit)
    with shown_again(bench.visit, lambda errors: _new_page(session, bench, form, errors), path=PathInvalid):
        path = _free_path(bench, form)
        change = _text_put(bench, path, _lines(form))
        done = commit(session, bench, form, [change], f"Create {path}")
    return go_on(bench, done, urls.blob(bench.repo, done.revision, path))


# --- changed and renamed files


def get_edit(session: Session, call: Call) -> Response:
    bench = enter_bench(session, call)
    return _edit_page(session, bench, _file(bench, call), EMPTY, {})


def post_edit(session: Session, call: Call) -> Response:
    """Another content, another name, or both. ``base``: the commit that the author has seen."""
    bench = enter_bench(session, call)
    form, file = read_form(bench.visit), _file(bench, call)
    with shown_again(bench.visit, lambda errors: _edit_page(session, bench, file, form, errors), path=PathInvalid):
        _check_unchanged(bench, form, file.path)
        path = form["path"] if form["path"] == file.path else _free_path(bench, form)
        changes: list[Change] = [_put(bench, form, file, path)]
        if path != file.path:
            changes.insert(0, Drop(file.path))
        title = f"Update {path}" if path == file.path else f"Rename {file.path} to {path}"
        done = commit(session, bench, form, changes, title)
    return go_on(bench, done, urls.blob(bench.repo, done.revision, path))


# --- the end of a file or folder


def get_delete(session: Session, call: Call) -> Response:
    bench = enter_bench(session, call)
    return _delete_page(session, bench, _entry(bench, call), EMPTY, {})


def post_delete(session: Session, call: Call) -> Response:
    bench = enter_bench(session, call)
    form, entry = read_form(bench.visit), _entry(bench, call)
    with shown_again(bench.visit, lambda errors: _delete_page(session, bench, entry, form, errors)):
        _check_unchanged(bench, form, entry.path)
        drop = Drop(entry.path, folder=isinstance(entry, TreeFolder))
        done = commit(session, bench, form, [drop], f"Delete {entry.path}")
    folder = entry.path.rpartition("/")[0]
    return go_on(bench, done, urls.tree(bench.repo, done.revision, folder))


# --- what the forms mean


def _entry(bench: Bench, call: Call) -> TreeFile | TreeFolder:
    path = call.params["path"]
    found = hub.find_file(bench.git, bench.head, path) if bench.head else None
    if found is None:
        raise EntryNotFound(path, bench.head or "")
    return found


def _file(bench: Bench, call: Call) -> TreeFile:
    found = _entry(bench, call)
    if not isinstance(found, TreeFile):
        raise EntryNotFound(found.path, bench.head or "")
    return found


def editable_text(bench: Bench, file: TreeFile) -> str | None:
    """What can be edited as text; None for large, binary and other content, which can only be renamed."""
    if file.pointer is not None or file.size_bytes > MAX_TEXT_BYTES or file.mode == 0o160000:
        return None
    data = bench.git.read_blob(file.oid)
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def _free_path(bench: Bench, form: Form) -> str:
    """The path typed. Raises PathInvalid, FieldInvalid when something is there already, or when text has no place
    there."""
    path = form["path"].strip("/")
    hub.check_path(path)
    if bench.head and hub.find_file(bench.git, bench.head, path) is not None:
        raise FieldInvalid("path", bench.visit.gettext("There is already a file or folder of this name."))
    return path


def _check_unchanged(bench: Bench, form: Form, path: str) -> None:
    """Raises FileChanged unless the author has seen what stands at ``path`` now."""
    base = form["base"]
    if base == bench.head:
        return
    is_commit = re.fullmatch("[0-9a-f]{40}", base) is not None and bench.git.find_commit(base) == base
    seen = hub.find_file(bench.git, base, path) if is_commit else None
    if bench.head is None or seen is None or seen != hub.find_file(bench.git, bench.head, path):
        raise FileChanged


def _lines(form: Form, *, like: str = "") -> str:
    """The text typed, its lines ended as in ``like``: browsers send every end of a line as CR LF."""
    text = form.raw("content").replace("\r\n", "\n")
    return text.replace("\n", "\r\n") if like.count("\r\n") > like.count("\n") / 2 else text


def _put(bench: Bench, form: Form, file: TreeFile, path: str) -> Change:
    text = editable_text(bench, file)
    if text is not None:
        return _text_put(bench, path, _lines(form, like=text))
    if file.pointer is not None:
        return LfsPut(path, file.pointer.sha256, file.pointer.size_bytes)
    return FilePut(path, file.oid, file.size_bytes)


def _text_put(bench: Bench, path: str, text: str) -> FilePut:
    data = text.encode()
    if len(data) > MAX_TEXT_BYTES:
        raise FieldInvalid("content", bench.visit.gettext("This text is too long to be edited here: upload it."))
    if _is_tracked(bench, path):
        raise FieldInvalid("path", bench.visit.gettext("Files of this name are stored with git-lfs: upload it."))
    return FilePut(path, bench.git.write_blob(data), len(data))


def _is_tracked(bench: Bench, path: str) -> bool:
    text = hub.read_text(bench.git, bench.head, ".gitattributes", limit=_MAX_ATTRIBUTES_BYTES) if bench.head else None
    return hub.LfsDecider(text or "").tracks(path)


# --- pages


def _new_page(session: Session, bench: Bench, form: Form, errors: Mapping[str, str]) -> Response:
    folder = bench.visit.call.params.get("path", "").strip("/")
    context = around(session, bench, form, errors) | {"folder": folder}
    return page(bench.visit, "edit/new.html", **context)


def _edit_page(session: Session, bench: Bench, file: TreeFile, form: Form, errors: Mapping[str, str]) -> Response:
    text = editable_text(bench, file)
    context: dict[str, Any] = around(session, bench, form, errors) | {
        "file": file,
        "path": file.path,
        "text": text,
        "base": bench.head,
        "is_changed": form.is_typed and form["base"] != bench.head and text is not None and bool(errors.get("")),
    }
    return page(bench.visit, "edit/edit.html", **context)


def _delete_page(
    session: Session, bench: Bench, entry: TreeFile | TreeFolder, form: Form, errors: Mapping[str, str]
) -> Response:
    context: dict[str, Any] = around(session, bench, form, errors) | {
        "path": entry.path,
        "is_folder": isinstance(entry, TreeFolder),
        "base": bench.head,
    }
    return page(bench.visit, "edit/delete.html", **context)
