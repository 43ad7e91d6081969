"""The web dialect."""

from yungu.api.web.errors import render_error
from yungu.api.web.routes import routes

__all__ = ["render_error", "routes"]
