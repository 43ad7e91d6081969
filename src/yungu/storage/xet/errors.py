"""How the Xet store says no."""

from __future__ import annotations

from yungu.kernel.errors import Exhausted, Invalid, NotFound, Unavailable


class HashInvalid(Invalid):
    """Not 64 lower-case hex digits."""


class XorbInvalid(Invalid):
    """The bytes are not a well-formed xorb, or not the one that the hash names."""


class ShardInvalid(Invalid):
    """The shard is malformed, or says something about its files that is not true."""


class XorbMissing(Invalid):
    """A shard refers to a xorb that was never uploaded (or has been swept since)."""

    hint = "Clear the client's Xet cache and upload again."


class Sha256Mismatch(Invalid):
    """The bytes that a shard's terms give do not have the sha256 that it claims."""


class FileTooLarge(Exhausted):
    """The file is larger than this server takes."""


class XetFileNotFound(NotFound):
    """No file has this Xet hash, or none that may be seen."""


class RangeNotSatisfiable(Invalid):
    """The byte range starts at or after the end of the file."""


class XorbDamaged(Unavailable):
    """The stored bytes of a xorb are missing or no longer what was verified."""
