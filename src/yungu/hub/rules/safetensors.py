"""The header of a safetensors file: which tensors it holds.

Format: https://github.com/huggingface/safetensors#format: 8 bytes little-endian length, that many bytes of JSON
(name to dtype, shape, offsets; ``__metadata__`` to texts), then the data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from yungu.kernel.errors import Invalid

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 8 * 1024 * 1024
_MAX_DIMENSIONS = 16


class SafetensorsInvalid(Invalid):
    """The file is not a safetensors file, or its header is not one that we read."""


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def parameters_count(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class SafetensorsHeader:
    """``tensors`` in the order of the file."""

    tensors: Sequence[Tensor]
    metadata: Mapping[str, str]

    @property
    def parameters_count(self) -> int:
        return sum(tensor.parameters_count for tensor in self.tensors)

    @property
    def parameters_by_dtype(self) -> Mapping[str, int]:
        """The number of parameters of each dtype, most first."""
        counted: Counter[str] = Counter()
        for tensor in self.tensors:
            counted[tensor.dtype] += tensor.parameters_count
        return dict(counted.most_common())


class _Tensor(msgspec.Struct):
    dtype: Annotated[str, msgspec.Meta(max_length=16)]
    shape: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]], msgspec.Meta(max_length=_MAX_DIMENSIONS)]


def header_length(prefix: bytes) -> int:
    """How many bytes of JSON follow the first 8 bytes. Raises SafetensorsInvalid, also above MAX_HEADER_BYTES."""
    if len(prefix) < LENGTH_BYTES:
        raise SafetensorsInvalid("The file is too short to be a safetensors file.")
    length = int.from_bytes(prefix[:LENGTH_BYTES], "little")
    if not 2 <= length <= MAX_HEADER_BYTES:
        raise SafetensorsInvalid(f"The header claims {length} bytes; at most {MAX_HEADER_BYTES} are read.")
    return length


def parse_header(data: bytes) -> SafetensorsHeader:
    """The header from its JSON. Raises SafetensorsInvalid."""
    try:
        found = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        metadata = _metadata(found.pop("__metadata__", None))
        tensors = [_tensor(name, raw) for name, raw in found.items()]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise SafetensorsInvalid(f"The header cannot be read: {error}.") from error
    return SafetensorsHeader(tensors, metadata)


def _tensor(name: str, raw: msgspec.Raw) -> Tensor:
    tensor = msgspec.json.decode(raw, type=_Tensor)
    return Tensor(name, tensor.dtype, tuple(tensor.shape))


def _metadata(raw: msgspec.Raw | None) -> Mapping[str, str]:
    values: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any]) if raw is not None else {}
    return {key: value if isinstance(value, str) else str(value) for key, value in values.items()}
