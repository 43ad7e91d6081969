"""Every table of every domain, for migrations and tests: importing this module fills the metadata."""

from __future__ import annotations

import yungu.accounts.models
import yungu.compute.models
import yungu.credits.models
import yungu.hub.models
import yungu.kernel.events
import yungu.kernel.upkeep
import yungu.scenarios.matching.models
import yungu.scenarios.models
import yungu.scenarios.validation.models
import yungu.storage.models
import yungu.storage.xet.models  # noqa: F401 - each import fills the metadata
from yungu.kernel.db import metadata

__all__ = ["metadata"]
