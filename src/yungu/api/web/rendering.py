"""Templates to responses: one environment per language, and the headers that every page carries."""

from __future__ import annotations

import hashlib
import zlib
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, RedirectResponse, Response

from yungu.api.http.auth import SESSION_COOKIE
from yungu.api.web import assets, charts, licences, naming, urls
from yungu.api.web.language import COOKIE, LANGUAGES, Language, translations
from yungu.api.web.visit import TOLD_COOKIE, Visit
from yungu.credits import CREDIT, credits_text
from yungu.kernel import clock

if TYPE_CHECKING:
    from jinja2 import Environment

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "private, no-cache",
    "vary": "cookie, accept-language",
}
YEAR_SECONDS = 365 * 24 * 3600


@cache
def environment(language: Language) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # 0.2 s to load, needed only when somebody looks

    made = Environment(
        loader=PackageLoader("yungu.api.web"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    words = translations(language)
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {"bytes": format_bytes, "count": format_count, "ago": partial(format_ago, language), "tone": tone}
    made.filters |= {"identicon": identicon, "credits": credits_text, "rounded": format_credits}
    made.globals |= {"urls": urls, "asset": assets.address, "language": language, "languages": LANGUAGES}
    made.globals |= {"draw_chart": charts.draw_chart, "draw_calendar": charts.draw_calendar}
    made.globals |= {"facet_value": partial(naming.facet_value, language)}
    made.globals |= {"licence_name": partial(licences.licence_name, language)}
    made.globals["ui"] = made.get_template("parts/ui.html").module
    return made


def page(visit: Visit, template: str, status: int = 200, **context: Any) -> Response:
    """The template, with ``visit`` and ``context`` in it."""
    html = environment(visit.language).get_template(template).render(visit=visit, **context)
    response = HTMLResponse(html, status, dict(_HEADERS))
    _set_cookies(visit, response)
    if TOLD_COOKIE in visit.call.cookies:
        response.delete_cookie(TOLD_COOKIE, samesite="lax", secure=_is_secure(visit), httponly=True)
    return response


def see_other(visit: Visit, target: str, *, told: str = "") -> Response:
    """Where to go after a form was taken; the page there says ``told`` once."""
    response = RedirectResponse(target, 303, {"cache-control": "no-store", "referrer-policy": "same-origin"})
    _set_cookies(visit, response)
    if told:
        secure = _is_secure(visit)
        response.set_cookie(TOLD_COOKIE, visit.tell(told), max_age=60, samesite="lax", secure=secure, httponly=True)
    return response


def _is_secure(visit: Visit) -> bool:
    return visit.call.origin.startswith("https:")


def _set_cookies(visit: Visit, response: Response) -> None:
    secure = _is_secure(visit)
    if visit.call.query_params.get("lang") in LANGUAGES:
        response.set_cookie(COOKIE, visit.language, max_age=YEAR_SECONDS, samesite="lax", secure=secure, httponly=True)
    if visit.has_stale_cookie:
        response.delete_cookie(SESSION_COOKIE, samesite="lax", secure=secure, httponly=True)


# --- filters


def format_bytes(count: int) -> str:
    """``1.5 MB``: powers of 1000, as the hubs show them."""
    return f"{count} B" if count < 1000 else _scaled(count, (" kB", " MB", " GB", " TB", " PB"))


def format_count(count: int) -> str:
    """``12.3k``: three digits that matter."""
    return str(count) if count < 1000 else _scaled(count, ("k", "M", "B", "T"))


def format_credits(amount: int) -> str:
    """Micro-credits as credits with three digits that matter, for charts: ``12.3``, ``0.0042``."""
    value = amount / CREDIT
    return format_count(round(value)) if abs(value) >= 1000 else f"{float(f'{value:.3g}'):f}".rstrip("0").rstrip(".")


def _scaled(count: int, units: tuple[str, ...]) -> str:
    size, place = count / 1000, 0
    while size >= 999.5 and place < len(units) - 1:
        size, place = size / 1000, place + 1
    return f"{size:.0f}{units[place]}" if size >= 100 else f"{size:.3g}{units[place]}"


def format_ago(language: Language, moment: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    words = translations(language)
    seconds = max(0, int((clock.now() - moment).total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days >= 365:
        text, number = words.ngettext("%(num)d year ago", "%(num)d years ago", days // 365), days // 365
    elif days >= 30:
        text, number = words.ngettext("%(num)d month ago", "%(num)d months ago", days // 30), days // 30
    elif days >= 1:
        text, number = words.ngettext("%(num)d day ago", "%(num)d days ago", days), days
    elif hours >= 1:
        text, number = words.ngettext("%(num)d hour ago", "%(num)d hours ago", hours), hours
    elif minutes >= 1:
        text, number = words.ngettext("%(num)d minute ago", "%(num)d minutes ago", minutes), minutes
    else:
        return words.gettext("just now")
    return text % {"num": number}


def tone(name: str) -> int:
    """One of eight colours for a name, always the same one."""
    return zlib.crc32(name.casefold().encode()) % 8


def identicon(name: str) -> str:
    """A picture of 5 by 5 squares for a name, always the same one, as the path of an SVG."""
    bits = int.from_bytes(hashlib.sha256(name.casefold().encode()).digest()[:4])
    squares = [(x, y) for x in range(3) for y in range(5) if bits >> (x * 5 + y) & 1] or [(2, 2)]
    return "".join(f"M{column} {y}h1v1h-1z" for x, y in squares for column in sorted({x, 4 - x}))
