"""Formulas in LaTeX as MathML, which browsers draw. What somebody wrote becomes text in known elements only."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

CLASSES = {"math", "inline", "block"}
"""The classes that mark a formula in sanitised HTML."""
MAX_CHARACTERS = 2000
_MAX_TOTAL_CHARACTERS = 40_000
_MAX_DEPTH = 60
_FORMULA = re.compile(r'<(span|div|pre) class="math (inline|block)"(?: tabindex="0")?>([^<]*)</\1>')
_CLOSING = ("}", r"\right", r"\end")
_BRACKET = re.compile(r"[{}]|\\left|\\right|\\begin|\\end")
_ELEMENTS = set(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts "
    "mprescripts none mtable mtr mtd mpadded mphantom mstyle menclose".split()
)
_ATTRIBUTES = set(
    "display mathvariant displaystyle scriptlevel stretchy fence form separator accent accentunder movablelimits "
    "largeop symmetric lspace rspace minsize maxsize linethickness width height depth columnalign rowspacing "
    "columnspacing columnlines rowlines notation".split()
)
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_VALUE = re.compile(r"[A-Za-z0-9 .+%-]{0,60}")


def draw(html: str) -> str:
    """Sanitised HTML with its formulas drawn. One that is too long or cannot be read stays as it was written.

    In such HTML a quotation mark within an attribute is always an entity, so what looks like the element is one."""
    left = _MAX_TOTAL_CHARACTERS

    def replace(found: re.Match[str]) -> str:
        nonlocal left
        latex, is_block = unescape(found[3]).strip(), found[1] != "span"
        left -= len(latex)
        drawn = to_mathml(latex, is_block=is_block) if left >= 0 and len(latex) <= MAX_CHARACTERS else ""
        if not drawn:
            return found[0]
        return f'<div class="formula" tabindex="0">{drawn}</div>' if is_block else drawn

    return _FORMULA.sub(replace, html)


@lru_cache(maxsize=2048)
def to_mathml(latex: str, *, is_block: bool) -> str:
    """Empty when the formula cannot be read."""
    from latex2mathml.converter import convert_to_element

    if _depth(latex) > _MAX_DEPTH:
        return ""
    try:
        return _write(convert_to_element(latex, display="block" if is_block else "inline"))
    except Exception:  # noqa: BLE001 - the converter answers nonsense with many kinds of errors
        return ""


def _depth(latex: str) -> int:
    """How deep the formula is nested at most: the converter calls itself for each level."""
    depth = deepest = 0
    for mark in _BRACKET.findall(latex):
        depth += -1 if mark in _CLOSING else 1
        deepest = max(deepest, depth)
    return deepest


def _write(element: Element) -> str:
    inside = escape(_text(element.text)) + "".join(map(_write, element))
    if element.tag in _ELEMENTS:
        inside = f"<{element.tag}{_attributes(element)}>{inside}</{element.tag}>"
    return inside + escape(_text(element.tail))


def _text(text: str | None) -> str:
    r"""What the converter wrote; of a command that it does not know (``\arg``) the name."""
    return _COMMAND.sub(r"\1", unescape(text or ""))


def _attributes(element: Element) -> str:
    pairs = ((name, value) for name, value in element.items() if name in _ATTRIBUTES and _VALUE.fullmatch(value))
    return "".join(f' {name}="{value}"' for name, value in pairs)
