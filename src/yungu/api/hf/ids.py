"""Numbers as the clients see them: 24 hex digits, the form of the object ids that they expect."""

from __future__ import annotations

import re

_HEX = re.compile(r"^[0-9a-f]{1,24}$")


def object_id(number: int) -> str:
    return f"{number:024x}"


def number_of(text: str) -> int:
    """The number behind an object id; 0, which nothing has, when it is none of ours."""
    number = int(text, 16) if _HEX.fullmatch(text) else 0
    return number if number < 2**63 else 0
