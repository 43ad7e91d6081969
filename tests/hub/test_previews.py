"""Headers of GGUF files and lists of archives, from few bytes and without trusting any of them."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping

import pytest

from support.web_forge import gguf
from yungu.hub import ArchiveUnreadable, GgufInvalid, ReadSlice, list_archive, parse_gguf


def slices(data: bytes, asked: list[int] | None = None) -> ReadSlice:
    def read(start: int, end: int) -> bytes:
        if asked is not None:
            asked.append(end - start)
        return data[start:end]

    return read


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def taped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tape:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tape.addfile(entry, io.BytesIO(data))
    return out.getvalue()


# --- GGUF


def test_a_gguf_header_tells_values_and_tensors() -> None:
    data = gguf({"general.architecture": "llama", "words": ["a"] * 20}, {"w": (12, [8, 4])})

    header = parse_gguf(slices(data), len(data))

    assert header.metadata == {"general.architecture": "llama", "words": "[a, a, a, a, a, a, a, a, …] (20)"}
    assert [(one.name, one.dtype, one.shape) for one in header.tensors] == [("w", "Q4_K", (4, 8))]
    assert header.parameters_by_dtype == {"Q4_K": 32} and header.version == 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GGML" + bytes(100),
        b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 9, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 62),
        b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 8, 1 << 40),
        b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 9, 1 << 40),
        b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 0, 1 << 63),
        b"GGUF" + struct.pack("<IQQQ1sI", 3, 1, 0, 1, b"t", 1 << 31),
    ],
)
def test_a_hostile_gguf_header_is_refused(data: bytes) -> None:
    with pytest.raises(GgufInvalid):
        parse_gguf(slices(data), len(data))


# --- archives


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.TAR.GZ", "a.tgz"])
def test_an_archive_lists_its_files(name: str) -> None:
    files = {"leaf.txt": b"x" * 7, "deep/茶.bin": b""}
    data = zipped(files) if name.endswith("zip") else taped(files)
    data = gzip.compress(data) if name.lower().endswith("gz") else data

    found = list_archive(name, slices(data), len(data))

    assert [(entry.path, entry.size_bytes) for entry in found.entries] == [("leaf.txt", 7), ("deep/茶.bin", 0)]
    assert found.is_whole


def test_only_the_index_of_a_zip_file_is_read() -> None:
    data, asked = zipped({"large.bin": bytes(3 << 20), "b": b""}), list[int]()
    assert len(list_archive("a.zip", slices(data, asked), len(data)).entries) == 2
    assert sum(asked) < 300_000


def test_names_in_archives_hold_nothing_unprintable() -> None:
    data = zipped({"a\x1b[31m\u202e<b>": b""})
    assert list_archive("a.zip", slices(data), len(data)).entries[0].path == "a�[31m�<b>"


def test_an_archive_that_unfolds_without_end_is_left_early() -> None:
    entry = tarfile.TarInfo("bomb")
    entry.size = 1 << 40
    data = gzip.compress(entry.tobuf() + bytes(64 << 20))

    found = list_archive("a.tgz", slices(data), len(data))

    assert [one.path for one in found.entries] == ["bomb"] and not found.is_whole


def test_very_many_names_are_cut() -> None:
    data = taped({f"f{number}": b"" for number in range(2050)})
    found = list_archive("a.tar", slices(data), len(data))
    assert len(found.entries) == 2000 and not found.is_whole


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz"])
@pytest.mark.parametrize("data", [b"", b"x" * 5000, b"PK\5\6" + b"\xff" * 18, b"\x1f\x8b" + b"\xff" * 600])
def test_what_is_no_archive_is_called_so(name: str, data: bytes) -> None:
    with pytest.raises(ArchiveUnreadable):
        list_archive(name, slices(data), len(data))
