"""What of an item is read: its fields as texts, its words with how much each counts, what it means in one language."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from yungu.scenarios.models import CapabilityContent, Content, Language, OpportunityContent, Words
from yungu.scenarios.rules import contents, domains
from yungu.search import words

FIELD_WEIGHTS: Mapping[str, float] = {
    "title": 3.0, "pain": 2.0, "problem": 2.0, "indicators": 1.0, "route": 1.5, "background": 1.0, "baseline": 0.5,
    "offered": 0.5, "cases": 0.7, "domains": 1.0,
}  # fmt: skip
_MEANT = ("title", "pain", "problem", "background", "route", "cases")
"""Of these an embedding is made, the title first; the rest is compared field by field."""
_MOST_LETTERS = 600
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{2,}")
_STOP = frozenset(
    "a an and are as at be by for from has in into is it its no not of on or our that the their this to was we which "
    "with 的 了 和 是 在 与 及 或 等 对 为 将 可 我们 进行 实现 通过 以及 目前 一个".split()
)


def fields_of(content: Content) -> Sequence[tuple[str, str]]:
    """Every text by the name of its field, ``title.zh`` for one language of it, in the order in which they are read."""
    return [(name, text) for name, text in _fields(content) if text]


def terms_of(content: Content) -> dict[str, float]:
    """Each word, in Chinese also each pair of characters, with how often it stands there, weighted by field."""
    found: dict[str, float] = {}
    for name, text in fields_of(content):
        weight = FIELD_WEIGHTS[name.partition(".")[0]]
        for term in terms(text):
            found[term] = found.get(term, 0.0) + weight
    return found


def terms(text: str) -> Iterator[str]:
    """The words of a text without the most common ones, each as often as it stands there; English in one number; pairs
    of Chinese characters that are no words."""
    plain = words.normal(text)
    cut = [word for word in words.text_words(plain).split() if word not in _STOP]
    yield from (_singular(word) for word in cut if len(word) > 1 or word.isdigit())
    whole = set(cut)
    for run in _HAN.findall(plain):
        yield from (pair for at in range(len(run) - 1) if (pair := run[at : at + 2]) not in whole)


def languages_of(content: Content) -> frozenset[Language]:
    """In which languages it says what it is about."""
    return frozenset(language for language in contents.LANGUAGES if _meant(content, language))


def meanings_of(content: Content) -> Sequence[str]:
    """What an embedding is made of: one text for each language in which it is written."""
    return [text for language in contents.LANGUAGES if (text := _meant(content, language))]


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _meant(content: Content, language: Language) -> str:
    texts = [getattr(getattr(content, name, None), language, "") for name in _MEANT]
    return "\n".join(text for text in texts if text)[:_MOST_LETTERS]


def _fields(content: Content) -> Iterator[tuple[str, str]]:
    for name in ("title", "pain", "problem", "background", "route", "baseline", "offered", "cases"):
        value = getattr(content, name, None)
        if isinstance(value, Words):
            yield from ((f"{name}.zh", value.zh), (f"{name}.en", value.en))
    match content:
        case OpportunityContent():
            yield (
                "indicators",
                "; ".join(_said(one.metric, one.metric_en, one.method, one.method_en) for one in content.indicators),
            )
        case CapabilityContent():
            yield "indicators", "; ".join(_said(one.metric, one.metric_en) for one in content.measurements)
    named = [domains.name_of(code) for code in domains.codes(content.domains)]
    yield "domains", "; ".join(f"{name.zh} {name.en}" if name.zh != name.en else name.zh for name in named)


def _said(*texts: str) -> str:
    return " ".join(text for text in texts if text)


def _singular(word: str) -> str:
    if len(word) > 4 and word.isascii() and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
