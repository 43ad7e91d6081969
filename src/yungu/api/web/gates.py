"""What the card of a gated repo wants to know of who asks to be let in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yungu.hub import Repo

_MAX_QUESTIONS = 20
_TYPES = ("text", "checkbox", "date_picker", "country", "select")


@dataclass(frozen=True, slots=True)
class Question:
    """One field of a gate's form (``extra_gated_fields`` of the card). ``options``: of a choice."""

    name: str
    type: str
    options: Sequence[str] = ()


def questions(repo: Repo) -> Sequence[Question]:
    """What the card wants to know of who asks."""
    fields = repo.card.get("extra_gated_fields")
    if not isinstance(fields, dict):
        return []
    return [_question(str(name)[:100], kind) for name, kind in list(fields.items())[:_MAX_QUESTIONS]]


def _question(name: str, kind: Any) -> Question:
    if isinstance(kind, dict):
        given = kind.get("options")
        options = given[:100] if isinstance(given, list) else []
        labels = [item.get("label") if isinstance(item, dict) else item for item in options]
        return Question(name, "select", [str(label)[:100] for label in labels])
    return Question(name, kind if kind in _TYPES else "text")
