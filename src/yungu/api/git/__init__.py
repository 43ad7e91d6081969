"""The git dialect."""

from yungu.api.git.errors import render_error
from yungu.api.git.routes import routes

__all__ = ["render_error", "routes"]
