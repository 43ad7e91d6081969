"""What matches, and how well: wanted words as a query of the engine.

A name that is what was typed comes before one that begins so, then names with the words in them, then owners, tags,
and texts (by BM25). The steps are further apart than popularity can reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yungu.search import words
from yungu.search.models import Wanted
from yungu.search.words import Word

if TYPE_CHECKING:
    from tantivy import Query, Schema

_EXACT, _BEGINS = 1000.0, 100.0
_NAME, _OWNER, _NAME_BEGINS, _NAME_PART, _TAG, _TEXT = 40.0, 24.0, 20.0, 12.0, 8.0, 0.2


class Matcher:
    """Builds queries over one schema."""

    def __init__(self, schema: Schema) -> None:
        from tantivy import Occur, Query

        self._schema, self._query, self._occur = schema, Query, Occur

    def all_of(self, typed: str, found: Sequence[Word]) -> Query:
        """Every word is there; a name that is or begins with all that was typed comes first."""
        is_only_minor = all(word.is_minor for word in found)
        parts = [
            (self._occur.Should if word.is_minor and not is_only_minor else self._occur.Must, word) for word in found
        ]
        queries = [(occur, self._word(word)) for occur, word in parts]
        return self._query.boolean_query([*queries, *((self._occur.Should, one) for one in self._named(typed))])

    def most_of(self, found: Sequence[Word]) -> Query:
        """All words but one are there, or half of many."""
        least = max(1, len(found) - 1 if len(found) < 5 else len(found) // 2)
        return self._query.boolean_query(
            [(self._occur.Should, self._word(word)) for word in found], minimum_number_should_match=least
        )

    def begins(self, typed: str) -> Query:
        """Names that begin with what was typed so far, or have words that do."""
        found = words.query_words(typed)
        named = [(self._occur.Should, one) for one in self._named(typed)]
        if not found:
            return self._query.boolean_query(named)
        return self._query.boolean_query([*((self._occur.Must, self._named_by(word)) for word in found), *named])

    def is_met(self, word: str) -> Query:
        """The very word is there."""
        return self._any([self._term(field, word) for field in ("names", "owners", "tags", "text")])

    def within(self, wanted: Wanted, *, without: str | None = None, any_kind: bool = False) -> list[Query]:
        """What has to be true beside the words; ``without``: a facet that shall not count."""
        kinds = wanted.kinds if wanted.kinds and not any_kind else ["*"]
        labels = ["*"] if wanted.readers is None else sorted(wanted.readers)
        seen = [f"{kind} {label}" for kind in kinds for label in labels]
        found = [
            self._term("seen", seen[0]) if len(seen) == 1 else self._query.term_set_query(self._schema, "seen", seen)
        ]
        for name, values in wanted.facets.items():
            if name != without:
                found += [self._term(name, value) for value in values]
        return found

    def filtered(self, query: Query | None, filters: Sequence[Query]) -> Query:
        """``query``, cut down by filters, which do not count for the order."""
        silent = [(self._occur.Must, self._query.const_score_query(one, 0.0)) for one in filters]
        return self._query.boolean_query([*silent, *([(self._occur.Must, query)] if query is not None else [])])

    def _word(self, word: Word) -> Query:
        found = [
            self._const("names", word.text, _NAME),
            self._const("owners", word.text, _OWNER),
            self._const("tags", word.text, _TAG),
            self._query.boost_query(self._term("text", word.text), _TEXT),
        ]
        return self._any([*found, *self._begun(word), *self._part(word)])

    def _named_by(self, word: Word) -> Query:
        begun = self._const("starts", word.text[: words.MAX_START], _NAME_BEGINS)
        return self._any([self._const("names", word.text, _NAME), begun, *self._part(word)])

    def _begun(self, word: Word) -> list[Query]:
        """A word of a name begins so."""
        if word.is_han or (len(word.text) < 2 and not word.text.isdigit()):
            return []
        return [self._const("starts", word.text[: words.MAX_START], _NAME_BEGINS)]

    def _part(self, word: Word) -> list[Query]:
        """Part of a name: a phrase of its pairs and triples."""
        found = words.grams(word.text)
        if not word.is_han and len(found) < 2:
            return []
        if len(found) > 1:
            return [
                self._query.const_score_query(self._query.phrase_query(self._schema, "grams", list(found)), _NAME_PART)
            ]
        return [self._const("grams", found[0], _NAME_PART)] if found else []

    def _named(self, typed: str) -> list[Query]:
        forms = {form for form in (words.normal(typed).casefold().strip(), words.squeezed(typed)) if form}
        found = [self._const("exact", form, _EXACT) for form in forms]
        return found + [self._const("starts", words.start_of(form), _BEGINS) for form in forms]

    def _any(self, queries: Sequence[Query]) -> Query:
        return self._query.boolean_query([(self._occur.Should, query) for query in queries])

    def _term(self, field: str, text: str) -> Query:
        return self._query.term_query(self._schema, field, text, "freq" if field == "text" else "basic")

    def _const(self, field: str, text: str, score: float) -> Query:
        return self._query.const_score_query(self._term(field, text), score)
