"""The routes of the web dialect."""

from __future__ import annotations

from yungu.api.http import Routes
from yungu.api.web.errors import render_error

routes = Routes(on_error=render_error)
