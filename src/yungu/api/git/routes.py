"""The routes of the git dialect."""

from __future__ import annotations

from yungu.api.http import Routes
from yungu.api.git.errors import render_error

routes = Routes(on_error=render_error)
