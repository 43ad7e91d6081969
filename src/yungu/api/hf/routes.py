"""The route table of the hf dialect; the modules beside this one fill it, one per noun."""

from __future__ import annotations

from yungu.api.hf.errors import render_error
from yungu.api.http import Routes

routes = Routes(on_error=render_error)
