"""Where a replica on another machine gets the files of its model."""

from __future__ import annotations

import msgspec


class Remote(msgspec.Struct, frozen=True):
    """A file that is fetched from the hub. ``url`` leads to its content."""

    path: str
    url: str
    size_bytes: int


class Source(msgspec.Struct, frozen=True):
    """Where a model's files are: in ``folder``, if that exists on the machine; else they are fetched, with ``token``,
    into a folder of the machine named ``key``, and kept there for the next replica."""

    key: str
    folder: str = ""
    files: list[Remote] = []
    token: str = ""
