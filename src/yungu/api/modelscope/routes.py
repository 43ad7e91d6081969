"""The routes of the dialect; the modules of the package add theirs."""

from __future__ import annotations

from yungu.api.http import Routes
from yungu.api.modelscope.errors import render_legacy_error, render_open_error

legacy = Routes(on_error=render_legacy_error)
"""``/api/v1``."""
open_routes = Routes(on_error=render_open_error)
"""``/openapi/v1``."""
