"""How the search says no."""

from __future__ import annotations

from yungu.kernel.errors import Unavailable


class CatalogueUnready(Unavailable):
    """The index is missing or damaged and is being made anew."""

    hint = "Try again in a moment."


class WriterBusy(Unavailable):
    """Another process keeps the index."""
