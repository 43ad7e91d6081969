"""Names of firms as lists write them: with what they hold in brackets, with and without their legal form."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping

from yungu.scenarios.models import UnitKind

_BRACKETS = re.compile(r"[（(【\[]([^（()）【】\[\]]*)[)）】\]]")
_HELD = re.compile(
    r"(资质|高新|专精特新|小巨人|认证|瞪羚|独角兽|上市|甲级|乙级|国企|央企|民营|ISO|CMMI|certified|qualified|licen[cs]ed)",
    re.IGNORECASE,
)
_LEGAL = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|集团公司|分公司|公司|"
    r"[\s,.]+(?:co\.?,?\s*ltd|ltd|limited|inc|corp(?:oration)?|gmbh|llc|plc)\.?)$",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\W_]+")
_KINDS: tuple[tuple[UnitKind, re.Pattern[str]], ...] = (
    ("hospital", re.compile(r"医院|卫生院|hospital", re.IGNORECASE)),
    ("school", re.compile(r"学校|中学|小学|大学|学院|幼儿园|school|university|college", re.IGNORECASE)),
    (
        "government",
        re.compile(
            r"(局|委员会|管委会|委|厅|政府|街道|公安|总队|支队|中心|处)$|新区$|bureau|government", re.IGNORECASE
        ),
    ),
    ("state_owned", re.compile(r"国网|国有|集团|中国|城投|水务|地铁|state[- ]owned", re.IGNORECASE)),
    ("private", re.compile(r"公司|合作社|厂|ltd|inc|company|firm", re.IGNORECASE)),
)


def bare_name(name: str) -> str:
    """Without bracketed qualifications ("云栖智能有限公司（高新资质）"); other brackets are a part of the name."""
    plain = " ".join(unicodedata.normalize("NFKC", name).split())
    return _BRACKETS.sub(lambda found: "" if _HELD.search(found[1]) else found[0], plain).strip(" ,，;；")


def held(name: str) -> list[str]:
    """The qualifications in its brackets."""
    return [found.strip() for found in _BRACKETS.findall(unicodedata.normalize("NFKC", name)) if _HELD.search(found)]


def firm_key(name: str) -> str:
    """The same for the same firm: letters only, without legal form."""
    plain = bare_name(name).casefold()
    while (shorter := _LEGAL.sub("", plain).strip()) != plain and shorter:
        plain = shorter
    return _MARKS.sub("", plain)[:200]


def resolve(name: str, aliases: Mapping[str, str]) -> str:
    """What the firm is called here."""
    return aliases.get(firm_key(name), bare_name(name))


def guess_unit_kind(name: str) -> UnitKind:
    return next((kind for kind, pattern in _KINDS if pattern.search(bare_name(name))), "other")


def entry_key(side: str, firm: str, title: str) -> str:
    """What an item is recognised by in the next file of a series: its firm and its title, marks and case apart."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKC", title)).casefold()
    return hashlib.sha256(f"{side}\0{firm_key(firm)}\0{plain}".encode()).hexdigest()[:40]
