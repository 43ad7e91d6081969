"""Opening a spreadsheet of a stranger in a process of its own, which cannot reach anything and ends in any case."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from yungu.scenarios.errors import SheetRefused

MOST_BYTES = 8 << 20
_SECONDS = 40.0
_PROGRAM = Path(__file__).with_name("sheet_process.py")
_SOURCE = Path(__file__).parents[3]
_WORDS = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/nonexistent"}


class Sheet(msgspec.Struct, frozen=True):
    """``rows``: texts, numbers and None, every row of the same length; merged cells all say what the first says.
    ``notes``: address ("B7") to "formula", "error" or "cut"; such cells but the last are empty."""

    name: str
    rows: list[list[str | int | float | None]]
    notes: dict[str, str] = {}


class _Told(msgspec.Struct):
    sheets: list[Sheet] = []
    why: str = ""
    message: str = ""


def open_sheets(data: bytes) -> Sequence[Sheet]:
    """What is in the cells of an .xlsx, .xls, CSV or HTML file, whatever it is called. Raises SheetRefused; ``why`` is
    one of format, damaged, encrypted, macros, links, entities, bomb, dimensions, memory, time."""
    if len(data) > MOST_BYTES:
        raise SheetRefused("dimensions", f"The file is too large: at most {MOST_BYTES >> 20} MiB are read.")
    command = [sys.executable, "-I", "-c", _START, str(_SOURCE), str(_PROGRAM)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_SECONDS, env=_WORDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise SheetRefused("time", "Reading this file took too long and was stopped.") from error
    return _sheets(done)


_START = "import runpy, sys; sys.path.append(sys.argv[1]); runpy.run_path(sys.argv[2], run_name='__main__')"


def _sheets(done: subprocess.CompletedProcess[bytes]) -> Sequence[Sheet]:
    if done.returncode:
        why = "memory" if b"MemoryError" in done.stderr else "time"
        raise SheetRefused(why, "Reading this file took more time or memory than a list may take, and was stopped.")
    told = msgspec.json.decode(done.stdout, type=_Told)
    if told.why:
        raise SheetRefused(told.why, told.message)
    return told.sheets


def packed(sheets: Sequence[Sheet]) -> list[dict[str, Any]]:
    """As a batch keeps them."""
    kept: list[dict[str, Any]] = msgspec.to_builtins(sheets)
    return kept
