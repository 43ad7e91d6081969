"""What a model's own files tell: config.json and the headers of safetensors files.

Format: https://github.com/huggingface/safetensors#format - an 8-byte little-endian length, then a JSON object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import msgspec

from yungu.hub.errors import EntryNotFound
from yungu.hub.models import TreeFile
from yungu.hub.queries.files import list_folder, read_text
from yungu.kernel.db import Session
from yungu.kernel.errors import Invalid
from yungu.storage import content
from yungu.storage.git import GitObjects
from yungu.storage.models import Blob

MAX_HEADER_BYTES = 8 * 1024 * 1024
_MAX_CONFIG_BYTES = 1024 * 1024
_MOST_SHARDS = 200

ReadRange = Callable[[Blob, int, int], bytes]
"""Reads bytes ``start`` up to, not including, ``end`` of a blob, wherever its bytes are."""


class HeaderInvalid(Invalid):
    """The file does not begin like a safetensors file."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a safetensors file. ``shape``: sizes per axis; ``dtype``: the format's own name, as in "BF16"."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class TensorHeader:
    """The tensors of one file, in the file's order, and its free metadata."""

    tensors: Sequence[Tensor]
    metadata: Mapping[str, str]

    @property
    def parameters(self) -> dict[str, int]:
        """dtype to number of parameters."""
        found: Counter[str] = Counter()
        for tensor in self.tensors:
            found[tensor.dtype] += tensor.count
        return dict(found)


def model_config(objects: GitObjects, commit: str) -> Mapping[str, Any]:
    """``config.json`` of a commit; empty when there is none that can be read."""
    text = read_text(objects, commit, "config.json", limit=_MAX_CONFIG_BYTES)
    try:
        found = msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def safetensors_header(session: Session, read: ReadRange, objects: GitObjects, file: TreeFile) -> TensorHeader:
    """The header of one safetensors file, without reading its tensors. Raises HeaderInvalid, EntryNotFound."""
    if file.pointer is None:
        data = objects.read_blob(file.oid)
        return _parse(data[:8], data[8 : 8 + MAX_HEADER_BYTES])
    found = _known(file.pointer.sha256)
    if found is None:
        found = _header_of_blob(session, read, file)
        _remember(file.pointer.sha256, found)
    return found


def safetensors_summary(
    session: Session, read: ReadRange, objects: GitObjects, commit: str | None
) -> dict[str, Any] | None:
    """``{"parameters": {dtype: count}, "total": count}`` over the safetensors files in the root folder, or None."""
    if commit is None:
        return None
    files = [node for node in list_folder(objects, commit) if isinstance(node, TreeFile) and node.path.endswith(".safetensors")]
    total: Counter[str] = Counter()
    for file in files[:_MOST_SHARDS]:
        try:
            total.update(safetensors_header(session, read, objects, file).parameters)
        except (HeaderInvalid, EntryNotFound):
            return None
    return {"parameters": dict(total), "total": total.total()} if total else None


_headers: dict[str, TensorHeader] = {}
_KEPT_HEADERS = 256


def _known(sha256: str) -> TensorHeader | None:
    return _headers.get(sha256)


def _remember(sha256: str, header: TensorHeader) -> None:
    if len(_headers) >= _KEPT_HEADERS:
        _headers.pop(next(iter(_headers)), None)
    _headers[sha256] = header


def _header_of_blob(session: Session, read: ReadRange, file: TreeFile) -> TensorHeader:
    assert file.pointer is not None
    blob = content.find_blob(session, file.pointer.sha256)
    if blob is None:
        raise EntryNotFound(file.path, file.oid)
    start = read(blob, 0, 8)
    length = int.from_bytes(start, "little")
    if not 2 <= length <= MAX_HEADER_BYTES or 8 + length > blob.size_bytes:
        raise HeaderInvalid(f"'{file.path}' does not begin with a safetensors header.")
    return _parse(start, read(blob, 8, 8 + length))


def _parse(start: bytes, rest: bytes) -> TensorHeader:
    length = int.from_bytes(start, "little")
    try:
        found = msgspec.json.decode(rest[:length], type=dict[str, dict[str, Any]])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise HeaderInvalid("The safetensors header is not valid JSON.") from error
    metadata = {str(key): str(value) for key, value in found.pop("__metadata__", {}).items()}
    try:
        tensors = [
            Tensor(name, str(item["dtype"]), tuple(int(size) for size in item["shape"])) for name, item in found.items()
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise HeaderInvalid("The safetensors header describes a tensor without dtype or shape.") from error
    return TensorHeader(tensors, metadata)
