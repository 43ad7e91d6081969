"""Which files of a dataset are its data: configs and splits, found as the `datasets` library finds them.

The card says it (``configs:`` with ``data_files`` or ``data_dir``), or the names of files and folders do:
https://huggingface.co/docs/hub/datasets-data-files-configuration"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from yungu.tables.models import Format
from yungu.tables.rules import format_of

DataFormat = Format | Literal["images"]
MOST_CONFIGS = 200
_MOST_PATTERNS = 50
_LONGEST_PATTERN = 200
_MOST_COMPARISONS = 1_000_000
"""Of a segment of a path with one of a pattern, for one card; patterns beyond match nothing."""
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp")
_IGNORED = frozenset(
    {"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "package.json"}
)
_KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SHARD = re.compile(r"data/([^/]+?)-\d{5}-of-\d{5}[^/]*\.[^/]+")


@dataclass(frozen=True, slots=True)
class DataSplit:
    name: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataConfig:
    """``format``: of all files of its splits; files of another one are left out."""

    name: str
    format: DataFormat
    splits: tuple[DataSplit, ...]


def data_format(path: str) -> DataFormat | None:
    """How a file is read as data, by its name."""
    return "images" if path.lower().endswith(_IMAGES) else format_of(path)


def find_configs(card: Mapping[str, Any], paths: Iterable[str]) -> list[DataConfig]:
    """The configs of a dataset, the default one first; empty when it has no data that can be read."""
    data = [path for path in paths if _is_data(path)]
    patience = _Patience()
    found = [config for entry in _entries(card) if (config := _from_card(entry, data, patience))]
    if not found:
        found = [config] if (config := _of_one_format("default", _by_names(data))) else []
    return found


class _Patience:
    """How much more work a card may ask for."""

    def __init__(self) -> None:
        self._left = _MOST_COMPARISONS

    def lasts_for(self, comparisons: int) -> bool:
        self._left -= comparisons
        return self._left >= 0


def _is_data(path: str) -> bool:
    segments = path.split("/")
    hidden = any(segment.startswith((".", "__")) for segment in segments)
    return not hidden and segments[-1] not in _IGNORED and data_format(path) is not None


def _entries(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The card's configs, the default one first."""
    configs = card.get("configs")
    listed: list[Any] = configs if isinstance(configs, list) else []
    entries: list[Mapping[str, Any]] = [entry for entry in listed if isinstance(entry, dict)]
    is_default = [entry.get("default") is True or entry.get("config_name") == "default" for entry in entries]
    ordered = sorted(zip(is_default, entries, strict=True), key=lambda pair: not pair[0])
    return [entry for _, entry in ordered][:MOST_CONFIGS]


def _from_card(entry: Mapping[str, Any], data: Sequence[str], patience: _Patience) -> DataConfig | None:
    name = str(entry.get("config_name") or "default")[:200]
    folder = str(entry.get("data_dir") or "").strip("/")
    inside = [path for path in data if path.startswith(f"{folder}/")] if folder else list(data)
    patterns = _split_patterns(entry.get("data_files"))
    if not patterns:
        return _of_one_format(name, _by_names(inside, folder)) if folder else None
    splits = [DataSplit(split, tuple(_matching(globs, inside, folder, patience))) for split, globs in patterns.items()]
    return _of_one_format(name, [split for split in splits if split.paths])


def _split_patterns(value: Any) -> dict[str, list[str]]:
    """Split name to patterns, however the card spells it: a text, a list of texts, a list of splits, a map."""
    if isinstance(value, dict):
        found = {str(split): _texts(globs) for split, globs in value.items()}
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        items = [item for item in value if isinstance(item, dict)]
        found = {str(item.get("split") or "train"): _texts(item.get("path")) for item in items}
    else:
        found = {"train": _texts(value)}
    return {split[:200]: globs for split, globs in list(found.items())[:MOST_CONFIGS] if globs}


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str) and item and "://" not in item][:_MOST_PATTERNS]


def _matching(globs: Sequence[str], data: Sequence[str], folder: str, patience: _Patience) -> list[str]:
    found: dict[str, None] = {}
    for glob in globs:
        full = f"{folder}/{glob.removeprefix('./')}".strip("/")[:_LONGEST_PATTERN]
        parts = full.split("/")
        start = re.split(r"[*?\[]", full, maxsplit=1)[0]
        near = [path for path in data if path.startswith(start)]
        if not patience.lasts_for(len(data) // 10 + len(parts) * sum(path.count("/") + 1 for path in near)):
            break
        found |= dict.fromkeys(path for path in near if path.startswith(f"{full}/") or _fits(parts, path.split("/")))
    return list(found)


def _fits(glob: Sequence[str], path: Sequence[str]) -> bool:
    """Whether a path fits a pattern, both cut at their slashes: ``*`` stays within a folder, ``**`` is any number of
    them. Only the last ``**`` is ever tried again, so that no pattern takes longer than the product of the lengths."""
    at = tried = 0
    starred: int | None = None
    number = 0
    while number < len(path):
        if at < len(glob) and glob[at] == "**":
            starred, tried, at = at, number, at + 1
        elif at < len(glob) and fnmatchcase(path[number], glob[at]):
            at, number = at + 1, number + 1
        elif starred is not None:
            tried += 1
            at, number = starred + 1, tried
        else:
            return False
    return all(part == "**" for part in glob[at:])


def _by_names(data: Sequence[str], folder: str = "") -> list[DataSplit]:
    """Shards in ``data/``, else folders named after splits, else files named after splits, else all in "train"."""
    start = len(folder) + 1 if folder else 0
    for splits_of in (_shard_split, _folder_split, _file_split):
        found: dict[str, list[str]] = {}
        for path in data:
            if split := splits_of(path[start:]):
                found.setdefault(split, []).append(path)
        if found:
            return [DataSplit(split, tuple(found[split])) for split in sorted(found, key=_split_order)]
    return [DataSplit("train", tuple(data))] if data else []


def _split_order(name: str) -> tuple[int, str]:
    known = list(_KEYWORDS)
    return (known.index(name) if name in known else len(known), name)


def _shard_split(path: str) -> str | None:
    found = _SHARD.fullmatch(path)
    return found[1] if found else None


def _folder_split(path: str) -> str | None:
    return next((split for part in path.split("/")[:-1] if (split := _keyword(part))), None)


def _file_split(path: str) -> str | None:
    return _keyword(path.rpartition("/")[2])


def _keyword(text: str) -> str | None:
    words = re.split(r"[-._ 0-9]+", text.lower())
    return next((split for split, keywords in _KEYWORDS.items() if any(word in keywords for word in words)), None)


def _of_one_format(name: str, splits: Sequence[DataSplit]) -> DataConfig | None:
    counted = Counter(data_format(path) for split in splits for path in split.paths)
    if not counted:
        return None
    chosen = counted.most_common(1)[0][0]
    assert chosen is not None
    kept = [DataSplit(s.name, tuple(path for path in s.paths if data_format(path) == chosen)) for s in splits]
    return DataConfig(name, chosen, tuple(split for split in kept if split.paths))
