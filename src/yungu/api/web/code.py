"""Source text with its words marked by class, for the stylesheet to colour."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from pygments.formatter import Formatter
    from pygments.lexer import Lexer

MAX_HIGHLIGHT_CHARACTERS = 200_000
MAX_LINE_CHARACTERS = 5_000
CLASSES = set(
    "bp c c1 ch cm cp cpf cs dl err esc fm g gd ge gh gi gp gr gs gt gu k kc kd kn kp kr kt l ld m mb mf mh "
    "mi mo n na nb nc nd ne nf ni nl nn no nt nv o ow p s s1 s2 sa sb sc sd se sh si sr ss sx vc vg vi vm w x "
    "il".split()
)
"""The classes that may come out."""


@lru_cache(maxsize=256)
def highlight(text: str, *, language: str = "", filename: str = "") -> Markup:
    """HTML of ``text``, line by line the same as it. Plain when the language is unknown or the text very long."""
    lexer = _lexer(language, filename) if _is_reasonable(text) else None
    if lexer is None:
        return escape(text)
    from pygments import highlight as mark

    return Markup(mark(text, lexer, _formatter()).rstrip("\n"))  # noqa: S704 - pygments escapes


def highlight_lines(text: str, filename: str) -> list[Markup]:
    """The same, one item per line. A mark never spans lines."""
    lines = highlight(text.removesuffix("\n"), filename=filename).split("\n")
    return [Markup(line) for line in lines]  # noqa: S704 - pieces of what was escaped above


def _is_reasonable(text: str) -> bool:
    return len(text) <= MAX_HIGHLIGHT_CHARACTERS and max(map(len, text.split("\n"))) <= MAX_LINE_CHARACTERS


def _lexer(language: str, filename: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
    from pygments.util import ClassNotFound

    try:
        if language:
            return get_lexer_by_name(language, stripnl=False, ensurenl=False)
        return get_lexer_for_filename(filename.rpartition("/")[2], stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@cache
def _formatter() -> Formatter[str]:
    from pygments.formatters.html import HtmlFormatter

    return HtmlFormatter(nowrap=True)
