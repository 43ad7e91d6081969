"""Who is called by name in a text."""

from __future__ import annotations

import re

MAX_MENTIONS = 20
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_MENTION = re.compile(r"(?<![\w@/.`-])@([A-Za-z0-9][\w.-]{0,95}[A-Za-z0-9_]|[A-Za-z0-9])")


def find_mentions(text: str) -> tuple[str, ...]:
    """The names behind ``@`` in Markdown, casefolded, each once, without those in code; at most twenty."""
    names = dict.fromkeys(name.casefold() for name in _MENTION.findall(_CODE.sub(" ", text)))
    return tuple(names)[:MAX_MENTIONS]
