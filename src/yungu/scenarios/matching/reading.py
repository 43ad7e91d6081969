"""What was read of items: kept from one market to the next, so that each version is read once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from yungu.scenarios.matching import texts
from yungu.scenarios.matching.lexical import Bag, Vocabulary
from yungu.scenarios.models import Content

Key = tuple[int, int]
"""Id and version of an item."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``bag``: the words; ``names``: hashes of the texts that a vector is made of; ``group``: the languages in which it
    says what it is about, as bits (1 Chinese, 2 English)."""

    bag: Bag
    names: Sequence[str]
    group: int


class Readings:
    """Of all items of a market, by key. Threads may ask at once: at worst an item is read twice."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()
        self._kept: dict[Key, Reading] = {}

    def of(self, key: Key, content: Content) -> Reading:
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._read(content)
        return found

    def keep_only(self, keys: Collection[Key]) -> None:
        self._kept = {key: one for key, one in self._kept.copy().items() if key in keys}

    def _read(self, content: Content) -> Reading:
        spoken = texts.languages_of(content)
        names = tuple(texts.text_hash(text) for text in texts.meanings_of(content))
        return Reading(self.vocabulary.bag(texts.terms_of(content)), names, ("zh" in spoken) + 2 * ("en" in spoken))
