"""How yungu says no: one root and six kinds.

Domain errors subclass one kind, carry their facts and explain themselves. A dialect maps kinds (or single classes)
to its own statuses, codes and envelopes; nothing below ``api`` knows HTTP.
"""

from __future__ import annotations


class YunguError(Exception):
    """The root of every expected refusal. ``message`` says what is wrong, ``hint`` the way out."""

    hint: str = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint


class Invalid(YunguError):
    """The request makes no sense as it stands; repeating it unchanged will fail again."""


class NotFound(YunguError):
    """There is nothing here, or nothing this actor may see."""


class Denied(YunguError):
    """The actor may see it but may not do it."""


class Conflict(YunguError):
    """The request lost against the present state of things (it exists, it moved)."""


class Exhausted(YunguError):
    """A limit or quota is used up."""


class Unavailable(YunguError):
    """It should work but does not at the moment; trying again later is reasonable."""
