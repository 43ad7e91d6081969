"""What changed between two batches of a series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yungu.scenarios.models import Content, Entry
from yungu.scenarios.rules import contents


@dataclass(frozen=True, slots=True)
class Changed:
    """``fields``: their names, in order."""

    item_id: int
    before: Content
    after: Content
    fields: Sequence[str]


@dataclass(frozen=True, slots=True)
class BatchDiff:
    added: Sequence[Entry]
    removed: Sequence[Entry]
    changed: Sequence[Changed]
    same_count: int


def compare(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> BatchDiff:
    """Items are the same where their keys are."""
    changed = []
    for key, now in after.items():
        if key in before and (fields := contents.differences(before[key].content, now.content)):
            changed.append(Changed(now.item_id, before[key].content, now.content, fields))
    return BatchDiff(
        [entry for key, entry in after.items() if key not in before],
        [entry for key, entry in before.items() if key not in after],
        changed,
        len(before.keys() & after.keys()) - len(changed),
    )
