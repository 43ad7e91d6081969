"""What a card says, without its marks: a heading and running text, for people who search."""

from __future__ import annotations

import re

_FRONT_MATTER = re.compile(r"\A[\s\ufeff]*---[ \t]*\r?\n.*?^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,2}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_DROPPED = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|<!--.*?(?:-->|\Z)|<[^<>]{0,2000}>", re.DOTALL)
_IMAGE_OR_LINK = re.compile(r"!\[[^\[\]]*\]\([^()\s]*[^()]*\)|\[([^\[\]]*)\]\([^()]*\)")
_ADDRESS = re.compile(r"https?://\S+")
_MARKS = re.compile(r"[*_`~|>#=\\]+|^\s*[-+]\s|-{3,}", re.MULTILINE)
_SPACE = re.compile(r"\s+")
MAX_LETTERS = 50_000
"""Of a card; what comes later is not searched."""


def plain_text(card: str) -> tuple[str, str]:
    """The first heading of a card, and the rest of its text without front matter, code, tags, addresses and marks."""
    body = _FRONT_MATTER.sub("", card[: 2 * MAX_LETTERS], count=1)
    body = _IMAGE_OR_LINK.sub(r"\1", _DROPPED.sub(" ", body))
    body = _ADDRESS.sub(" ", body)
    heading = _HEADING.search(body)
    if heading is None:
        return "", _clean(body)[:MAX_LETTERS]
    rest = f"{body[: heading.start()]} {body[heading.end() :]}"
    return _clean(heading[1])[:200], _clean(rest)[:MAX_LETTERS]


def _clean(text: str) -> str:
    return _SPACE.sub(" ", _MARKS.sub(" ", text)).strip()
