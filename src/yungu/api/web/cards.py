"""Repo cards and other Markdown as safe HTML: GitHub's dialect, sanitised, links led into the repo.

Markdown may hold HTML, so what counts is the sanitiser after it: an allow list of tags, attributes and classes. Images
from elsewhere are left out (a page asks nobody but this server); their alternative text stays.

Some texts were made to take long. None takes more than half a second of the processor: what is not laid out by then is
shown as it was written."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape, unescape
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from markupsafe import Markup

from yungu.api.web import code, mathematics

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline

MAX_MARKDOWN_BYTES = 512 * 1024
"""Of a file, its front matter included."""
MAX_BODY_CHARACTERS = 128 * 1024
_MOST_LINES = 20_000
_MOST_SECONDS = 0.3
"""Of processor time for reading a text; drawing what was read takes about half as long."""
_MOST_HIGHLIGHTED = 20_000
_MOST_DEPTH = 500
"""The sanitiser takes longer with every level that is left open."""
_OPEN_OR_END = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
_SELF_ENDING = set("br hr img input wbr col source p li dt dd td th tr thead tbody tfoot".split())
_PLAIN = '<pre class="as-written" tabindex="0">'
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n.*?^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r'<h([123]) id="([^"]{1,300})"[^>]*>(.{0,2000}?)</h\1>', re.DOTALL)
_TAG = re.compile("<[^>]*>")
_MOST_HEADINGS = 60
_ANCHORED = ("h1", "h2", "h3", "h4")
_NO_ANCHOR = re.compile(r"[^\w\- ]")
_TAGS = set(
    "a abbr b blockquote br center code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i "
    "img input ins kbd li mark ol p pre q s samp section small span strike strong sub summary sup table tbody "
    "td tfoot th thead tr tt u ul var".split()
)
_HEADINGS = {f"h{level}" for level in range(1, 7)}
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"align", "title", "lang", "dir"},
    "a": {"href", "id", "class"},
    "img": {"src", "alt", "width", "height"},
    "input": {"type", "checked", "disabled"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start"},
    "details": {"open"},
    "li": {"id"},
} | {name: {"id"} for name in _HEADINGS}
_CLASSES = {
    "li": {"task-list-item", "footnote-item"},
    "ul": {"contains-task-list"},
    "ol": {"footnotes-list"},
    "sup": {"footnote-ref"},
    "section": {"footnotes"},
    "div": {f"markdown-alert{kind}" for kind in ("", "-note", "-tip", "-important", "-warning", "-caution")}
    | mathematics.CLASSES,
    "p": {"markdown-alert-title"},
}
_ID_PREFIX = "c-"  # a card's own anchors can never be taken for ids of the page


@lru_cache(maxsize=128)
def render_markdown(text: str, links: str, images: str, folder: str = "") -> Markup:
    """HTML that may stand on a page. ``links`` and ``images``: where relative addresses lead, without trailing slash;
    ``folder``: where in the repo the text lies."""
    body = _FRONT_MATTER.sub("", text, count=1)
    is_reasonable = len(body) <= MAX_BODY_CHARACTERS and body.count("\n") <= _MOST_LINES
    html = _lay_out(body) if is_reasonable else None
    if html is None:
        return Markup(f"{_PLAIN}{escape(body)}</pre>")  # noqa: S704 - escaped
    return clean_html(html, links, images, folder)


def is_as_written(html: str) -> bool:
    """Whether ``render_markdown`` could do no more than show the text."""
    return html.startswith(_PLAIN)


def clean_html(html: str, links: str, images: str, folder: str = "") -> Markup:
    """Somebody's HTML, sanitised, with the formulas in it drawn."""
    return Markup(mathematics.draw(_clean(html, _Target(links, images, folder))))  # noqa: S704 - sanitised


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    anchor: str
    text: str


def list_headings(html: str) -> Sequence[Heading]:
    """What a table of contents names: the headings of the first three levels."""
    found = (Heading(int(level), anchor, _words(inner)) for level, anchor, inner in _HEADING.findall(html))
    return [heading for heading in found if heading.text][:_MOST_HEADINGS]


def _words(html: str) -> str:
    return " ".join(unescape(_TAG.sub("", html)).split())[:120]


class _TooIntricate(Exception):
    """The time is over."""


_ends_at: ContextVar[float] = ContextVar("ends_at")


class _Watched(list[Any]):
    """The pieces of a text, as they are found."""

    def append(self, piece: Any) -> None:
        _check_time()
        super().append(piece)


def _lay_out(body: str) -> str | None:
    """Somebody's HTML, not yet safe; None when the text is too intricate."""
    from markdown_it.rules_core import StateCore

    parser = _parser()
    state = StateCore(body, parser, {})
    state.tokens = _Watched()
    try:
        with _limited_time():
            parser.core.process(state)
            html = str(parser.renderer.render(state.tokens, parser.options, state.env))
    except _TooIntricate:
        return None
    return html if _depth(html) <= _MOST_DEPTH else None


def _depth(html: str) -> int:
    """How deep elements are nested at most, of those that only a tag of their own can end."""
    depth = deepest = 0
    for is_end, name in _OPEN_OR_END.findall(html):
        if name not in _SELF_ENDING:
            depth = max(0, depth + (-1 if is_end else 1))
            deepest = max(deepest, depth)
    return deepest


@contextmanager
def _limited_time() -> Iterator[None]:
    token = _ends_at.set(time.thread_time() + _MOST_SECONDS)
    try:
        yield
    finally:
        _ends_at.reset(token)


def _check_time() -> None:
    if time.thread_time() > _ends_at.get():
        raise _TooIntricate


def _watch(_state: StateInline, _is_silent: bool) -> bool:
    """A rule that never holds, asked before the others wherever a piece of a line may begin."""
    _check_time()
    return False


class _Target:
    """Leads addresses found in a text to where they point in the repo; "/x" is a page of this site, as in cards written
    for other hubs."""

    def __init__(self, links: str, images: str, folder: str) -> None:
        self._links = links
        self._images = images
        self._folder = folder

    def link(self, address: str) -> str | None:
        if address.startswith("#"):
            return f"#{_ID_PREFIX}{address[1:]}"
        return self._inside(self._links, address) if _is_relative(address) else address

    def image(self, address: str) -> str | None:
        return self._inside(self._images, address) if _is_relative(address) else None

    def _inside(self, base: str, address: str) -> str | None:
        if address.startswith("/"):
            return address
        parts = urlsplit(address)
        path = _normal(unquote(parts.path), self._folder)
        if path is None:
            return None
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        return f"{base}/{quote(path, safe='/')}{fragment}" if path else base


def _is_relative(address: str) -> bool:
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc and not address.startswith(("//", "\\"))


def _normal(path: str, folder: str) -> str | None:
    """The path from the root of the repo, None when it climbs out."""
    segments = [part for part in folder.split("/") if part]
    for part in path.split("/"):
        if part == "..":
            if not segments:
                return None
            segments.pop()
        elif part not in ("", "."):
            segments.append(part)
    return "/".join(segments)


def _clean(html: str, target: _Target) -> str:
    import nh3

    def keep(tag: str, name: str, value: str) -> str | None:
        if name == "id":
            return _ID_PREFIX + value
        if name == "href":
            return _without_error(target.link, value)
        if name == "src":
            return _without_error(target.image, value)
        if tag == "input" and name == "type":
            return value if value == "checkbox" else None
        return value

    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={name: values - {"class"} for name, values in _ATTRIBUTES.items()},
        attribute_filter=keep,
        allowed_classes=_CLASSES
        | {
            "span": code.CLASSES | mathematics.CLASSES,
            "a": {"footnote-backref"},
            "pre": {"code", "mermaid"} | mathematics.CLASSES,
        },
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow ugc noopener noreferrer",
        set_tag_attribute_values={"input": {"disabled": ""}, "pre": {"tabindex": "0"}},
    )


def _without_error(lead: Any, value: str) -> str | None:
    try:
        found: str | None = lead(value)
    except ValueError:  # urlsplit refuses broken IPv6 addresses
        return None
    return found


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.gfm import gfm_plugin

    parser = MarkdownIt("commonmark", {"html": True, "highlight": _highlight}).use(gfm_plugin)
    parser.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    parser.core.ruler.push("anchors", _set_anchors)
    parser.inline.ruler.before("text", "watch", _watch)
    return parser


def _set_anchors(state: StateCore) -> None:
    """Give each heading an anchor of its own, as GitHub spells them, in a time that grows with their number only."""
    taken, repeats = set[str](), Counter[str]()
    for opening, inline in pairwise(state.tokens):
        if opening.type == "heading_open" and opening.tag in _ANCHORED:
            words = "".join(part.content for part in inline.children or () if part.type in ("text", "code_inline"))
            anchor = slug = _NO_ANCHOR.sub("", words.lower().replace(" ", "-"))
            while anchor in taken:
                repeats[slug] += 1
                anchor = f"{slug}-{repeats[slug]}"
            taken.add(anchor)
            opening.attrSet("id", anchor)


def _highlight(text: str, language: str, _attributes: str) -> str:
    if language == "math":
        return f'<pre class="math block">{escape(text)}</pre>'
    if language == "mermaid":
        return f'<pre class="code mermaid"><code>{escape(text)}</code></pre>'
    _check_time()
    is_marked = language and len(text) <= _MOST_HIGHLIGHTED
    shown = code.highlight(text, language=language) if is_marked else escape(text)
    return f'<pre class="code"><code>{shown}</code></pre>'
