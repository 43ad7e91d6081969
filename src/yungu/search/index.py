"""The index on disk: made, filled, looked into, thrown away. Everything in it can be made anew from elsewhere.

One process at a time may write (the lock of tantivy, which ends with the process); every process may look. The
bookmark is an entry of its own, so it moves in the same commit as what it speaks of."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yungu.search import words
from yungu.search.errors import CatalogueUnready, WriterBusy
from yungu.search.matching import Matcher
from yungu.search.models import Bookmark, Entry, Found, Hit, Layout, Wanted
from yungu.search.words import Word

if TYPE_CHECKING:
    from tantivy import DocAddress, Document, Index, IndexWriter, Query, Schema, Searcher

log = logging.getLogger("yungu.search")
_FORMAT = "1"
"""Changes with the schema below or with how words are cut."""
_WRITER_BYTES = 32_000_000
_BOOKMARK = "~bookmark"
_KEPT_TEXT = 3000
"""Characters of a text that are kept to show where the words are."""
_FEW = 3
"""So few hits make one think that the words were mistyped."""
_COUNTED = 100
"""Values of one facet that are counted."""
_KEPT_COUNTS = 256
_LOOKED_THROUGH = 5_000
_CANDIDATES = 5


class _Kept(msgspec.Struct, array_like=True):
    """What comes back with a hit."""

    title: str
    text: str


class Catalogue:
    """The index in ``folder``. Nothing is opened before it is needed."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.layout = layout
        self._folder = folder / f"{_FORMAT}-{layout.version}"
        self._lock = threading.RLock()
        self._opened: _Opened | None = None
        self._writer: IndexWriter | None = None
        self._writing = threading.Lock()
        self._is_suspect = False

    # --- looking

    @property
    def bookmark(self) -> Bookmark | None:
        """How far the index is; None when there is none yet."""
        try:
            return self._open().bookmark
        except CatalogueUnready:
            return None

    @property
    def is_complete(self) -> bool:
        """Whether everything that there is was put in once."""
        bookmark = self.bookmark
        return bookmark is not None and bookmark.is_complete

    def find(self, wanted: Wanted) -> Found:
        """Raises CatalogueUnready."""
        with self._guarded() as opened:
            return _Look(opened, self.layout, wanted).found()

    def suggest(self, typed: str, *, readers: frozenset[str] | None, limit: int) -> Sequence[Hit]:
        """What somebody may be about to type, by its name, the most popular first. Raises CatalogueUnready."""
        with self._guarded() as opened:
            look = _Look(opened, self.layout, Wanted(typed, readers=readers, limit=limit))
            return look.hits(look.within(opened.matcher.begins(typed)), [])

    def read_numbers(self, names: Sequence[str], low: float, high: float) -> Iterator[tuple[float, ...]]:
        """Those numbers of every entry of which the first is at least ``low`` and below ``high``. Raises
        CatalogueUnready."""
        with self._guarded() as opened:
            yield from opened.read_numbers(names, low, high)

    # --- writing

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """The only writer of all threads and processes, from knowing how far the index is to having committed.

        Nothing is kept unless the block ends well. Raises WriterBusy."""
        with self._writing:
            engine = self._hold_writer()
            writer = Writer(engine, self.bookmark)
            try:
                yield writer
            except BaseException:
                engine.rollback()
                raise
            if writer.is_changed:
                engine.commit()
                self._reload()

    def is_sound(self) -> bool:
        """Whether everything in the index can be read. It is looked at only after a search has failed, because a
        search may also fail by itself."""
        if not self._is_suspect:
            return True
        self._is_suspect = False
        try:
            with _damage_told():
                self._open().read_everything()
        except CatalogueUnready:
            return False
        return True

    def clear(self) -> None:
        """Throw the index away."""
        with self._writing, self._lock:
            self._drop()
            shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Give back the lock and the files."""
        with self._writing, self._lock:
            self._drop()

    def _hold_writer(self) -> IndexWriter:
        with self._lock:
            if self._writer is None:
                opened = self._make()
                try:
                    self._writer = opened.index.writer(_WRITER_BYTES, 1)
                except ValueError as error:
                    raise WriterBusy("Another process keeps the search index.") from error
                self._reload()
            return self._writer

    def _make(self) -> _Opened:
        """The index, a new one if there is none that can be used."""
        try:
            return self._open()
        except CatalogueUnready:
            if self._folder.exists():
                log.warning("the search index in %s cannot be used and is made anew", self._folder)
            _remove_others(self._folder)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            return self._open(is_new=True)

    def _open(self, *, is_new: bool = False) -> _Opened:
        with self._lock:
            if self._opened is None:
                self._opened = _Opened.at(self._folder, self.layout, is_new=is_new)
            self._opened.follow()
            return self._opened

    def _reload(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.follow()

    def _drop(self) -> None:
        self._writer = self._opened = None

    @contextmanager
    def _guarded(self) -> Iterator[_Opened]:
        opened = self._open()
        try:
            with _damage_told():
                yield opened
        except CatalogueUnready:
            log.exception("a search failed")
            self._is_suspect = True
            raise


@contextmanager
def _damage_told() -> Iterator[None]:
    """Whatever the engine says of files that are not as they should be is said as CatalogueUnready."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, OSError | ValueError | msgspec.MsgspecError) or type(error).__name__ == "PanicException":
            raise CatalogueUnready("The search index is damaged and is being made anew.") from error
        raise


class Writer:
    """Puts entries in and takes them out. ``bookmark``: how far the index is, None: it is new."""

    def __init__(self, engine: IndexWriter, bookmark: Bookmark | None) -> None:
        self.bookmark = bookmark
        self.is_changed = False
        self._engine = engine

    def put(self, entry: Entry) -> None:
        """Add the entry, or replace the one with its key."""
        self.drop(entry.key)
        self._engine.add_document(_document(entry))

    def drop(self, key: str) -> None:
        self.is_changed = True
        self._engine.delete_documents_by_term("key", key)

    def mark(self, bookmark: Bookmark) -> None:
        """Move the bookmark, in the same commit."""
        from tantivy import Document

        self.drop(_BOOKMARK)
        document = Document()
        document.add_text("key", _BOOKMARK)
        document.add_bytes("kept", msgspec.msgpack.encode(bookmark))
        self._engine.add_document(document)
        self.bookmark = bookmark


class _Opened:
    """An index that is open, as of its last commit that was seen."""

    def __init__(self, folder: Path, index: Index, layout: Layout) -> None:
        self.index = index
        self.layout = layout
        self.matcher = Matcher(index.schema)
        self.searcher: Searcher
        self.bookmark: Bookmark | None = None
        self.counts: dict[object, dict[str, Sequence[tuple[str, int]]]] = {}
        self._meta = folder / "meta.json"
        self._seen: tuple[int, int] | None = None

    @classmethod
    def at(cls, folder: Path, layout: Layout, *, is_new: bool) -> _Opened:
        """Raises CatalogueUnready."""
        if not is_new and not (folder / "meta.json").exists():
            raise CatalogueUnready("The search index is being made.")
        from tantivy import Index

        with _damage_told():
            index = Index(_schema(layout), str(folder))
            index.config_reader("manual")
        return cls(folder, index, layout)

    def follow(self) -> None:
        """Look at the newest commit, of this process or another. Raises CatalogueUnready."""
        with _damage_told():
            seen = self._meta.stat()
            now = (seen.st_mtime_ns, seen.st_ino)
            if now == self._seen:
                return
            self.index.reload()
            self.searcher = self.index.searcher()
            self.counts = {}
            self.bookmark = self._read_bookmark()
            self._seen = now

    def _read_bookmark(self) -> Bookmark | None:
        from tantivy import Query

        found = self.searcher.search(Query.term_query(self.index.schema, "key", _BOOKMARK, "basic"), 1)
        if not found.hits:
            return None
        return msgspec.msgpack.decode(self.searcher.doc(found.hits[0][1])["kept"][0], type=Bookmark)

    def read_everything(self) -> None:
        from tantivy import Query

        found = self.searcher.search(Query.all_query(), max(1, self.searcher.num_docs), False)
        for _, address in found.hits:
            self.searcher.doc(address)

    def read_numbers(self, names: Sequence[str], low: float, high: float) -> Iterator[tuple[float, ...]]:
        from tantivy import FieldType, Query

        within = Query.range_query(self.index.schema, names[0], FieldType.Float, low, high, True, False)
        found = self.searcher.search(within, limit=max(1, self.searcher.num_docs), count=False)
        addresses = [address for _, address in found.hits]
        columns = [self.searcher.fast_field_values(name, addresses) for name in names]
        for row in zip(*columns, strict=True):
            yield tuple(float(value or 0) for value in row)


class _Look:
    """One search."""

    def __init__(self, opened: _Opened, layout: Layout, wanted: Wanted) -> None:
        self._matcher, self._searcher = opened.matcher, opened.searcher
        self._kept_counts = opened.counts
        self._layout, self._wanted = layout, wanted
        self._words = words.query_words(wanted.words)

    def found(self) -> Found:
        if not self._words and self._wanted.words.strip():
            return Found([], 0, {})
        if not self._words:
            return self._report(None, self._words)
        strict = self._matcher.all_of(self._wanted.words, self._words)
        exact = self._report(strict, self._words)
        if exact.total >= _FEW or self._wanted.skip:
            return exact
        return self._loosely(exact)

    def _loosely(self, exact: Found) -> Found:
        """Few or none match: perhaps something was mistyped, perhaps one word is too many."""
        meant = [self._correct(word) for word in self._words]
        found, suggestion = exact, None
        if meant != self._words:
            suggestion = " ".join(word.text for word in meant)
            better = self._report(self._matcher.all_of(suggestion, meant), meant)
            suggestion = suggestion if better.total > exact.total else None
            found = exact if exact.total else better
        if not found.total and len(meant) > 1:
            found = self._report(self._matcher.most_of(meant), meant)
        return replace(found, suggestion=suggestion, is_loose=found.total > 0 and not exact.total)

    def within(self, query: Query | None, **relaxed: Any) -> Query:
        return self._matcher.filtered(query, self._matcher.within(self._wanted, **relaxed))

    def hits(self, query: Query, marked: Sequence[Word]) -> list[Hit]:
        return [self._hit(address, marked) for address in self._top(query)[0]]

    def _report(self, query: Query | None, marked: Sequence[Word]) -> Found:
        addresses, total = self._top(self.within(query))
        hits = [self._hit(address, marked) for address in addresses]
        counts = self._counts(query)
        return Found(hits, total, dict(counts.pop("kind", ())), counts)

    def _top(self, query: Query) -> tuple[list[DocAddress], int]:
        wanted = self._wanted
        by: dict[str, Any] = {"order_by_field": wanted.sort} if wanted.sort else {"weight_by_field": "popularity"}
        found: Any = self._searcher.search(query, max(1, wanted.limit), True, offset=wanted.skip, **by)
        return [address for _, address in found.hits], int(found.count or 0)

    def _hit(self, address: DocAddress, marked: Sequence[Word]) -> Hit:
        document = self._searcher.doc(address)
        kept = _kept(document)
        snippet = words.highlight(kept.text, [word.text for word in marked]) if self._wanted.has_snippets else ()
        return Hit(document["key"][0], document["kind"][0], kept.title, snippet)

    def _counts(self, query: Query | None) -> dict[str, Sequence[tuple[str, int]]]:
        """Of a query without words the counts are kept until the index changes: they are those of every first page."""
        wanted = self._wanted
        asked = (tuple(wanted.kinds), wanted.readers, tuple(sorted((k, tuple(v)) for k, v in wanted.facets.items())))
        key = (*asked, tuple(wanted.counted))
        known = self._kept_counts.get(key) if query is None else None
        if known is None:
            known = self._count_all(query)
            if query is None and len(self._kept_counts) < _KEPT_COUNTS:
                self._kept_counts[key] = known
        return dict(known)

    def _count_all(self, query: Query | None) -> dict[str, Sequence[tuple[str, int]]]:
        """A facet of which one value is asked for shows its other values as well, to change over to them."""
        wanted = self._wanted
        alone = [name for name in wanted.counted if name in wanted.facets and name not in self._layout.narrowing]
        together = [name for name in wanted.counted if name not in alone and name != "kind"]
        counts = self._count(self.within(query), together)
        for name in alone:
            counts |= self._count(self.within(query, without=name), [name])
        if "kind" in wanted.counted:
            counts |= self._count(self.within(query, any_kind=True), ["kind"])
        return counts

    def _count(self, query: Query, names: Sequence[str]) -> dict[str, Sequence[tuple[str, int]]]:
        if not names:
            return {}
        asked = {name: {"terms": {"field": name, "size": _COUNTED}} for name in names}
        counted = self._searcher.aggregate(query, asked)
        return {
            name: [(bucket["key"], int(bucket["doc_count"])) for bucket in counted[name]["buckets"]] for name in names
        }

    def _correct(self, word: Word) -> Word:
        """The word that was probably meant: of what may be seen, the nearest and then the most frequent."""
        most = 0 if word.is_han or word.text.isdigit() else words.mistakes_allowed(word.text)
        if not most or self._is_met(word.text):
            return word
        typed, counts = words.Typed(word.text), self._begun_like(word.text)
        for mistakes in range(1, most + 1):
            near = sorted(typed.find_near(counts, mistakes), key=lambda other: (-counts[other], other))
            for other in near[:_CANDIDATES]:
                if self._is_met(other):
                    return Word(other, False)
        return word

    def _begun_like(self, word: str) -> Mapping[str, int]:
        """Words that begin like it, and in how much they are: people seldom mistype the first letter of a name, or the
        first two of a word."""
        counts: dict[str, int] = {}
        for field, prefix in (("names", word[:1]), ("owners", word[:1]), ("tags", word[:1]), ("text", word[:2])):
            for other, number in self._searcher.terms_with_prefix(field, prefix, limit=_LOOKED_THROUGH):
                counts[other] = counts.get(other, 0) + number
        return counts

    def _is_met(self, word: str) -> bool:
        return bool(self._searcher.search(self.within(self._matcher.is_met(word)), 1, False).hits)


def _kept(document: Document) -> _Kept:
    return msgspec.msgpack.decode(document["kept"][0], type=_Kept)


def _schema(layout: Layout) -> Schema:
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("kind", stored=True, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_bytes_field("kept", stored=True)
    for name in ("seen", "exact"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("names", "owners", "tags", "starts"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field("grams", tokenizer_name="whitespace", index_option="position")
    builder.add_text_field("text", tokenizer_name="whitespace", index_option="freq")
    builder.add_float_field("popularity", fast=True)
    for name in layout.facets:
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in layout.numbers:
        builder.add_float_field(name, indexed=True, fast=True)
    return builder.build()


def _document(entry: Entry) -> Document:
    from tantivy import Document

    owner, _, name = entry.name.rpartition("/")
    names = f"{words.name_words(name)} {words.name_words(entry.title)}"
    kept = _Kept(entry.title, entry.text[:_KEPT_TEXT])
    document = Document()
    for field, values in _texts(entry, owner, name, names).items():
        for value in values:
            document.add_text(field, value)
    document.add_bytes("kept", msgspec.msgpack.encode(kept))
    document.add_float("popularity", float(entry.popularity))
    for field, number in entry.numbers.items():
        document.add_float(field, float(number))
    return document


def _texts(entry: Entry, owner: str, name: str, names: str) -> dict[str, Iterable[str]]:
    exact = [*words.exact_names(entry.name), *([words.normal(entry.title).casefold()] if entry.title else [])]
    return {
        "key": [entry.key],
        "kind": [entry.kind],
        "seen": [f"{kind} {label}" for kind in (entry.kind, "*") for label in (*entry.readers, "*")],
        "exact": exact,
        "starts": [words.name_starts(exact, f"{names} {words.name_words(owner)}".split())],
        "names": [names],
        "owners": [words.name_words(owner)],
        "grams": [words.name_grams(name, entry.title)],
        "tags": [words.name_words(" ".join(entry.tags))],
        "text": [words.text_words(entry.text)],
        **entry.facets,
    }


def _remove_others(folder: Path) -> None:
    """Indexes of other layouts are of no use to anybody who runs this version."""
    with contextlib.suppress(OSError):
        for other in folder.parent.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
