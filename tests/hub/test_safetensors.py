"""Headers of safetensors files, the good and the bad."""

from __future__ import annotations

import json

import pytest

from support.web_forge import safetensors
from yungu.hub import SafetensorsHeader, SafetensorsInvalid
from yungu.hub.rules.safetensors import MAX_HEADER_BYTES, header_length, parse_header


def _parse(data: bytes) -> SafetensorsHeader:
    return parse_header(data[8 : 8 + header_length(data[:8])])


def test_tensors_are_read_in_order_and_counted_by_type() -> None:
    header = _parse(safetensors({"b": ("BF16", [3, 4]), "a": ("F32", [5]), "scalar": ("F32", [])}))

    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in header.tensors] == [
        ("b", "BF16", (3, 4)),
        ("a", "F32", (5,)),
        ("scalar", "F32", ()),
    ]
    assert header.parameters_by_dtype == {"BF16": 12, "F32": 6}
    assert header.parameters_count == 18
    assert header.metadata == {"format": "pt"}


@pytest.mark.parametrize(
    "prefix", [b"", b"1234567", (1).to_bytes(8, "little"), (MAX_HEADER_BYTES + 1).to_bytes(8, "little")]
)
def test_an_impossible_length_is_refused_before_anything_is_read(prefix: bytes) -> None:
    with pytest.raises(SafetensorsInvalid):
        header_length(prefix)


@pytest.mark.parametrize(
    "header",
    [
        b"not json",
        b"[]",
        b"[" * 100_000,
        b"\xff\xfe",
        json.dumps({"w": {"dtype": "F32"}}).encode(),
        json.dumps({"w": {"dtype": "F32", "shape": [-1]}}).encode(),
        json.dumps({"w": {"dtype": "F32", "shape": [2**70]}}).encode(),
        json.dumps({"w": {"dtype": "F32", "shape": [9] * 100_000}}).encode(),
        json.dumps({"w": {"dtype": "F" * 1000, "shape": []}}).encode(),
        json.dumps({"__metadata__": ["x"]}).encode(),
    ],
)
def test_a_false_header_is_refused(header: bytes) -> None:
    with pytest.raises(SafetensorsInvalid):
        parse_header(header)
