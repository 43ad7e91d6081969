"""The routes of the hf dialect."""

from __future__ import annotations

from yungu.api.http import Routes
from yungu.api.hf.errors import render_error

routes = Routes(on_error=render_error)
