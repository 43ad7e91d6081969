"""What items say: how it is kept, compared, searched, and cut down for those who may not see all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import msgspec

from yungu.scenarios.errors import ContentInvalid
from yungu.scenarios.models import (
    CapabilityContent,
    Content,
    Indicator,
    Language,
    Measurement,
    OpportunityContent,
    Side,
    Words,
)

MOST_TEXT = 8000
MOST_LINES = 60
_SHORT = 300
LANGUAGES: tuple[Language, ...] = get_args(Language)
CLASSES: Mapping[Side, type[OpportunityContent] | type[CapabilityContent]] = {
    "opportunity": OpportunityContent,
    "capability": CapabilityContent,
}


def pack(content: Content) -> dict[str, Any]:
    """As it is stored."""
    packed: dict[str, Any] = msgspec.to_builtins(content)
    return packed


def unpack(side: Side, packed: Mapping[str, Any]) -> Content:
    """Raises ContentInvalid for what is no content of that side."""
    try:
        return msgspec.convert(packed, CLASSES[side], strict=False)
    except msgspec.ValidationError as error:
        raise ContentInvalid("content", str(error)) from error


def check(content: Content) -> Content:
    """The content, trimmed. Raises ContentInvalid for texts that are too long, control characters, numbers out of
    range."""
    clean = _clean(content)
    if not 1 <= clean.capacity <= 1000:
        raise ContentInvalid("capacity", "between 1 and 1000")
    match clean:
        case OpportunityContent():
            _check_range("budget", clean.budget_least, clean.budget_most)
        case CapabilityContent():
            _check_range("price", clean.price_least, clean.price_most)
            if clean.maturity is not None and not 1 <= clean.maturity <= 9:
                raise ContentInvalid("maturity", "between 1 and 9")
    return clean


def differences(before: Content, after: Content) -> Sequence[str]:
    """The names of the fields in which they differ, in order."""
    names = [field.name for field in dataclasses.fields(after)]
    return [name for name in names if _packed(getattr(before, name)) != _packed(getattr(after, name))]


def masked(content: Content) -> Content:
    """Without what only its owner, operators and partners may see."""
    return replace(content, contact="")


def texts(content: Content, language: Language) -> Iterator[str]:
    """Its texts in one language, and those that have none where they are written in it."""
    for field in dataclasses.fields(content):
        value = getattr(content, field.name)
        if isinstance(value, Words):
            yield getattr(value, language)
    for name in _lines(content):
        if is_chinese(name) == (language == "zh"):
            yield name


def all_text(content: Content) -> str:
    """Everything to be found by."""
    words = [text for language in LANGUAGES for text in texts(content, language)]
    return "\n".join(text for text in [*words, _firm(content), content.region, *content.domains] if text)


def facets_of(content: Content) -> Mapping[str, Sequence[str]]:
    """What lists can be narrowed by."""
    found: dict[str, Sequence[str]] = {"domain": content.domains, "region": [content.region]}
    match content:
        case OpportunityContent():
            found |= {"mode": [content.mode], "unit_kind": [content.unit_kind], "budget": [budget_band(content)]}
        case CapabilityContent():
            found |= {"provider_kind": [content.provider_kind], "form": content.forms}
            found["maturity"] = [str(content.maturity)] if content.maturity else []
    return {name: list(dict.fromkeys(value[:100] for value in values if value)) for name, values in found.items()}


def budget_band(content: OpportunityContent) -> str:
    """``"-100k"``, ``"100k-1m"``, ``"1m-10m"``, ``"10m-"``, in yuan; "" where nothing is said."""
    most = content.budget_most or content.budget_least
    if most is None:
        return ""
    for limit, band in ((100_000, "-100k"), (1_000_000, "100k-1m"), (10_000_000, "1m-10m")):
        if most <= limit:
            return band
    return "10m-"


def title_of(content: Content, language: Language = "zh") -> str:
    other: Language = "en" if language == "zh" else "zh"
    return str(getattr(content.title, language) or getattr(content.title, other))


def metric_in(one: Indicator | Measurement, language: Language) -> str:
    """What is measured, in a language if it was written in it."""
    return (one.metric_en if language == "en" else "") or one.metric or one.metric_en


def method_in(one: Indicator, language: Language) -> str:
    """How it is tested, in a language if it was written in it."""
    return (one.method_en if language == "en" else "") or one.method or one.method_en


def in_both(text: str, english: str) -> str:
    """Two languages in one line, as files have them: "预测误差 / prediction error"."""
    return f"{text} / {english}" if text and english and text != english else text or english


def apart(line: str) -> tuple[str, str]:
    """The Chinese and the English of a line that has both; else the line, and ""."""
    text, _, english = (part.strip() for part in line.partition(" / "))
    return (text, english) if english and is_chinese(text) and not is_chinese(english) else (line, "")


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def _packed(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _firm(content: Content) -> str:
    return content.unit if isinstance(content, OpportunityContent) else content.provider


def _lines(content: Content) -> Iterator[str]:
    """What is measured, demanded and held."""
    match content:
        case OpportunityContent():
            for one in content.indicators:
                yield " ".join((one.metric, one.metric_en, one.method, one.method_en))
            yield from (one.value for one in content.constraints if one.value)
        case CapabilityContent():
            yield from (f"{one.metric} {one.metric_en}" for one in content.measurements)
            yield from (*content.certificates, *content.filings, *content.chips)


def _check_range(name: str, least: int | None, most: int | None) -> None:
    for value in (least, most):
        if value is not None and not 0 <= value < 10**15:
            raise ContentInvalid(f"{name}_least" if value is least else f"{name}_most", "no amount of yuan")
    if least is not None and most is not None and least > most:
        raise ContentInvalid(f"{name}_most", "less than the least")


def _clean(content: Content) -> Content:
    changed = {field.name: _clean_value(field.name, getattr(content, field.name)) for field in _fields(content)}
    return replace(content, **changed)


def _fields(content: Content) -> Sequence[dataclasses.Field[Any]]:
    return dataclasses.fields(content)


def _clean_value(name: str, value: Any) -> Any:
    match value:
        case str():
            return _clean_text(name, value, most=_SHORT)
        case Words():
            return Words(*(_clean_text(name, text, most=MOST_TEXT) for text in (value.zh, value.en)))
        case Indicator() | Measurement():
            if not abs(value.value) < 1e15:
                raise ContentInvalid(name, "a number is too large")
            return replace(value, value=float(value.value))
        case list() | tuple():
            if len(value) > MOST_LINES:
                raise ContentInvalid(name, f"at most {MOST_LINES} lines")
            return [found for one in value if (found := _clean_value(name, one)) not in ("", None)]
        case _:
            return value


def _clean_text(name: str, text: str, *, most: int) -> str:
    text = "".join(letter for letter in text.replace("\r\n", "\n") if letter >= " " or letter in "\n\t").strip()
    if len(text) > most:
        raise ContentInvalid(name, f"at most {most} characters")
    return text
