"""How storage says no."""

from __future__ import annotations

from yungu.kernel.errors import Conflict, Invalid, NotFound, Unavailable


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


class GitObjectMissing(NotFound):
    """The repo has no such git object, or it is of another type."""

    def __init__(self, oid: str) -> None:
        super().__init__(f"There is no object {oid} in this repo.")
        self.oid = oid


class TreeConflict(Conflict):
    """A path would be a file and a folder at once."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"'{path}' cannot be written: {reason}.", hint="Delete the one before you add the other.")
        self.path = path


class PackInvalid(Invalid):
    """A pack that was sent is damaged, refers to objects that nobody has, or holds what git forbids."""


class GitRefused(Invalid):
    """git's own program could make nothing of a request."""
