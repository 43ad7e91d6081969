"""Keyset pages: a cursor names the last row seen, so that page 1,000 costs what page 1 costs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from yungu.kernel.errors import Invalid

T = TypeVar("T")

_Whole = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class CursorInvalid(Invalid):
    """The cursor was not made by this server."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the cursor of the next page (None on the last one)."""

    items: Sequence[T]
    next_cursor: str | None = None


def encode_cursor(*key: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """The key inside ``cursor``, checked to hold ``types``; an int is 0 to 2**63 - 1. Raises CursorInvalid."""
    wanted = tuple(_Whole if kind is int else kind for kind in types)
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=tuple[wanted])  # type: ignore[valid-type]
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise CursorInvalid("This page cursor is not valid.", hint="Start again without a cursor.") from error
