"""What programs send and get about scenarios. Contents are the fields of `yungu.scenarios.OpportunityContent` and
`yungu.scenarios.CapabilityContent`, texts as ``{"zh": ..., "en": ...}``."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new item. ``owner``: a user or organization, who sends it unless one is named."""

    content: dict[str, Any]
    owner: str = ""


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``content``: the fields that change. ``version``: the one that the change was made from."""

    version: int
    content: dict[str, Any]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``step``: see `yungu.scenarios.rules.workflow`."""

    step: str
    reason: str = ""


class Opinion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    opinion: Literal["approve", "object"]
    text: str = ""


class Intent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``capability``: the code of one of the sender's own."""

    capability: str
    statement: str = ""


class Told(msgspec.Struct, frozen=True):
    """A page of a list. ``next``: the cursor of the following page, None on the last."""

    items: list[dict[str, Any]]
    total: int
    next: str | None
