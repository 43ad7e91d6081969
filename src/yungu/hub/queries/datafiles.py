"""The data of a dataset at a commit."""

from __future__ import annotations

from functools import lru_cache

from yungu.hub.queries.files import list_files, read_text
from yungu.hub.rules.cards import parse_card
from yungu.hub.rules.datafiles import DataConfig, find_configs
from yungu.storage.git import GitObjects

_MAX_CARD_BYTES = 1024 * 1024


@lru_cache(maxsize=128)
def list_configs(git: GitObjects, commit: str) -> tuple[DataConfig, ...]:
    """The configs that the card or the names of the files tell of, the default one first."""
    text = read_text(git, commit, "README.md", limit=_MAX_CARD_BYTES)
    card = parse_card("dataset", text).data if text else {}
    return tuple(find_configs(card, [file.path for file in list_files(git, commit)]))
