"""How storage says no."""

from __future__ import annotations

from yungu.kernel.errors import Invalid, NotFound, Unavailable


class StorageFull(Unavailable):
    """The medium under the store has no room for these bytes; nothing of them was kept."""

    hint = "Ask the operator to free disk space, then send the bytes again."


class KeyInvalid(Invalid):
    """A key is not a safe relative path."""


class BytesNotFound(NotFound):
    """The store holds nothing under this key."""


class PartsMissing(Invalid):
    """An upload was asked to be put together from parts that never arrived."""

    hint = "Send the missing parts, then complete the upload again."
