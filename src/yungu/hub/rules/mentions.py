"""Who is called by name in a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

MAX_MENTIONS = 20
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_MENTION = re.compile(r"(?<![\w@/.`-])@([A-Za-z0-9][\w.-]{0,95}[A-Za-z0-9_]|[A-Za-z0-9])")


def find_mentions(text: str) -> tuple[str, ...]:
    """The names behind ``@`` in Markdown, casefolded, each once, without those in code; at most twenty."""
    names = dict.fromkeys(name.casefold() for name in _MENTION.findall(_CODE.sub(" ", text)))
    return tuple(names)[:MAX_MENTIONS]


def link_mentions(text: str, names: Collection[str], owner_page: Callable[[str], str]) -> str:
    """The Markdown with those mentions as links whose casefolded names are among ``names``."""

    def link(found: re.Match[str]) -> str:
        name = found[1]
        return f"[@{name}]({owner_page(name)})" if name.casefold() in names else found[0]

    pieces, end = list[str](), 0
    for code in _CODE.finditer(text):
        pieces += [_MENTION.sub(link, text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*pieces, _MENTION.sub(link, text[end:])])
