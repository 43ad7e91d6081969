"""Tensors of safetensors files as float32 arrays, without a library.

Format: https://github.com/huggingface/safetensors#format"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from yungu.compute.runtimes.protocol import ModelUnfit

Array = np.ndarray[Any, Any]
_MAX_HEADER_BYTES = 100 << 20


def load_tensors(folder: Path) -> dict[str, Array]:
    """Every tensor of the ``*.safetensors`` files of a folder: float32 ones lie in the file, which is mapped; float16
    and bfloat16 ones become float32. Raises ModelUnfit."""
    found: dict[str, Array] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= _load(path)
    if not found:
        raise ModelUnfit("The repo has no safetensors files.")
    return found


def _load(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        length = int.from_bytes(data[:8], "little")
        if not 2 <= length <= min(len(data) - 8, _MAX_HEADER_BYTES):
            raise ModelUnfit(f"{path.name} is no safetensors file.")
        header: dict[str, Any] = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        return {name: _tensor(data, 8 + length, entry) for name, entry in header.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise ModelUnfit(f"{path.name} is no safetensors file: {error}.") from error


def _tensor(data: mmap.mmap, start: int, entry: Mapping[str, Any]) -> Array:
    kind = _KINDS.get(entry["dtype"])
    if kind is None:
        raise ModelUnfit(f"Tensors of type {entry['dtype']} are not read by this runtime: the transformers one may.")
    begin, end = entry["data_offsets"]
    flat = np.frombuffer(data, kind, (end - begin) // np.dtype(kind).itemsize, start + begin)
    if entry["dtype"] == "BF16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.astype(np.float32, copy=False).reshape(entry["shape"])


_KINDS: Mapping[str, Any] = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16, "F64": np.float64}
