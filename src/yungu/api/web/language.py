"""Two languages: English is what the source says, Chinese comes from ``locale/zh_CN/LC_MESSAGES/messages.po``.

The catalogue is shipped as text and compiled in memory for the first page that needs it (about 0.1 s, once)."""

from __future__ import annotations

import gettext
import io
from functools import cache
from importlib.resources import files
from typing import Literal

from yungu.api.http import Call

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
COOKIE = "yungu_lang"


def choose_language(call: Call) -> Language:
    """By ``?lang=``, then the cookie, then ``Accept-Language``; English when nothing is known."""
    for said in (call.query_params.get("lang"), call.cookies.get(COOKIE)):
        if said in LANGUAGES:
            return said
    return accepted_language(call.headers.get("accept-language", ""))


def accepted_language(header: str) -> Language:
    """The best of ours by an ``Accept-Language`` header (RFC 9110 section 12.5.4)."""
    best: Language = "en"
    best_weight = 0.0
    for part in header[:1000].split(","):
        tag, _, parameters = part.strip().partition(";")
        language = tag.strip().lower().split("-")[0]
        weight = _weight(parameters)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def marked(message: str) -> str:
    """Marks a sentence for the catalogue; it is translated where it is shown."""
    return message


@cache
def translations(language: Language) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    source = files(__package__) / "locale" / "zh_CN" / "LC_MESSAGES" / "messages.po"
    with source.open("rb") as file:
        catalog = read_po(file, locale="zh_CN")
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
