"""What a model's own files tell: config.json and the headers of safetensors files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from yungu.hub.errors import EntryNotFound
from yungu.hub.models import Repo, TreeFile
from yungu.hub.queries.files import list_folder, read_text
from yungu.hub.queries.repos import find_content
from yungu.hub.rules.gguf import GgufHeader, ReadSlice, parse_gguf
from yungu.hub.rules.safetensors import LENGTH_BYTES, SafetensorsHeader, SafetensorsInvalid, header_length, parse_header
from yungu.kernel.db import Session
from yungu.storage.git import GitObjects
from yungu.storage.models import Blob

_MAX_CONFIG_BYTES = 1024 * 1024
_MOST_SHARDS = 200

ReadRange = Callable[[Blob, int, int], bytes]
"""Reads bytes ``start`` up to, not including, ``end`` of a blob, wherever its bytes are."""


def model_config(objects: GitObjects, commit: str) -> Mapping[str, Any]:
    """``config.json`` of a commit; empty when there is none that can be read."""
    text = read_text(objects, commit, "config.json", limit=_MAX_CONFIG_BYTES)
    try:
        found = msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def safetensors_header(
    session: Session, read: ReadRange, repo: Repo, objects: GitObjects, file: TreeFile
) -> SafetensorsHeader:
    """The header of one safetensors file, without reading its tensors. Raises SafetensorsInvalid, EntryNotFound."""
    read_file = file_reader(session, read, repo, objects, file)  # first: knowing a sha256 is no right to a header
    found = _headers.get(file.etag)
    if found is None:
        found = _header(file, read_file)
        _remember(file.etag, found)
    return found


def gguf_header(session: Session, read: ReadRange, repo: Repo, objects: GitObjects, file: TreeFile) -> GgufHeader:
    """The header of one GGUF file, without reading its tensors. Raises GgufInvalid, EntryNotFound."""
    read_file = file_reader(session, read, repo, objects, file)
    found = _headers.get(file.etag)
    if not isinstance(found, GgufHeader):
        found = parse_gguf(read_file, file.size_bytes)
        _remember(file.etag, found)
    return found


def file_reader(session: Session, read: ReadRange, repo: Repo, objects: GitObjects, file: TreeFile) -> ReadSlice:
    """Reads pieces of one file, wherever its bytes are. Raises EntryNotFound when they are lost."""
    if file.pointer is None:
        data = objects.read_blob(file.oid)
        return lambda start, end: data[start:end]
    blob = find_content(session, repo, file.pointer.sha256)
    if blob is None:
        raise EntryNotFound(file.path, file.oid)
    return partial(read, blob)


def safetensors_summary(
    session: Session, read: ReadRange, repo: Repo, objects: GitObjects, commit: str | None
) -> dict[str, Any] | None:
    """``{"parameters": {dtype: count}, "total": count}`` over the safetensors files in the root folder, or None."""
    if commit is None:
        return None
    nodes = list_folder(objects, commit)
    files = [node for node in nodes if isinstance(node, TreeFile) and node.path.endswith(".safetensors")]
    total: Counter[str] = Counter()
    for file in files[:_MOST_SHARDS]:
        try:
            total.update(safetensors_header(session, read, repo, objects, file).parameters_by_dtype)
        except (SafetensorsInvalid, EntryNotFound):
            return None
    return {"parameters": dict(total), "total": total.total()} if total else None


_headers: dict[str, SafetensorsHeader] = {}
_KEPT_HEADERS = 256
_MOST_KEPT_TENSORS = 5_000  # per header, about 200 bytes each


def _remember(etag: str, header: SafetensorsHeader) -> None:
    if len(header.tensors) > _MOST_KEPT_TENSORS:
        return
    if len(_headers) >= _KEPT_HEADERS:
        _headers.pop(next(iter(_headers)), None)
    _headers[etag] = header


def _header(file: TreeFile, read: ReadSlice) -> SafetensorsHeader:
    end = LENGTH_BYTES + header_length(read(0, LENGTH_BYTES))
    if end > file.size_bytes:
        raise SafetensorsInvalid(f"The header of '{file.path}' claims to be longer than the file.")
    return parse_header(read(LENGTH_BYTES, end))
