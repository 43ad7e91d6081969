"""Forms with files, cut anywhere."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from yungu.api.http.call import BodyInvalid
from yungu.api.web.multipart import MultipartReader

BODY = (
    b'preamble\r\n--xYz\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b'--xYz\r\nContent-Disposition: form-data; name="f"; filename="q%22.txt"\r\nContent-Type: text/plain\r\n\r\n'
    b"\r\n--xY\r\n-data\r\n--xYz\r\n"
    b'Content-Disposition: form-data; name="a"\r\n\r\n\xe8\x8c\xb6\r\n--xYz--\r\nepilogue'
)


class Kept:
    def __init__(self) -> None:
        self.files: list[tuple[str, str, bytearray]] = []
        self.closed = 0

    def open(self, field: str, filename: str) -> Kept:
        self.files.append((field, filename, bytearray()))
        return self

    def write(self, data: bytes) -> None:
        self.files[-1][2].extend(data)

    def close(self) -> None:
        self.closed += 1


def read(pieces: Sequence[bytes], kept: Kept) -> MultipartReader:
    reader = MultipartReader("multipart/form-data; boundary=xYz", kept.open)
    for piece in pieces:
        reader.feed(piece)
    reader.finish()
    return reader


@pytest.mark.parametrize("step", [1, 2, 7, 64, 10_000])
def test_a_form_reads_the_same_wherever_it_is_cut(step: int) -> None:
    kept = Kept()

    reader = read([BODY[start : start + step] for start in range(0, len(BODY), step)], kept)

    assert reader.fields == {"a": ["one", "茶"]}
    assert kept.files == [("f", 'q".txt', bytearray(b"\r\n--xY\r\n-data"))] and kept.closed == 1


@pytest.mark.parametrize("end", [10, 60, 140, len(BODY) - 14])
def test_a_form_that_ends_too_early_is_refused(end: int) -> None:
    with pytest.raises(BodyInvalid):
        read([BODY[:end]], Kept())


@pytest.mark.parametrize(
    "body",
    [
        b"--xYz\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xYz--",
        b"--xYz\r\n" + b"a" * 20_000,
        b'--xYz\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 2_000_000,
    ],
)
def test_a_form_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(BodyInvalid):
        read([body], Kept())


def test_a_form_says_how_it_is_divided() -> None:
    with pytest.raises(BodyInvalid):
        MultipartReader("multipart/form-data", Kept().open)
