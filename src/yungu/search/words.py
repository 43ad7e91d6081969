"""Words of texts, names and queries, Chinese and others: what is indexed and what is looked for. No index here.

Chinese has no spaces: running text is cut by a dictionary (rjieba), names and titles also into pairs of characters,
which find what no dictionary knows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from yungu.search.models import Piece

MAX_WORDS = 12
"""Of a query; the rest is not looked at."""
MAX_START = 24
"""Letters of a beginning that are told apart."""
_MAX_LETTERS = 40
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = "0-9A-Za-z\u00b5\u00c0-\u02af\u0370-\u1fff\u3040-\u30ff\uac00-\ud7af"
_HAN_RUN = re.compile(rf"[{_HAN}]+")
_LATIN_RUN = re.compile(rf"[{_LETTER}]+(?:[.+#][{_LETTER}]+)*")
_RUN = re.compile(f"{_HAN_RUN.pattern}|{_LATIN_RUN.pattern}")
_STEM = re.compile(r"(?<![^\W_])[^\W\d_]{2,}(?=\d)")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+")
_NOT_LETTER = re.compile(rf"[^{_LETTER}]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query. ``is_minor``: a single Chinese character among longer words, good to have."""

    text: str
    is_han: bool
    is_minor: bool = False


def query_words(text: str) -> Sequence[Word]:
    """What a query asks for, each word once."""
    found: dict[str, Word] = {}
    for run in _runs(text):
        if _is_han(run):
            cut = [part for part in _cut(run) if part]
            found |= {part: Word(part, True, len(part) == 1 and len(cut) > 1) for part in cut}
        else:
            found |= {run.casefold(): Word(run.casefold(), False)}
    return list(found.values())[:MAX_WORDS]


def text_words(text: str) -> str:
    """The words of running text, separated by spaces."""
    text = normal(text).casefold()
    han = " ".join(_HAN_RUN.findall(text))
    return " ".join([*_latin(text), *(_cut_for_search(han) if han else ())])


def name_words(name: str) -> str:
    """The words of a name or title: also parts of CamelCase, stems before numbers, single Chinese characters."""
    found: list[str] = []
    for run in _runs(name):
        if _is_han(run):
            found += [*_cut_for_search(run), *run]
        else:
            found += [*_latin(run.casefold()), *_humps(run)]
    return " ".join(dict.fromkeys(found))


def name_grams(*names: str) -> str:
    """Pairs of Chinese characters and triples of letters in the order in which they stand: a phrase of them is a part
    of the name. Separators do not count, so "deepseekr1" is a part of "DeepSeek-R1"."""
    return " ".join(gram for name in names for gram in [*grams(name), "/"])


def grams(name: str) -> Sequence[str]:
    """The pairs and triples of one name or of a part of it."""
    found: list[str] = []
    for run in _HAN_RUN.findall(normal(name)):
        found += [run[at : at + 2] for at in range(len(run) - 1)]
    letters = squeezed(name)
    return [*found, *(letters[at : at + 3] for at in range(len(letters) - 2))]


def name_starts(names: Iterable[str], found: Iterable[str]) -> str:
    """Every beginning of the names as a whole, and of the words in them."""
    whole = {start_of(name[:end]) for name in names for end in range(1, min(len(name), MAX_START) + 1)}
    parts = {word[:end] for word in found if not _is_han(word) for end in range(1, min(len(word), MAX_START) + 1)}
    return " ".join(form for form in whole | parts if " " not in form)


def start_of(name: str) -> str:
    """A name that begins so, as a word of its own."""
    return "^" + name[:MAX_START].replace(" ", "_")


def squeezed(name: str) -> str:
    """Letters and digits alone."""
    return _NOT_LETTER.sub("", normal(name)).casefold()


def normal(text: str) -> str:
    """One form for what looks the same: full-width letters become plain ones."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def exact_names(name: str) -> Sequence[str]:
    """The forms of a name that a query can be equal to, or begin."""
    whole = name.casefold()
    last = whole.rpartition("/")[2]
    return list(dict.fromkeys(form for form in (whole, last, squeezed(last)) if form))


def highlight(text: str, words: Iterable[str], *, length: int = 180) -> Sequence[Piece]:
    """The part of ``text`` with the most of ``words`` in it, about ``length`` characters, the words marked."""
    wanted = sorted({word for word in words if word}, key=len, reverse=True)
    if not wanted:
        return _pieces(text, [], 0, length)
    pattern = re.compile("|".join(_as_pattern(word) for word in wanted), re.IGNORECASE)
    spans = [match.span() for _, match in zip(range(200), pattern.finditer(text), strict=False)]
    return _pieces(text, spans, _best_start(text, spans, length), length)


class Typed:
    """A word as somebody typed it, not empty, made ready to be held against many others."""

    def __init__(self, word: str) -> None:
        self._letters = frozenset(word)
        self._length = len(word)
        self._places: dict[str, int] = {}
        for at, letter in enumerate(word):
            self._places[letter] = self._places.get(letter, 0) | 1 << at

    def find_near(self, others: Iterable[str], mistakes: int) -> list[str]:
        """Those of the others that are so many typing mistakes away, no more and no less."""
        least, most, off = self._length - mistakes, self._length + mistakes, self._letters.symmetric_difference
        likely = [other for other in others if least <= len(other) <= most and len(off(other)) <= 2 * mistakes]
        return [other for other in likely if self.distance(other) == mistakes]

    def distance(self, other: str) -> int:
        """Insertions, deletions, replacements and swaps of neighbours, the typing mistakes of Damerau and Levenshtein.

        Optimal string alignment, a column of the table at once in the bits of a number: H. Hyyrö, A bit-vector
        algorithm for computing Levenshtein and Damerau edit distances, 2003."""
        count = self._length
        last, every = 1 << count >> 1, (1 << count) - 1
        rises, falls, same, before = every, 0, 0, 0
        for letter in other:
            here = self._places.get(letter, 0)
            swapped = (~same & here) << 1 & before
            same = ((here & rises) + rises ^ rises) | here | falls | swapped
            up, down = falls | ~(same | rises) & every, same & rises
            count += bool(up & last) - bool(down & last)
            up = up << 1 | 1
            rises, falls = (down << 1 | ~(same | up)) & every, up & same & every
            before = here
        return count


def mistakes_allowed(word: str) -> int:
    """How many typing mistakes a word of that length may have and still be recognised."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2


def _runs(text: str) -> Iterator[str]:
    return (run for run in _RUN.findall(normal(text)) if len(run) <= _MAX_LETTERS or _is_han(run))


def _is_han(run: str) -> bool:
    return _HAN_RUN.match(run) is not None


def _latin(text: str) -> list[str]:
    """Words that are not Chinese, with their parts: "2.5" has "2" and "5", "qwen2" has "qwen"."""
    whole = [word for word in _LATIN_RUN.findall(text) if len(word) <= _MAX_LETTERS]
    parts = [part for word in whole if "." in word for part in word.split(".")]
    return [*whole, *parts, *_STEM.findall(text)]


def _humps(run: str) -> list[str]:
    """ "deep", "seek" of "DeepSeek"."""
    parts = [part.casefold() for part in _CAMEL.findall(run) if not part.isdigit()]
    return [part for part in parts if len(part) > 1] if len(parts) > 1 else []


def _cut(run: str) -> list[str]:
    import rjieba  # 0.5 s and 32 MB to load, needed only when Chinese is met

    return list(rjieba.cut(run))


def _cut_for_search(text: str) -> list[str]:
    import rjieba

    return [word for word in rjieba.cut_for_search(text) if word != " "]


def _as_pattern(word: str) -> str:
    return re.escape(word) if _is_han(word) else rf"(?<![{_LETTER}]){re.escape(word)}"


def _best_start(text: str, spans: Sequence[tuple[int, int]], length: int) -> int:
    best, start = 0, 0
    for first, _ in spans:
        inside = {text[a:b].casefold() for a, b in spans if first <= a and b <= first + length * 3 // 4}
        if len(inside) > best:
            best, start = len(inside), first
    return max(0, start - length // 4) if start > length // 2 else 0


def _pieces(text: str, spans: Sequence[tuple[int, int]], start: int, length: int) -> Sequence[Piece]:
    if start:
        start = text.find(" ", start, start + 12) + 1 or start
    end, at = min(len(text), start + length), start
    found = [Piece("…")] if start else []
    for first, last in spans:
        if at <= first and last <= end:
            found += [Piece(text[at:first]), Piece(text[first:last], True)]
            at = last
    found += [Piece(text[at:end]), Piece("…" if end < len(text) else "")]
    return [piece for piece in found if piece.text]
