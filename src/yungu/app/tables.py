"""Every table of every domain, for migrations and tests: importing this module fills the metadata."""

from __future__ import annotations

from yungu.kernel.db import metadata

__all__ = ["metadata"]
